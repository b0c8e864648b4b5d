/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_export.h
 * @brief Generation V2.3: everything that programs call.
 */
#ifndef OTAKIT_LINKKIT_V23_IOT_EXPORT_H
#define OTAKIT_LINKKIT_V23_IOT_EXPORT_H

#include <stdint.h>
#include <stddef.h>
#include "iot_export_errno.h"
#include "../infra_defs.h"

#define DLL_IOT_API

#define PRODUCT_KEY_LEN (20)
#define DEVICE_NAME_LEN (32)
#define DEVICE_ID_LEN (64)
#define DEVICE_SECRET_LEN (64)
#define PRODUCT_SECRET_LEN (64)
#define LINKKIT_VERSION "2.3.0"
#define MODULE_VENDOR_ID (32)
#define HOST_ADDRESS_LEN (128)
#define HOST_PORT_LEN (8)
#define CLIENT_ID_LEN (256)
#define USER_NAME_LEN (512)
#define PASSWORD_LEN (256)
#define AESKEY_STR_LEN (32)
#define AESKEY_HEX_LEN (128 / 8)

#ifdef __cplusplus
extern "C" {
#endif

/** How talkative the library is. A line is printed if its level is not above the limit that was set. */
typedef enum {
    IOT_LOG_NONE = 0,
    IOT_LOG_CRIT = 1,
    IOT_LOG_ERROR = 2,
    IOT_LOG_WARNING = 3,
    IOT_LOG_INFO = 4,
    IOT_LOG_DEBUG = 5
} IOT_LogLevel;

/** @brief Sets the most talkative level that the library still prints. */
void IOT_SetLogLevel(IOT_LogLevel level);

/** @brief Logs what the library holds open, as lines of the given level. */
void IOT_DumpMemoryStats(IOT_LogLevel level);

/** Region of the platform; its values are v3.0.1's. */
typedef iotx_mqtt_region_types_t iotx_cloud_region_types_t;

/** A device in full. No public function takes it; its layout is kept for old ports. */
typedef struct {
    char product_key[PRODUCT_KEY_LEN + 1];
    char device_name[DEVICE_NAME_LEN + 1];
    char device_id[DEVICE_ID_LEN + 1];
    char device_secret[DEVICE_SECRET_LEN + 1];
    char module_vendor_id[MODULE_VENDOR_ID + 1];
} iotx_device_info_t, *iotx_device_info_pt;

/** What IOT_SetupConnInfo hands out; empty strings and port 0 are filled in by IOT_MQTT_Construct. */
typedef struct {
    uint16_t port;
    char *host_name;
    char *client_id;
    char *username;
    char *password;
    const char *pub_key;
} iotx_conn_info_t, *iotx_conn_info_pt;

/** @brief Checks an identity and hands out a record to copy into iotx_mqtt_param_t. @return 0, or -2 */
int IOT_SetupConnInfo(const char *product_key, const char *device_name, const char *device_secret, void **info_ptr);

/** Sub-device signing; has no effect. */
typedef struct {
    int devid;
    const char *sign;
} iotx_ioctl_set_subdev_sign_t;

/** Sub-device state; is not written. */
typedef struct {
    int devid;
    int status;
} iotx_ioctl_get_subdev_info_t;

/** Options of IOT_Ioctl; their numbers are v3.0.1's. */
typedef enum {
    IOTX_IOCTL_SET_REGION = 0,
    IOTX_IOCTL_GET_REGION = 1,
    IOTX_IOCTL_SET_MQTT_DOMAIN = 2,
    IOTX_IOCTL_SET_HTTP_DOMAIN = 3,
    IOTX_IOCTL_SET_DYNAMIC_REGISTER = 4,
    IOTX_IOCTL_GET_DYNAMIC_REGISTER = 5,
    IOTX_IOCTL_RECV_PROP_REPLY = 6,
    IOTX_IOCTL_RECV_EVENT_REPLY = 7,
    IOTX_IOCTL_SEND_PROP_SET_REPLY = 8,
    IOTX_IOCTL_SET_SUBDEV_SIGN = 9,
    IOTX_IOCTL_GET_SUBDEV_LOGIN = 10
} iotx_ioctl_option_t;

/** @brief Sets or reads an option; process-wide. @return 0 or -1 */
int IOT_Ioctl(int option, void *data);

/** Events that a program registers a callback for. */
typedef enum {
    ITE_AWSS_STATUS = 0,
    ITE_CONNECT_SUCC = 1,
    ITE_CONNECT_FAIL = 2,
    ITE_DISCONNECTED = 3,
    ITE_RAWDATA_ARRIVED = 4,
    ITE_SERVICE_REQUST = 5,
    ITE_PROPERTY_SET = 6,
    ITE_PROPERTY_GET = 7,
    ITE_REPORT_REPLY = 8,
    ITE_TRIGGER_EVENT_REPLY = 9,
    ITE_TIMESTAMP_REPLY = 10,
    ITE_TOPOLIST_REPLY = 11,
    ITE_PERMIT_JOIN = 12,
    ITE_INITIALIZE_COMPLETED = 13,
    ITE_FOTA = 14,
    ITE_COTA = 15,
    ITE_MQTT_CONNECT_SUCC = 16,
    /* Of the SmartLiving SDK; the numbers are this library's. */
    ITE_EVENT_NOTIFY = 17,
    ITE_OFFLINE_RESET = 18,
    ITE_CLOUD_ERROR = 19,
    ITE_STATE_DEV_BIND = 20,
    ITE_SERVICE_REQUEST = ITE_SERVICE_REQUST
} iotx_ioctl_event_t;

/** Hears states: a number, and a text as a string. */
typedef int (*state_handler_t)(const int state_code, const char *state_message);

#define IOT_RegisterCallback(evt, cb) iotx_register_for_##evt(cb)
#define DECLARE_EVENT_CALLBACK(evt, cb) int iotx_register_for_##evt(cb);

/* Spelt so in this generation. */
#define iotx_register_for_ITE_SERVICE_REQUST iotx_register_for_ITE_SERVICE_REQUEST
DECLARE_EVENT_CALLBACK(ITE_AWSS_STATUS, int (*cb)(int))
DECLARE_EVENT_CALLBACK(ITE_CONNECT_SUCC, int (*cb)(void))
DECLARE_EVENT_CALLBACK(ITE_CONNECT_FAIL, int (*cb)(void))
DECLARE_EVENT_CALLBACK(ITE_DISCONNECTED, int (*cb)(void))
DECLARE_EVENT_CALLBACK(ITE_RAWDATA_ARRIVED, int (*cb)(const int, const unsigned char *, const int))
DECLARE_EVENT_CALLBACK(ITE_SERVICE_REQUST, int (*cb)(const int, const char *, const int, const char *, const int,
                       char **, int *))
DECLARE_EVENT_CALLBACK(ITE_PROPERTY_SET, int (*cb)(const int, const char *, const int))
DECLARE_EVENT_CALLBACK(ITE_PROPERTY_GET, int (*cb)(const int, const char *, const int, char **, int *))
DECLARE_EVENT_CALLBACK(ITE_REPORT_REPLY, int (*cb)(const int, const int, const int, const char *, const int))
DECLARE_EVENT_CALLBACK(ITE_TRIGGER_EVENT_REPLY, int (*cb)(const int, const int, const int, const char *, const int,
                       const char *, const int))
DECLARE_EVENT_CALLBACK(ITE_TIMESTAMP_REPLY, int (*cb)(const char *))
DECLARE_EVENT_CALLBACK(ITE_TOPOLIST_REPLY, int (*cb)(const int, const int, const int, const char *, const int))
DECLARE_EVENT_CALLBACK(ITE_PERMIT_JOIN, int (*cb)(const char *, const int))
DECLARE_EVENT_CALLBACK(ITE_INITIALIZE_COMPLETED, int (*cb)(const int))
DECLARE_EVENT_CALLBACK(ITE_FOTA, int (*cb)(const int, const char *))
DECLARE_EVENT_CALLBACK(ITE_COTA, int (*cb)(const int, const char *, int, const char *, const char *, const char *,
                       const char *))
DECLARE_EVENT_CALLBACK(ITE_MQTT_CONNECT_SUCC, int (*cb)(void))
DECLARE_EVENT_CALLBACK(ITE_EVENT_NOTIFY, int (*cb)(const int, const char *, const int))
DECLARE_EVENT_CALLBACK(ITE_OFFLINE_RESET, int (*cb)(void))
DECLARE_EVENT_CALLBACK(ITE_CLOUD_ERROR, int (*cb)(const int, const char *, const char *))
DECLARE_EVENT_CALLBACK(ITE_STATE_DEV_BIND, state_handler_t cb)

#define IOTX_CLOUD_DOMAIN_SH IOTX_CLOUD_REGION_SHANGHAI
#define IOTX_CLOUD_DOMAIN_SG IOTX_CLOUD_REGION_SINGAPORE
#define IOTX_CLOUD_DOMAIN_JP IOTX_CLOUD_REGION_JAPAN
#define IOTX_CLOUD_DOMAIN_US IOTX_CLOUD_REGION_USA_WEST
#define IOTX_CLOUD_DOMAIN_GER IOTX_CLOUD_REGION_GERMANY
#define IOTX_IOCTL_SET_DOMAIN IOTX_IOCTL_SET_REGION
#define IOTX_IOCTL_GET_DOMAIN IOTX_IOCTL_GET_REGION
#define IOT_LOG_EMERG IOT_LOG_NONE
#define IOT_OpenLog(arg)
#define IOT_CloseLog() IOT_SetLogLevel(IOT_LOG_NONE)

#ifdef __cplusplus
}
#endif

#include "iot_export_mqtt.h"
#include "iot_export_ota.h"

#endif /* OTAKIT_LINKKIT_V23_IOT_EXPORT_H */
