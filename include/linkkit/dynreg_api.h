/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dynreg_api.h
 * @brief Asks the platform for a device's secret. Programs that set IOTX_IOCTL_SET_DYNAMIC_REGISTER need not call it.
 */
#ifndef OTAKIT_LINKKIT_DYNREG_API_H
#define OTAKIT_LINKKIT_DYNREG_API_H

#include "infra_types.h"
#include "infra_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Registers a device with its product's secret. Blocks.
 *
 * Over HTTP, up to 10 s; over MQTT when IOTX_IOCTL_SET_DYNAMIC_REGISTER is 2: as long as connecting takes, and up to 15 s.
 *
 * @param region region of the platform; hosts set with IOTX_IOCTL_SET_HTTP_DOMAIN come first, and with region 5 those
 *               set with IOTX_IOCTL_SET_MQTT_DOMAIN
 * @param meta   product_key, product_secret and device_name are read, device_secret is written on success
 *
 * @retval 0           device_secret is the device's
 * @retval FAIL_RETURN an argument is not valid, there was no answer, or the platform refused
 */
int32_t IOT_Dynamic_Register(iotx_http_region_types_t region, iotx_dev_meta_info_t *meta);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_DYNREG_API_H */
