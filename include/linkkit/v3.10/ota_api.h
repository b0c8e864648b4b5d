/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file ota_api.h
 * @brief Generation V3.10: updates over the air with the basic API. What differs from v3.0.1 has an own symbol.
 */
#ifndef OTAKIT_LINKKIT_V310_OTA_API_H
#define OTAKIT_LINKKIT_V310_OTA_API_H

#include "infra_defs.h"

/* The states have other values; the command takes one more. */
#define IOT_OTA_State_t otakit_v301_IOT_OTA_State_t
#define IOT_OTAS_UNINITED otakit_v301_IOT_OTAS_UNINITED
#define IOT_OTAS_INITED otakit_v301_IOT_OTAS_INITED
#define IOT_OTAS_FETCHING otakit_v301_IOT_OTAS_FETCHING
#define IOT_OTAS_FETCHED otakit_v301_IOT_OTAS_FETCHED
#include "../ota_api.h"
#undef IOT_OTA_State_t
#undef IOT_OTAS_UNINITED
#undef IOT_OTAS_INITED
#undef IOT_OTAS_FETCHING
#undef IOT_OTAS_FETCHED

#ifdef __cplusplus
extern "C" {
#endif

/** State of a session. */
typedef enum {
    IOT_OTAS_UNINITED = 0,
    IOT_OTAS_INITED = 1,
    IOT_OTAS_PUSHED = 2, /**< an offer was taken */
    IOT_OTAS_FETCHING = 3,
    IOT_OTAS_FETCHED = 4
} IOT_OTA_State_t;

/** Command: gives up the offer and waits for the next one. The buffer may be NULL with length 0. */
#define IOT_OTAG_RESET_STATE ((IOT_OTA_CmdType_t)14)

#define IOT_OTA_Ioctl otakit_v310_IOT_OTA_Ioctl
/** @brief As in v3.0.1, with IOT_OTAG_RESET_STATE. */
int IOT_OTA_Ioctl(void *handle, IOT_OTA_CmdType_t type, void *buf, int buf_len);

/** Called when an offer was taken, inside IOT_MQTT_Yield, with the session's handle. */
typedef int (*ota_event_fpt)(void *handle);

/**
 * @brief Sets what is called when an offer was taken.
 * @return 0; -1 for a handle that is not open or a callback that is NULL
 */
int IOT_OTA_SetOnPushedCallback(void *handle, ota_event_fpt on_pushed);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_V310_OTA_API_H */
