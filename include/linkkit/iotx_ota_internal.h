/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iotx_ota_internal.h
 * @brief Callbacks at the begin and the end of a download. For a device-model layer above the OTA session.
 *
 * Thread and handle rules are those of ota_api.h.
 */
#ifndef OTAKIT_LINKKIT_IOTX_OTA_INTERNAL_H
#define OTAKIT_LINKKIT_IOTX_OTA_INTERNAL_H

#include "infra_types.h"
#include "ota_api.h"
#include "iotx_ota.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Hears about a firmware download. No lock of the library is held; the session's functions may be called.
 * @param user_data what was registered
 * @param is_fetch  0: an offer was taken, called inside IOT_MQTT_Yield; 1: the download ended, well or not, called
 *                  inside IOT_OTA_FetchYield
 * @param size_file size of the firmware in bytes; 0xFFFFFFFF if it does not fit
 * @param purl      where it is fetched from. Belongs to the library, read-only, valid during the call.
 * @param version   its version. Belongs to the library, read-only, valid during the call.
 */
typedef void (*ota_fetch_cb_fpt)(void *user_data, int is_fetch, uint32_t size_file, char *purl, char *version);

/**
 * @brief Hears about a configuration download. No lock of the library is held.
 *
 * The strings belong to the library, are read-only and valid during the call.
 *
 * @param user_data  what was registered
 * @param is_fetch   0: begin, 1: end, as for ota_fetch_cb_fpt
 * @param configId   id of the configuration
 * @param configSize its size in bytes
 * @param sign       its digest in hexadecimal
 * @param signMethod the digest's method
 * @param url        where it is fetched from
 * @param getType    how it is delivered
 */
typedef void (*cota_fetch_cb_fpt)(void *user_data, int is_fetch, char *configId, uint32_t configSize, char *sign,
                                  char *signMethod, char *url, char *getType);

/**
 * @brief Sets the callback for firmware downloads; one per session, the last one wins. Does not block.
 * @param pt        an OTA session
 * @param fetch_cb  not NULL
 * @param user_data handed to the callback; must outlive the session
 * @return 0; -1 if there is no such session or fetch_cb is NULL
 */
int iotx_ota_set_fetch_callback(void *pt, ota_fetch_cb_fpt fetch_cb, void *user_data);

/**
 * @brief Sets the callback for configuration downloads; one per session, the last one wins. Does not block.
 * @param pt        an OTA session
 * @param fetch_cb  not NULL
 * @param user_data handed to the callback; must outlive the session
 * @return 0; -1 if there is no such session or fetch_cb is NULL
 */
int iotx_ota_set_cota_fetch_callback(void *pt, cota_fetch_cb_fpt fetch_cb, void *user_data);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_IOTX_OTA_INTERNAL_H */
