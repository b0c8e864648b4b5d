/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iotx_ota.h
 * @brief Asking the platform for a firmware or a configuration. For a device-model layer above the OTA session.
 *
 * Thread and handle rules are those of ota_api.h. The answers arrive like offers, inside IOT_MQTT_Yield.
 */
#ifndef OTAKIT_LINKKIT_IOTX_OTA_H
#define OTAKIT_LINKKIT_IOTX_OTA_H

#include "infra_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Asks for the configuration of the device. May block as long as IOT_MQTT_Publish does.
 *
 * The strings are NUL-terminated and borrowed for the call.
 *
 * @param handle        an OTA session
 * @param configScope   whose configuration, as a rule "product"
 * @param getType       how it is to be delivered, as a rule "file"
 * @param attributeKeys which parts; "" for all
 * @retval 0                      asked
 * @retval IOT_OTAE_INVALID_PARAM no such session, or a string is NULL
 * @retval IOT_OTAE_OSC_FAILED    it could not be published
 * @retval IOT_OTAE_GENERAL       another failure; IOT_OTA_GetLastError names it: IOT_OTAE_INVALID_STATE during a
 *                                download, IOT_OTAE_NOMEM
 */
int iotx_ota_get_config(void *handle, const char *configScope, const char *getType, const char *attributeKeys);

/**
 * @brief Asks whether there is a newer firmware than this. May block as long as IOT_MQTT_Publish does.
 * @param handle  an OTA session
 * @param version the version that runs: 1..32 bytes, NUL-terminated; borrowed for the call
 * @retval 0                      asked
 * @retval IOT_OTAE_INVALID_PARAM no such session, or version is NULL
 * @retval IOT_OTAE_OSC_FAILED    it could not be published
 * @retval IOT_OTAE_GENERAL       another failure; IOT_OTA_GetLastError names it: IOT_OTAE_INVALID_PARAM for a version
 *                                that is empty or too long, IOT_OTAE_INVALID_STATE during a download, IOT_OTAE_NOMEM
 */
int iotx_req_image(void *handle, const char *version);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_IOTX_OTA_H */
