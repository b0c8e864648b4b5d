/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_compat.h
 * @brief Generation V3.10: connection set-up, options, log level and callbacks. See the v3.0.1 header for what they do.
 */
#ifndef OTAKIT_LINKKIT_V310_INFRA_COMPAT_H
#define OTAKIT_LINKKIT_V310_INFRA_COMPAT_H

#include <stdarg.h>
#include <stdio.h>

#include "infra_defs.h"

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

/** What IOT_SetupConnInfo hands out; empty strings and port 0 are filled in by IOT_MQTT_Construct. */
typedef struct {
    uint16_t port;
    uint8_t init;
    char *host_name;
    char *client_id;
    char *username;
    char *password;
    const char *pub_key;
} iotx_conn_info_t, *iotx_conn_info_pt;

/** @brief Checks an identity and hands out a record to copy into iotx_mqtt_param_t. @return 0, or -2 */
int IOT_SetupConnInfo(const char *product_key, const char *device_name, const char *device_secret, void **info_ptr);

/**
 * Options of IOT_Ioctl. SET_ and GET_ of the identity take char[]: what is set reaches the HAL_Set... functions, what is
 * got comes from HAL_Get...; GET_ of a secret gives its text. IOTX_IOCTL_SET_MQTT_PORT takes a uint16_t: the broker's port
 * for the device model, 0 for the default. IOTX_IOCTL_FOTA_TIMEOUT_MS and the AWSS options are taken and have no effect; IOTX_IOCTL_SUB_USER_TOPIC and IOTX_IOCTL_SET_PROXY_REGISTER are not there (-1).
 */
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
    IOTX_IOCTL_GET_SUBDEV_LOGIN = 10,
    IOTX_IOCTL_SET_OTA_DEV_ID = 11,
    IOTX_IOCTL_FOTA_TIMEOUT_MS = 12,
    IOTX_IOCTL_SET_CUSTOMIZE_INFO = 13,
    IOTX_IOCTL_SET_MQTT_PORT = 14,
    IOTX_IOCTL_SET_AWSS_ENABLE_INTERVAL = 15,
    IOTX_IOCTL_SET_AWSS_CHANNEL_SCAN_INTERVAL = 16,
    IOTX_IOCTL_SET_PROXY_REGISTER = 17,
    IOTX_IOCTL_QUERY_DEVID = 18,
    IOTX_IOCTL_SUB_USER_TOPIC = 19,
    IOTX_IOCTL_SET_PRODUCT_KEY = 20,
    IOTX_IOCTL_GET_PRODUCT_KEY = 21,
    IOTX_IOCTL_SET_PRODUCT_SECRET = 22,
    IOTX_IOCTL_GET_PRODUCT_SECRET = 23,
    IOTX_IOCTL_SET_DEVICE_NAME = 24,
    IOTX_IOCTL_GET_DEVICE_NAME = 25,
    IOTX_IOCTL_SET_DEVICE_SECRET = 26,
    IOTX_IOCTL_GET_DEVICE_SECRET = 27
} iotx_ioctl_option_t;

/* The numbers of the options differ from v3.0.1's. */
#define IOT_Ioctl otakit_v310_IOT_Ioctl
/** @brief Sets or reads an option; process-wide. @return 0, the device id for QUERY_DEVID, or -1 */
int IOT_Ioctl(int option, void *data);

/** @brief Sets the one monitor of the connection's progress; NULL removes it. @return 0 */
int iotx_event_regist_cb(void (*monitor_cb)(int event));
/** @brief Hands a code to the monitor. @return 0; -1 if there is none */
int iotx_event_post(int event);

/** Codes for the monitor. */
enum iotx_event_t {
    IOTX_CONN_CLOUD = 0x2000,
    IOTX_CONN_CLOUD_FAIL,
    IOTX_CONN_CLOUD_SUC,
    IOTX_RESET = 0x3000
};

/** Events that a program registers a callback for. */
typedef enum {
    ITE_AWSS_STATUS = 0,
    ITE_CONNECT_SUCC = 1,
    ITE_CONNECT_FAIL = 2,
    ITE_DISCONNECTED = 3,
    ITE_RAWDATA_ARRIVED = 4,
    ITE_SERVICE_REQUEST = 5,
    ITE_SERVICE_REQUEST_EXT = 6,
    ITE_PROPERTY_SET = 7,
    ITE_PROPERTY_GET = 8,
    ITE_REPORT_REPLY = 9,
    ITE_TRIGGER_EVENT_REPLY = 10,
    ITE_TIMESTAMP_REPLY = 11,
    ITE_TOPOLIST_REPLY = 12,
    ITE_PERMIT_JOIN = 13,
    ITE_INITIALIZE_COMPLETED = 14,
    ITE_FOTA = 15,
    ITE_COTA = 16,
    ITE_MQTT_CONNECT_SUCC = 17,
    ITE_CLOUD_ERROR = 18,
    ITE_DYNREG_DEVICE_SECRET = 19,
    ITE_IDENTITY_RESPONSE = 20,
    ITE_STATE_EVERYTHING = 21,
    ITE_STATE_USER_INPUT = 22,
    ITE_STATE_SYS_DEPEND = 23,
    ITE_STATE_MQTT_COMM = 24,
    ITE_STATE_WIFI_PROV = 25,
    ITE_STATE_COAP_LOCAL = 26,
    ITE_STATE_HTTP_COMM = 27,
    ITE_STATE_OTA = 28,
    ITE_STATE_DEV_BIND = 29,
    ITE_STATE_DEV_MODEL = 30,
    /* Of the SmartLiving SDK; their numbers are this library's. */
    ITE_EVENT_NOTIFY = 31,
    ITE_OFFLINE_RESET = 32
} iotx_ioctl_event_t;

/**
 * Hears states: codes of infra_state.h with a text. The library itself tells how connecting ended (ITE_STATE_MQTT_COMM), on
 * the thread that connected; everything else it does is in the log.
 */
typedef int (*state_handler_t)(const int state_code, const char *state_message);

#define IOT_RegisterCallback(evt, cb) iotx_register_for_##evt(cb)
#define DECLARE_EVENT_CALLBACK(evt, cb) int iotx_register_for_##evt(cb);

DECLARE_EVENT_CALLBACK(ITE_AWSS_STATUS, int (*cb)(int))
DECLARE_EVENT_CALLBACK(ITE_CONNECT_SUCC, int (*cb)(void))
DECLARE_EVENT_CALLBACK(ITE_CONNECT_FAIL, int (*cb)(void))
DECLARE_EVENT_CALLBACK(ITE_DISCONNECTED, int (*cb)(void))
DECLARE_EVENT_CALLBACK(ITE_RAWDATA_ARRIVED, int (*cb)(const int, const unsigned char *, const int))
DECLARE_EVENT_CALLBACK(ITE_SERVICE_REQUEST, int (*cb)(const int, const char *, const int, const char *, const int,
                       char **, int *))
DECLARE_EVENT_CALLBACK(ITE_SERVICE_REQUEST_EXT, int (*cb)(int, const char *, int, const char *, int, const char *,
                       int, void *))
DECLARE_EVENT_CALLBACK(ITE_PROPERTY_SET, int (*cb)(const int, const char *, const int))
DECLARE_EVENT_CALLBACK(ITE_PROPERTY_DESIRED_GET_REPLY, int (*cb)(const char *, const int))
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
DECLARE_EVENT_CALLBACK(ITE_DYNREG_DEVICE_SECRET, int (*cb)(const char *))
DECLARE_EVENT_CALLBACK(ITE_IDENTITY_RESPONSE, int (*cb)(const char *))
DECLARE_EVENT_CALLBACK(ITE_STATE_EVERYTHING, state_handler_t cb)
DECLARE_EVENT_CALLBACK(ITE_STATE_USER_INPUT, state_handler_t cb)
DECLARE_EVENT_CALLBACK(ITE_STATE_SYS_DEPEND, state_handler_t cb)
DECLARE_EVENT_CALLBACK(ITE_STATE_MQTT_COMM, state_handler_t cb)
DECLARE_EVENT_CALLBACK(ITE_STATE_WIFI_PROV, state_handler_t cb)
DECLARE_EVENT_CALLBACK(ITE_STATE_COAP_LOCAL, state_handler_t cb)
DECLARE_EVENT_CALLBACK(ITE_STATE_HTTP_COMM, state_handler_t cb)
DECLARE_EVENT_CALLBACK(ITE_STATE_OTA, state_handler_t cb)
DECLARE_EVENT_CALLBACK(ITE_STATE_DEV_BIND, state_handler_t cb)
DECLARE_EVENT_CALLBACK(ITE_STATE_DEV_MODEL, state_handler_t cb)

/** Behind iotx_state_event; the second is in wrappers_os.h. */
int otakit_v310_state_event(int event, int code, const char *message);
int HAL_Vsnprintf(char *str, const int len, const char *fmt, va_list ap);

/**
 * @brief Tells a state to whoever registered for `event` (an ITE_STATE_...) and for ITE_STATE_EVERYTHING.
 * @param event  which kind of state
 * @param code   its number
 * @param format of the text, as in printf; up to 64 characters count; NULL: no text
 * @return 0; -1: nobody registered for `event`
 */
LINKKIT_INLINE int iotx_state_event(const int event, const int code, const char *format, ...)
{
    char text[64 + 1] = "";

    if (format != NULL) {
        va_list args;

        va_start(args, format);
        (void)HAL_Vsnprintf(text, (int)sizeof(text), format, args);
        va_end(args);
    }
    return otakit_v310_state_event(event, code, text);
}

/* The numbers of the events differ from v3.0.1's. */
#define iotx_event_callback otakit_v310_iotx_event_callback
/** @brief The callback that is registered for an event; NULL if there is none. */
void *iotx_event_callback(int evt);

/** Direction of an AES operation. */
typedef enum {
    HAL_AES_ENCRYPTION = 0,
    HAL_AES_DECRYPTION = 1
} AES_DIR_t;
#define AES_ENCRYPTION HAL_AES_ENCRYPTION
#define AES_DECRYPTION HAL_AES_DECRYPTION
typedef void *p_Aes128_t;

/** An address of a peer in text form, and its port. */
typedef struct {
    unsigned char addr[NETWORK_ADDR_LEN];
    unsigned short port;
} NetworkAddr;

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
#define IOT_Linkkit_Post IOT_Linkkit_Report

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_V310_INFRA_COMPAT_H */
