/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_compat.h
 * @brief Connection set-up, options, log level, and the older names that Link Kit programs still use.
 *
 * The event registration functions and iotx_event_* belong to the device-model layer (dev_model_api.h) and are
 * linked with it; the OTA and MQTT functions need none of them.
 */
#ifndef OTAKIT_LINKKIT_INFRA_COMPAT_H
#define OTAKIT_LINKKIT_INFRA_COMPAT_H

#include "infra_defs.h"
#include "infra_list.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- log level, memory ---- */

/** How talkative the library is. A line is printed if its level is not above the limit that was set. */
typedef enum {
    IOT_LOG_NONE = 0,
    IOT_LOG_CRIT = 1,
    IOT_LOG_ERROR = 2,
    IOT_LOG_WARNING = 3,
    IOT_LOG_INFO = 4,
    IOT_LOG_DEBUG = 5
} IOT_LogLevel;

/**
 * @brief Sets the most talkative level that the library still prints through HAL_Printf.
 *
 * Process-wide, takes effect at once, does not block; any thread may call it. A number below IOT_LOG_NONE counts
 * as IOT_LOG_NONE, one above IOT_LOG_DEBUG as IOT_LOG_DEBUG.
 *
 * @param level the limit
 */
void IOT_SetLogLevel(IOT_LogLevel level);

/**
 * @brief Logs what the library holds open (clients, sessions), as a line of the given level.
 *
 * Does not block; any thread may call it. Prints nothing if the limit of IOT_SetLogLevel is below level.
 *
 * @param level the level of the lines
 */
void IOT_DumpMemoryStats(IOT_LogLevel level);

/* ---- connection ---- */

/**
 * What IOT_SetupConnInfo hands out. An empty string or port 0 means: IOT_MQTT_Construct fills in the value that it
 * signs from the device identity of the HAL. The strings belong to the library and must not be written or freed.
 */
typedef struct {
    uint16_t port;
    uint8_t init;
    char *host_name;
    char *client_id;
    char *username;
    char *password;
    const char *pub_key; /**< CA certificates in PEM */
} iotx_conn_info_t, *iotx_conn_info_pt;

/**
 * @brief Checks an identity and hands out a record to copy into iotx_mqtt_param_t.
 *
 * IOT_MQTT_Construct signs in with the identity of the HAL; where the HAL has no product key or no device name, with this
 * one. No network, does not block.
 *
 * @param product_key   1..IOTX_PRODUCT_KEY_LEN bytes, borrowed for the call
 * @param device_name   1..IOTX_DEVICE_NAME_LEN bytes, borrowed for the call
 * @param device_secret 1..IOTX_DEVICE_SECRET_LEN bytes, borrowed for the call
 * @param info_ptr      may be NULL; else receives a pointer to an iotx_conn_info_t that belongs to the library and
 *                      stays valid until the process ends
 *
 * @retval 0                done
 * @retval NULL_VALUE_ERROR a string is NULL or too long
 */
int IOT_SetupConnInfo(const char *product_key, const char *device_name, const char *device_secret, void **info_ptr);

/* ---- options ---- */

/** Options of IOT_Ioctl. In parentheses: what data points at. */
typedef enum {
    IOTX_IOCTL_SET_REGION = 0,            /**< (int) an iotx_mqtt_region_types_t, for the next IOT_MQTT_Construct */
    IOTX_IOCTL_GET_REGION = 1,            /**< (int, out) the region in force */
    IOTX_IOCTL_SET_MQTT_DOMAIN = 2,       /**< (char[]) host, up to 64 bytes; makes the region custom */
    IOTX_IOCTL_SET_HTTP_DOMAIN = 3,       /**< (char[]) host of HTTP services, up to 64 bytes; the region stays */
    IOTX_IOCTL_SET_DYNAMIC_REGISTER = 4,  /**< (int) 1: fetch the device secret by dynamic registration over HTTP; 2: over MQTT; 0: do not */
    IOTX_IOCTL_GET_DYNAMIC_REGISTER = 5,  /**< (int, out) that switch */
    IOTX_IOCTL_RECV_PROP_REPLY = 6,       /**< (int) device model: subscribe replies to property posts */
    IOTX_IOCTL_RECV_EVENT_REPLY = 7,      /**< (int) device model: subscribe replies to event posts */
    IOTX_IOCTL_SEND_PROP_SET_REPLY = 8,   /**< (int) device model: answer property sets */
    IOTX_IOCTL_SET_SUBDEV_SIGN = 9,       /**< gateway; has no effect */
    IOTX_IOCTL_GET_SUBDEV_LOGIN = 10,     /**< gateway; has no effect, data is left as it is */
    IOTX_IOCTL_SET_OTA_DEV_ID = 11,       /**< (int) gateway: which sub-device the OTA calls are about */
    IOTX_IOCTL_QUERY_DEVID = 12,          /**< (iotx_dev_meta_info_t) gateway: the device id becomes the result */
    IOTX_IOCTL_SET_CUSTOMIZE_INFO = 13    /**< (char[]) up to 80 bytes, appended to the MQTT client id's key list */
} iotx_ioctl_option_t;

/**
 * @brief Sets or reads an option. Process-wide; does not block.
 *
 * Call it before IOT_MQTT_Construct or IOT_Linkkit_Connect: a connection keeps the options it was made with.
 * Strings are NUL-terminated and copied.
 *
 * @param option an iotx_ioctl_option_t
 * @param data   never NULL; the option says what it points at. Borrowed for the call. An int is read or
 *               written with exactly sizeof(int) bytes.
 *
 * @return 0, or the device id for IOTX_IOCTL_QUERY_DEVID; -1 if the option is unknown or needs a part that is not
 *         linked, data is NULL, a value is out of range, or a string is too long. Nothing is changed then.
 */
int IOT_Ioctl(int option, void *data);

/** Switches of the device model by their older names. */
typedef enum {
    IMPL_LINKKIT_IOCTL_SWITCH_PROPERTY_POST_REPLY = 0,
    IMPL_LINKKIT_IOCTL_SWITCH_EVENT_POST_REPLY = 1,
    IMPL_LINKKIT_IOCTL_SWITCH_PROPERTY_SET_REPLY = 2,
    IMPL_LINKKIT_IOCTL_MAX = 3
} impl_linkkit_ioctl_cmd_t;

/* ---- progress of the connection, for an indicator (device-model layer) ---- */

/** Codes for the monitor of iotx_event_regist_cb. Those of Wi-Fi provisioning are posted by the firmware only. */
enum iotx_event_t {
    IOTX_AWSS_START = 0x1000,
    IOTX_AWSS_ENABLE,
    IOTX_AWSS_LOCK_CHAN,
    IOTX_AWSS_CS_ERR,
    IOTX_AWSS_PASSWD_ERR,
    IOTX_AWSS_GOT_SSID_PASSWD,
    IOTX_AWSS_CONNECT_ADHA,
    IOTX_AWSS_CONNECT_ADHA_FAIL,
    IOTX_AWSS_CONNECT_AHA,
    IOTX_AWSS_CONNECT_AHA_FAIL,
    IOTX_AWSS_SETUP_NOTIFY,
    IOTX_AWSS_CONNECT_ROUTER,
    IOTX_AWSS_CONNECT_ROUTER_FAIL,
    IOTX_AWSS_GOT_IP,
    IOTX_AWSS_SUC_NOTIFY,
    IOTX_AWSS_BIND_NOTIFY,
    IOTX_AWSS_ENABLE_TIMEOUT,
    IOTX_CONN_CLOUD = 0x2000, /**< a connection is being made */
    IOTX_CONN_CLOUD_FAIL,     /**< it failed */
    IOTX_CONN_CLOUD_SUC,      /**< connected */
    IOTX_RESET = 0x3000       /**< the cloud confirmed a reset */
};

/**
 * @brief Sets the one monitor that hears all iotx_event_t codes; NULL removes it.
 * @param monitor_cb called in the thread that posts; must not block
 * @return 0
 */
int iotx_event_regist_cb(void (*monitor_cb)(int event));

/**
 * @brief Hands a code to the monitor, in the calling thread.
 * @param event an iotx_event_t
 * @return 0; -1 if there is no monitor
 */
int iotx_event_post(int event);

/* ---- events of the device model ---- */

/** Events that a program registers a callback for. */
typedef enum {
    ITE_AWSS_STATUS = 0,
    ITE_CONNECT_SUCC = 1,
    ITE_CONNECT_FAIL = 2,
    ITE_DISCONNECTED = 3,
    ITE_RAWDATA_ARRIVED = 4,
    ITE_SERVICE_REQUEST = 5,
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
    /* Of the SmartLiving SDK; their numbers are this library's. */
    ITE_EVENT_NOTIFY = 17,
    ITE_OFFLINE_RESET = 18,
    ITE_CLOUD_ERROR = 19,
    ITE_STATE_DEV_BIND = 20
} iotx_ioctl_event_t;

/** Hears states: a number, and a text as a string. */
typedef int (*state_handler_t)(const int state_code, const char *state_message);

/**
 * IOT_RegisterCallback(event, callback) registers the callback of an event: one per event and process, the last
 * one wins, NULL removes it. Returns 0. A wrong callback type is a compile-time diagnostic.
 *
 * All callbacks run in the thread that is inside IOT_Linkkit_Yield, except ITE_INITIALIZE_COMPLETED, ITE_CONNECT_FAIL
 * and ITE_MQTT_CONNECT_SUCC (the thread inside IOT_Linkkit_Connect, or inside a LOGIN report) and ITE_AWSS_STATUS (the thread that reports it).
 * What the arguments point at belongs to the library and is valid during the call only. Texts come with their
 * length; only those described as strings are NUL-terminated. A **response is allocated by the callback with
 * HAL_Malloc and freed by the library.
 */
#define IOT_RegisterCallback(evt, cb) iotx_register_for_##evt(cb)

/** Declares the registration function of an event. */
#define DECLARE_EVENT_CALLBACK(evt, cb) int iotx_register_for_##evt(cb);

/** (status code of Wi-Fi provisioning) */
DECLARE_EVENT_CALLBACK(ITE_AWSS_STATUS, int (*cb)(int))
/** Connected, at first and after each reconnect. */
DECLARE_EVENT_CALLBACK(ITE_CONNECT_SUCC, int (*cb)(void))
/** IOT_Linkkit_Connect failed; called inside it. */
DECLARE_EVENT_CALLBACK(ITE_CONNECT_FAIL, int (*cb)(void))
/** The connection is lost. */
DECLARE_EVENT_CALLBACK(ITE_DISCONNECTED, int (*cb)(void))
/** (devid, data, length): transparent data came. */
DECLARE_EVENT_CALLBACK(ITE_RAWDATA_ARRIVED, int (*cb)(const int, const unsigned char *, const int))
/** (devid, service id, its length, request, its length, response, its length): a service was called. */
DECLARE_EVENT_CALLBACK(ITE_SERVICE_REQUEST,
                       int (*cb)(const int, const char *, const int, const char *, const int, char **, int *))
/** (devid, request, its length): properties are to be set. */
DECLARE_EVENT_CALLBACK(ITE_PROPERTY_SET, int (*cb)(const int, const char *, const int))
/** (data, its length): answer to a query of desired properties. */
DECLARE_EVENT_CALLBACK(ITE_PROPERTY_DESIRED_GET_REPLY, int (*cb)(const char *, const int))
/** (devid, request, its length, response, its length): properties are asked for. */
DECLARE_EVENT_CALLBACK(ITE_PROPERTY_GET, int (*cb)(const int, const char *, const int, char **, int *))
/** (devid, message id, code, reply, its length): answer to a report; the reply may be NULL with length 0. */
DECLARE_EVENT_CALLBACK(ITE_REPORT_REPLY, int (*cb)(const int, const int, const int, const char *, const int))
/** (devid, message id, code, event id, its length, message, its length): answer to an event. */
DECLARE_EVENT_CALLBACK(ITE_TRIGGER_EVENT_REPLY, int (*cb)(const int, const int, const int, const char *, const int,
                                                          const char *, const int))
/** (time): the cloud's clock as a string of milliseconds since 1970, UTC. */
DECLARE_EVENT_CALLBACK(ITE_TIMESTAMP_REPLY, int (*cb)(const char *))
/** (devid, message id, code, JSON array, its length): the sub-devices of the gateway. */
DECLARE_EVENT_CALLBACK(ITE_TOPOLIST_REPLY, int (*cb)(const int, const int, const int, const char *, const int))
/** (product key string, seconds): sub-devices of that product may join. */
DECLARE_EVENT_CALLBACK(ITE_PERMIT_JOIN, int (*cb)(const char *, const int))
/** (devid): the device's subscriptions are made. */
DECLARE_EVENT_CALLBACK(ITE_INITIALIZE_COMPLETED, int (*cb)(const int))
/** (0, version string): a firmware is offered. */
DECLARE_EVENT_CALLBACK(ITE_FOTA, int (*cb)(const int, const char *))
/** (0, config id, size in bytes, get type, sign, sign method, url; all strings): a configuration is offered. */
DECLARE_EVENT_CALLBACK(ITE_COTA, int (*cb)(const int, const char *, int, const char *, const char *, const char *,
                                           const char *))
/** IOT_MQTT_Construct succeeded. */
DECLARE_EVENT_CALLBACK(ITE_MQTT_CONNECT_SUCC, int (*cb)(void))
/**
 * (devid, notice, its length): the platform tells something about the device, e.g. that a user bound it. The notice is a JSON
 * object with "identifier" and "value". ITM_MSG_EVENT_NOTIFY_REPLY answers it. Registered before IOT_Linkkit_Connect, its topic
 * is subscribed there.
 */
DECLARE_EVENT_CALLBACK(ITE_EVENT_NOTIFY, int (*cb)(const int, const char *, const int))
/** Never called: it comes through the device shadow, which this library does not have. */
DECLARE_EVENT_CALLBACK(ITE_OFFLINE_RESET, int (*cb)(void))
/** (code, data, the whole message; strings): the cloud reports an error. */
DECLARE_EVENT_CALLBACK(ITE_CLOUD_ERROR, int (*cb)(const int, const char *, const char *))
/** States of binding. The library tells none: binding is the firmware's. */
DECLARE_EVENT_CALLBACK(ITE_STATE_DEV_BIND, state_handler_t cb)

/**
 * @brief The callback that is registered for an event.
 * @param evt an iotx_ioctl_event_t
 * @return the callback, to be cast to its type; NULL if there is none or evt is out of range
 */
void *iotx_event_callback(int evt);

/* ---- types that HAL ports use ---- */

/** Direction of an AES operation. */
typedef enum {
    HAL_AES_ENCRYPTION = 0,
    HAL_AES_DECRYPTION = 1
} AES_DIR_t;

/** A port's AES-128 context. */
typedef void *p_Aes128_t;

/** An address of a peer in text form, and its port. */
typedef struct {
    unsigned char addr[NETWORK_ADDR_LEN];
    unsigned short port;
} NetworkAddr;

/* ---- activation information ---- */

#define VERSION_NUM_SIZE 4
#define RANDOM_NUM_SIZE 4
#define MAC_ADDRESS_SIZE 8
#define CHIP_CODE_SIZE 4
#define AOS_ACTIVE_INFO_LEN (81)

/**
 * @brief Writes the activation text of a device. Device-model layer.
 * @param version_num   VERSION_NUM_SIZE bytes
 * @param random_num    RANDOM_NUM_SIZE bytes
 * @param mac_address   MAC_ADDRESS_SIZE bytes
 * @param chip_code     CHIP_CODE_SIZE bytes
 * @param output_buffer receives a string
 * @param output_len    its size in bytes, at least AOS_ACTIVE_INFO_LEN
 * @return 0 if written
 */
unsigned int aos_get_version_info(unsigned char *version_num, unsigned char *random_num, unsigned char *mac_address,
                                  unsigned char *chip_code, unsigned char *output_buffer, unsigned int output_len);

/* ---- older names ---- */

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

#ifdef INFRA_MEM_STATS
#include "infra_mem_stats.h"
#endif

#endif /* OTAKIT_LINKKIT_INFRA_COMPAT_H */
