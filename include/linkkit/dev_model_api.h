/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_model_api.h
 * @brief The device model: properties, events, services and updates of a device (and of sub-devices of a gateway).
 *
 * Device 0 is the master, i.e. the device that holds the connection; sub-devices have 1 and up. Results arrive as the
 * ITE_... callbacks of infra_compat.h inside IOT_Linkkit_Yield. Report, Query and TriggerEvent may be called from any
 * thread and inside callbacks; Yield by one thread at a time, and not inside a callback. Payloads are borrowed for
 * the call.
 */
#ifndef OTAKIT_LINKKIT_DEV_MODEL_API_H
#define OTAKIT_LINKKIT_DEV_MODEL_API_H

#include "infra_types.h"
#include "infra_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What kind of device is opened. */
typedef enum {
    IOTX_LINKKIT_DEV_TYPE_MASTER = 0,
    IOTX_LINKKIT_DEV_TYPE_SLAVE = 1, /**< a gateway's sub-device */
    IOTX_LINKKIT_DEV_TYPE_MAX = 2
} iotx_linkkit_dev_type_t;

/** The identity of a device, as issued with it: NUL-terminated strings. */
typedef struct {
    char product_key[IOTX_PRODUCT_KEY_LEN + 1];
    char product_secret[IOTX_PRODUCT_SECRET_LEN + 1];
    char device_name[IOTX_DEVICE_NAME_LEN + 1];
    char device_secret[IOTX_DEVICE_SECRET_LEN + 1];
} iotx_linkkit_dev_meta_info_t;

/** What is reported (R) or asked for (Q). In parentheses: the payload. */
typedef enum {
    ITM_MSG_POST_PROPERTY = 0,                   /**< R (JSON object) property values */
    ITM_MSG_DEVICEINFO_UPDATE = 1,               /**< R (JSON array) set tags */
    ITM_MSG_DEVICEINFO_DELETE = 2,               /**< R (JSON array) delete tags */
    ITM_MSG_POST_RAW_DATA = 3,                   /**< R (bytes) transparent data */
    ITM_MSG_LOGIN = 4,                           /**< R (none) gateway: sub-device goes on line */
    ITM_MSG_LOGOUT = 5,                          /**< R (none) gateway: sub-device goes off line */
    ITM_MSG_DELETE_TOPO = 6,                     /**< R (none) gateway: sub-device leaves */
    ITM_MSG_QUERY_TIMESTAMP = 7,                 /**< Q (none) the cloud's clock */
    ITM_MSG_QUERY_TOPOLIST = 8,                  /**< Q (none) gateway: its sub-devices */
    ITM_MSG_QUERY_FOTA_DATA = 9,                 /**< Q (work buffer) download the offered firmware */
    ITM_MSG_QUERY_COTA_DATA = 10,                /**< Q (work buffer) download the offered configuration */
    ITM_MSG_REQUEST_COTA = 11,                   /**< Q (none) ask for the configuration */
    ITM_MSG_REQUEST_FOTA_IMAGE = 12,             /**< Q (version string) ask for a newer firmware */
    ITM_MSG_REPORT_SUBDEV_FIRMWARE_VERSION = 13, /**< R (version string) gateway: a sub-device's version */
    ITM_MSG_PROPERTY_DESIRED_GET = 14,           /**< R (JSON array) ask for desired properties */
    ITM_MSG_PROPERTY_DESIRED_DELETE = 15,        /**< R (JSON object) delete desired properties */
    IOTX_LINKKIT_MSG_MAX = 16,
    ITM_MSG_EVENT_NOTIFY_REPLY = 32 /**< R (JSON) answers the last notice of ITE_EVENT_NOTIFY, once; SmartLiving's */
} iotx_linkkit_msg_type_t;

/**
 * @brief Opens a device; no network.
 * @param dev_type  master first; sub-devices after it, in a gateway
 * @param meta_info its identity; copied
 * @return 0 for the master, 1 or more (the device id) for a sub-device; -1: an argument is not valid, the master is
 *         open already or not yet, or there is no memory
 */
int IOT_Linkkit_Open(iotx_linkkit_dev_type_t dev_type, iotx_linkkit_dev_meta_info_t *meta_info);

/**
 * @brief Connects the master, or brings a sub-device on line. Blocks until that is done or has failed.
 * @param devid 0, or a sub-device's id; the connection is served meanwhile, whether or not another thread yields
 * @return 0; -1: not open, connected already, no such device, refused, or no answer
 */
int IOT_Linkkit_Connect(int devid);

/**
 * @brief Serves the connection and calls callbacks. Blocks for about timeout_ms, and as long as callbacks take.
 * @param timeout_ms milliseconds, 1 or more; with less, or without a connection, it returns at once
 */
void IOT_Linkkit_Yield(int timeout_ms);

/**
 * @brief Closes the master and all with it, or one sub-device. A callback that runs in another thread is waited for; once
 *        the master is closed, none runs any more.
 * @param devid 0, or a sub-device's id
 * @return 0; -1: devid is negative, or nothing is open
 */
int IOT_Linkkit_Close(int devid);

/**
 * @brief Sends a message. Waits for the cloud's answer only for LOGIN, LOGOUT and DELETE_TOPO, up to 10 s.
 * @param devid       the device
 * @param msg_type    one of those marked R
 * @param payload     see the type; NULL if none
 * @param payload_len its length in bytes
 * @return the message id, 1 or more, or 0 where there is none; -1: not connected, no such device, or an argument is
 *         not valid
 */
int IOT_Linkkit_Report(int devid, iotx_linkkit_msg_type_t msg_type, unsigned char *payload, int payload_len);

/**
 * @brief Asks for something, or downloads what was offered.
 *
 * The two downloads block until they end, and give each piece, of payload_len - 1 bytes at most, to
 * HAL_Firmware_Persistence_Write. The others do not wait for the answer.
 *
 * @param devid       the device
 * @param msg_type    one of those marked Q
 * @param payload     see the type; NULL if none
 * @param payload_len its length in bytes
 * @return the message id, 1 or more, or 0; -2: a download without a buffer; -1: any other failure
 */
int IOT_Linkkit_Query(int devid, iotx_linkkit_msg_type_t msg_type, unsigned char *payload, int payload_len);

/**
 * @brief Sends an event. Does not wait for the answer.
 * @param devid       the device
 * @param eventid     the event's identifier
 * @param eventid_len its length in bytes without NUL
 * @param payload     the event's parameters, a JSON object
 * @param payload_len its length in bytes
 * @return the message id, 1 or more; -1: not connected, no such device, or an argument is not valid
 */
int IOT_Linkkit_TriggerEvent(int devid, char *eventid, int eventid_len, char *payload, int payload_len);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_DEV_MODEL_API_H */
