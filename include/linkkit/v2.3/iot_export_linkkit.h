/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_export_linkkit.h
 * @brief Generation V2.3: the device model.
 */
#ifndef OTAKIT_LINKKIT_V23_IOT_EXPORT_LINKKIT_H
#define OTAKIT_LINKKIT_V23_IOT_EXPORT_LINKKIT_H

#include "iot_export.h"

/* The messages have other numbers in this generation. */
#ifdef __cplusplus
extern "C" {
#endif

/** What kind of device is opened. */
typedef enum {
    IOTX_LINKKIT_DEV_TYPE_MASTER = 0,
    IOTX_LINKKIT_DEV_TYPE_SLAVE = 1,
    IOTX_LINKKIT_DEV_TYPE_MAX = 2
} iotx_linkkit_dev_type_t;

/** The identity of a device, as issued with it: NUL-terminated strings. */
typedef struct {
    char product_key[PRODUCT_KEY_LEN + 1];
    char product_secret[PRODUCT_SECRET_LEN + 1];
    char device_name[DEVICE_NAME_LEN + 1];
    char device_secret[DEVICE_SECRET_LEN + 1];
} iotx_linkkit_dev_meta_info_t;

/** What is reported or asked for; see the v3.0.1 header. */
typedef enum {
    ITM_MSG_POST_PROPERTY = 0,
    ITM_MSG_DEVICEINFO_UPDATE = 1,
    ITM_MSG_DEVICEINFO_DELETE = 2,
    ITM_MSG_POST_RAW_DATA = 3,
    ITM_MSG_LOGIN = 4,
    ITM_MSG_LOGOUT = 5,
    ITM_MSG_QUERY_TIMESTAMP = 6,
    ITM_MSG_QUERY_TOPOLIST = 7,
    ITM_MSG_QUERY_FOTA_DATA = 8,
    ITM_MSG_QUERY_COTA_DATA = 9,
    ITM_MSG_REQUEST_COTA = 10,
    ITM_MSG_REQUEST_FOTA_IMAGE = 11,
    IOTX_LINKKIT_MSG_MAX = 12,
    ITM_MSG_EVENT_NOTIFY_REPLY = 32
} iotx_linkkit_msg_type_t;

#define IOT_Linkkit_Report otakit_v23_IOT_Linkkit_Report
#define IOT_Linkkit_Query otakit_v23_IOT_Linkkit_Query

/** @brief See the v3.0.1 header for all of these. */
int IOT_Linkkit_Open(iotx_linkkit_dev_type_t dev_type, iotx_linkkit_dev_meta_info_t *meta_info);
int IOT_Linkkit_Connect(int devid);
void IOT_Linkkit_Yield(int timeout_ms);
int IOT_Linkkit_Close(int devid);
int IOT_Linkkit_Report(int devid, iotx_linkkit_msg_type_t msg_type, unsigned char *payload, int payload_len);
int IOT_Linkkit_Query(int devid, iotx_linkkit_msg_type_t msg_type, unsigned char *payload, int payload_len);
int IOT_Linkkit_TriggerEvent(int devid, char *eventid, int eventid_len, char *payload, int payload_len);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_V23_IOT_EXPORT_LINKKIT_H */
