/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file ota_api.h
 * @brief Over-the-air update: a device reports its version, is offered a firmware, downloads and checks it.
 *
 * The way of an update:
 *  1. IOT_OTA_Init after IOT_MQTT_Construct, IOT_OTA_ReportVersion.
 *  2. IOT_MQTT_Yield in a loop until IOT_OTA_IsFetching is 1.
 *  3. IOT_OTA_FetchYield until IOT_OTA_IsFetchFinish is 1; each piece goes to flash.
 *  4. IOT_OTA_Ioctl(IOT_OTAG_CHECK_FIRMWARE) tells whether length and digest are right.
 * After that the next offer starts a new update with the same handle.
 *
 * Threads: any thread may call, but one call at a time per handle; different handles are independent. Offers arrive
 * in the thread that is inside IOT_MQTT_Yield. None of these functions may be called inside an allocator or log
 * function of the HAL.
 *
 * Handles: NULL, freed and made-up handles are recognised.
 */
#ifndef OTAKIT_LINKKIT_OTA_API_H
#define OTAKIT_LINKKIT_OTA_API_H

#include "infra_types.h"
#include "infra_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How messages and data travel. */
#define OTA_CH_SIGNAL_MQTT (0)
#define OTA_CH_SIGNAL_COAP (1)
#define OTA_CH_FETCH_HTTP (1)

/** Errors, as functions return them and IOT_OTA_GetLastError tells them. */
typedef enum {
    IOT_OTAE_GENERAL = -1,
    IOT_OTAE_INVALID_PARAM = -2,
    IOT_OTAE_INVALID_STATE = -3, /**< not possible now, e.g. fetching without an offer */
    IOT_OTAE_STR_TOO_LONG = -4,
    IOT_OTAE_FETCH_FAILED = -5,  /**< the download failed */
    IOT_OTAE_NOMEM = -6,
    IOT_OTAE_OSC_FAILED = -7,    /**< the message could not be published */
    IOT_OTAE_NONE = 0
} IOT_OTA_Err_t;

/** State of a session. */
typedef enum {
    IOT_OTAS_UNINITED = 0,
    IOT_OTAS_INITED = 1,   /**< waiting for an offer */
    IOT_OTAS_FETCHING = 2, /**< an offer was taken; its data is being fetched */
    IOT_OTAS_FETCHED = 3   /**< the download ended, well or not */
} IOT_OTA_State_t;

/** What is being fetched. */
typedef enum {
    IOT_OTAT_NONE = 0,
    IOT_OTAT_COTA = 1, /**< a configuration */
    IOT_OTAT_FOTA = 2  /**< a firmware */
} IOT_OTA_Type_t;

/** Progress to report: 0..100 percent, or one of the failures. */
typedef enum {
    IOT_OTAP_BURN_FAILED = -4,
    IOT_OTAP_CHECK_FALIED = -3,
    IOT_OTAP_FETCH_FAILED = -2,
    IOT_OTAP_GENERAL_FAILED = -1,
    IOT_OTAP_FETCH_PERCENTAGE_MIN = 0,
    IOT_OTAP_FETCH_PERCENTAGE_MAX = 100
} IOT_OTA_Progress_t;

/**
 * Commands of IOT_OTA_Ioctl. Kinds of buffer:
 *  - u32: a uint32_t, aligned to 4 bytes; buf_len is 4 and exactly 4 bytes are written.
 *  - text: a char array of buf_len bytes; the string is cut to fit, always ends with NUL, and the rest is zeroed.
 *  - copy: a char * that is NULL on entry; receives a string allocated with HAL_Malloc, which the caller frees with
 *    HAL_Free. buf_len is ignored, but not 0. Fails unless a configuration is offered.
 */
typedef enum {
    IOT_OTAG_COTA_CONFIG_ID = 0,    /**< copy: id of the configuration */
    IOT_OTAG_COTA_CONFIG_SIZE = 1,  /**< u32: its size in bytes */
    IOT_OTAG_COTA_SIGN = 2,         /**< copy: its digest */
    IOT_OTAG_COTA_SIGN_METHOD = 3,  /**< copy: the digest's method */
    IOT_OTAG_COTA_URL = 4,          /**< copy: where it is fetched from */
    IOT_OTAG_COTA_GETTYPE = 5,      /**< copy: how it is delivered */
    IOT_OTAG_OTA_TYPE = 6,          /**< u32: an IOT_OTA_Type_t; IOT_OTAT_NONE once the download ended */
    IOT_OTAG_FETCHED_SIZE = 7,      /**< u32: bytes fetched so far */
    IOT_OTAG_FILE_SIZE = 8,         /**< u32: size of the whole in bytes; fails if it does not fit 32 bits */
    IOT_OTAG_MD5SUM = 9,            /**< text: the offered MD5 in hexadecimal; 33 bytes hold all of it */
    IOT_OTAG_VERSION = 10,          /**< text: the offered version */
    IOT_OTAG_CHECK_FIRMWARE = 11,   /**< u32: 1 the firmware is complete and its digest right, else 0 */
    IOT_OTAG_CHECK_CONFIG = 12,     /**< u32: the same for a configuration */
    IOT_OTAG_RESET_FETCHED_SIZE = 13 /**< any buffer, not written: start the download again at byte 0 */
} IOT_OTA_CmdType_t;

/**
 * @brief Starts a session for a device and subscribes its OTA topics.
 *
 * Publishes SUBSCRIBE packets and does not wait for answers. What the broker refuses or does not answer is asked for
 * again, after 1 s to 60 s; IOT_MQTT_CheckStateNormal is 0 meanwhile.
 *
 * @param product_key 1..IOTX_PRODUCT_KEY_LEN bytes, NUL-terminated; copied
 * @param device_name 1..IOTX_DEVICE_NAME_LEN bytes, NUL-terminated; copied
 * @param ch_signal   the MQTT client's handle, which must outlive the session; NULL: the process's client
 * @return the session's handle, to be ended with IOT_OTA_Deinit; NULL if an argument is not valid, the device has a
 *         session already, or there is no memory
 */
void *IOT_OTA_Init(const char *product_key, const char *device_name, void *ch_signal);

/**
 * @brief Ends a session: cancels its download, ends its subscriptions, frees it.
 *
 * Does not wait for the network. A callback of the session that runs in another thread is waited for; once this has
 * returned, none runs any more. Call it before IOT_MQTT_Destroy.
 *
 * @param handle the session
 * @retval 0                      done
 * @retval IOT_OTAE_INVALID_PARAM NULL, or no session (any more)
 */
int IOT_OTA_Deinit(void *handle);

/**
 * @brief Publishes the version that the device runs. The platform answers with an offer if there is a newer one.
 *
 * May block as long as IOT_MQTT_Publish does.
 *
 * @param handle  the session
 * @param version 1..32 bytes, NUL-terminated; borrowed for the call
 * @retval 0                      published
 * @retval IOT_OTAE_INVALID_PARAM no such session, or version is NULL
 * @retval IOT_OTAE_OSC_FAILED    it could not be published
 * @retval IOT_OTAE_GENERAL       another failure; IOT_OTA_GetLastError names it: IOT_OTAE_INVALID_PARAM for a version
 *                                that is empty or too long, IOT_OTAE_NOMEM
 */
int IOT_OTA_ReportVersion(void *handle, const char *version);

/**
 * @brief Publishes the progress of an update.
 *
 * May block as long as IOT_MQTT_Publish does. What is not so yet is held back, which counts as published:
 *  - IOT_OTAP_FETCH_FAILED while the program is fetching, which is as long as IOT_OTA_FetchYield is under way or was less
 *    than 10 s ago. It is dropped when data comes; it is published when the download fails or is cancelled, when the
 *    session ends, and when the program has not fetched for 10 s. Before the first IOT_OTA_FetchYield it is published at
 *    once.
 *  - 100 until the last byte has come and the digest is right; it is dropped when that cannot be any more.
 * If MQTT is not connected when its time comes, the newest of these reports is kept, and published by the first
 * IOT_MQTT_Yield, IOT_OTA_FetchYield, IOT_OTA_IsFetching or report after the reconnection. The next update that is taken
 * and IOT_OTA_Deinit end that.
 *
 * @param handle   the session
 * @param progress 0..100, or an IOT_OTAP_..._FAILED
 * @param msg      a remark, NUL-terminated; may be NULL. At least 214 bytes are accepted. Borrowed for the call.
 * @retval 0                      published
 * @retval IOT_OTAE_INVALID_PARAM no such session
 * @retval IOT_OTAE_STR_TOO_LONG  msg is too long
 * @retval IOT_OTAE_OSC_FAILED    it could not be published
 * @retval IOT_OTAE_GENERAL       another failure; IOT_OTA_GetLastError names it: IOT_OTAE_INVALID_PARAM for a progress
 *                                out of range, IOT_OTAE_NOMEM
 */
int IOT_OTA_ReportProgress(void *handle, IOT_OTA_Progress_t progress, const char *msg);

/**
 * @brief Tells whether an offer was taken and its data is to be fetched. Does not block.
 *
 * An offer that came during a download is taken by the second such call after the end of that download, or by the first
 * one after IOT_OTA_IsFetchFinish was 1; the callback for offers then runs inside.
 *
 * @param handle the session
 * @return 1 if so; 0 if not, or there is no such session
 */
int IOT_OTA_IsFetching(void *handle);

/**
 * @brief Tells whether the download ended, well or not. Does not block.
 * @param handle the session
 * @return 1 if so; 0 if not, or there is no such session
 */
int IOT_OTA_IsFetchFinish(void *handle);

/**
 * @brief Fetches the next piece.
 *
 * Connects at the first call, and again after a broken connection, going on where it broke. Returns as soon as
 * buf_len - 1 bytes are there or the data has ended, and otherwise when timeout_s is over (at most 50 ms later) with
 * what has come until then. Name resolution and connecting count as part of the time and go on between calls. So all
 * pieces but the last are buf_len - 1 bytes long as long as the network keeps up.
 *
 * @param handle    the session
 * @param buf       receives the bytes and a NUL after them. Owned by the caller.
 * @param buf_len   its size in bytes, 2 or more
 * @param timeout_s seconds
 * @return 1..buf_len-1: that many bytes; 0: nothing came in time, call again;
 *         IOT_OTAE_GENERAL: the download failed and has ended, IOT_OTA_GetLastError tells why (as a rule
 *         IOT_OTAE_FETCH_FAILED);
 *         IOT_OTAE_INVALID_PARAM: no such session, buf is NULL or buf_len too small;
 *         IOT_OTAE_INVALID_STATE: there is nothing to fetch
 */
int IOT_OTA_FetchYield(void *handle, char *buf, uint32_t buf_len, uint32_t timeout_s);

/**
 * @brief Asks for one value of the update that is under way or has ended.
 *
 * IOT_OTAG_CHECK_FIRMWARE and IOT_OTAG_CHECK_CONFIG are possible after the download ended, give the same answer each
 * time, and the former reports IOT_OTAP_CHECK_FALIED to the platform, once, if the firmware came completely and is not
 * valid; without a connection as soon as there is one, see IOT_OTA_ReportProgress. Does not block, except for that
 * report.
 *
 * @param handle  the session
 * @param type    what
 * @param buf     receives the value; IOT_OTA_CmdType_t says what it must be
 * @param buf_len its size in bytes
 * @retval 0                      done
 * @retval IOT_OTAE_INVALID_PARAM no such session, buf is NULL, buf_len is 0, or negative for a text
 * @retval IOT_OTAE_INVALID_STATE there was no offer yet
 * @retval IOT_OTAE_GENERAL       another failure; IOT_OTA_GetLastError names it: IOT_OTAE_INVALID_PARAM for a buffer
 *                                of the wrong size (a negative one too) or alignment, an unknown command, or a value that this update does
 *                                not have; IOT_OTAE_GENERAL for a size beyond 32 bits; IOT_OTAE_INVALID_STATE for a
 *                                check before the end; IOT_OTAE_NOMEM
 */
int IOT_OTA_Ioctl(void *handle, IOT_OTA_CmdType_t type, void *buf, int buf_len);

/**
 * @brief The error of the last call on this session that failed. Does not block.
 * @param handle the session
 * @return an IOT_OTA_Err_t; IOT_OTAE_NONE if nothing failed yet; IOT_OTAE_INVALID_PARAM if there is no such session
 */
int IOT_OTA_GetLastError(void *handle);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_OTA_API_H */
