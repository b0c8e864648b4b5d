/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_sign_api.h
 * @brief Generation V3.10: computes the MQTT sign-in data of a device.
 */
#ifndef OTAKIT_LINKKIT_V310_DEV_SIGN_API_H
#define OTAKIT_LINKKIT_V310_DEV_SIGN_API_H

#include "infra_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The result has another size in this generation. */
#define IOT_Sign_MQTT otakit_v310_IOT_Sign_MQTT

/**
 * @brief Computes broker host, port, client id, user name and password for a device; see the v3.0.1 header.
 * @return 0, or a negative number: FAIL_RETURN or an ERROR_DEV_SIGN_...
 */
int32_t IOT_Sign_MQTT(iotx_mqtt_region_types_t region, iotx_dev_meta_info_t *meta, iotx_sign_mqtt_t *signout);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_V310_DEV_SIGN_API_H */
