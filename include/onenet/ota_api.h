/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file ota_api.h
 * @brief Over-the-air update with OneNET: every step of the platform's flow is one call.
 *
 * The way of an update:
 *  1. ota_init, ota_post_version.
 *  2. ota_check_task until there is a task.
 *  3. For each slice: ota_check_token, then ota_download_package; the bytes come to the callback. `range_start` goes up
 *     by the bytes that came, until it is the task's size. The MD5 is the application's to verify.
 *  4. ota_report_status(OTA_DOWNLOAD_SUCCESS); after the upgrade ota_report_status(OTA_UPGRADE_SUCCESS).
 * onenet_ota_run (onenet_ota.h) does all of it in one call, with resume and verification.
 *
 * These names have two variants. The general one names tasks by a token. With CONFIG_TM defined, the things-model
 * one names them by a number; its functions are called ota_tm_* in the library, so that one library serves both.
 *
 * Every function but ota_init and ota_deinit is one exchange with the platform: it blocks for `timeout_ms` at most and
 * returns 0, a local error below 0 (err_def.h), the platform's number 1..99, or an HTTP status of 100 and above. Calls
 * are allowed from any thread; there is one device per process.
 */
#ifndef OTAKIT_ONENET_OTA_API_H
#define OTAKIT_ONENET_OTA_API_H

#include "data_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The platform's numbers. */
#define OTA_ERR_OK 0
#define OTA_CHECK_NO_DEVICE 1
#define OTA_CHECK_PARAMS_ERROR 2
#define OTA_CHECK_TOKEN_DISCORD 4
#define OTA_CHECK_INTERNAL_ERROR 7
#define OTA_CHECK_MANUL_MODEL_DISCORD 8
#define OTA_CHECK_VERSION_DISCORD 9
#define OTA_CHECK_NO_TASK 11
#define OTA_CHECK_TOKEN_EXPIRED 12
#define OTA_CHECK_INVALID_TASK_STATE 17
#define OTA_CHECK_TASK_TERMINATE 20
#define OTA_CHECK_INVALID_OPERATION 21
#define OTA_CHECK_TASK_CANCELED 22
#define OTA_CHECK_VERSION_FORMAT_ERROR 27

/* Those of ota_download_package. */
#define OTA_DOWNLOAD_NO_SOURCE 1
#define OTA_DOWNLOAD_FILE_SIZE_DISCORD 2
#define OTA_DOWNLOAD_INVALID_TOKEN 3

/* What ota_report_status reports, beside progress of 0..100 percent. */
#define OTA_DOWNLOAD_SUCCESS 101
#define OTA_DOWNLOAD_NO_MEMORY 102       /* no room to store it */
#define OTA_DOWNLOAD_OUT_OF_MEMORY 103
#define OTA_DOWNLOAD_REQUEST_TIMEOUT 104
#define OTA_DOWNLOAD_LOW_POWER 105
#define OTA_DOWNLOAD_BAD_SIGNAL 106
#define OTA_DOWNLOAD_UNKNOWN_ERROR 107
#define OTA_UPGRADE_SUCCESS 201
#define OTA_UPGRADE_LOW_POWER 202
#define OTA_UPGRADE_OUT_OF_MEMORY 203
#define OTA_UPGRADE_VERSION_DISCORD 204
#define OTA_UPGRADE_MD5_ERROR 205
#define OTA_UPGRADE_UNKNOWN_ERROR 206
#define OTA_UPGRADE_OVER_RETRY 207
#define OTA_UPGRADE_EXPIRED 208

#ifdef CONFIG_TM
#define ota_init ota_tm_init
#define ota_check_task ota_tm_check_task
#define ota_check_token ota_tm_check_token
#define ota_download_package ota_tm_download_package
#define ota_report_status ota_tm_report_status
#endif

/** A task, as ota_check_task tells it. Texts end in a NUL; a field that the platform does not mention, or leaves null or
 * empty, is 0. A number outside its field's range is the nearest that fits, e.g. 0 for a negative `signal`. */
struct ota_task_info_t {
    uint8_t target[32]; /**< the version that it leads to */
    uint8_t md5[36];    /**< MD5 of the package, as the platform spells it */
    uint32_t size;      /**< bytes of the package, at least 1 */
#ifdef CONFIG_TM
    uint32_t tid; /**< names the task */
#else
    uint8_t token[32]; /**< names the task; good for two days */
    uint8_t ip[32];    /**< where packages come from, if asked for with `cdn` and not longer; this library does not use it */
    uint32_t interval; /**< seconds between attempts */
    int16_t retry;     /**< attempts; 0 and below: not said */
    uint8_t signal;    /**< least signal strength */
    uint8_t power;     /**< least battery charge in percent */
#endif
    uint8_t type; /**< 1 a whole package, 2 a differential one */
};

/** Which call an answer belongs to. */
enum ota_state_t {
    OTA_EVT_POST_VERSION = 0,
    OTA_EVT_CHECK_TASK,
    OTA_EVT_CHECK_TOKEN,
    OTA_EVT_DOWNLOAD_PACKAGE,
    OTA_EVT_REPORT_STATUS
};

/**
 * @brief Gets the body of an answer: JSON, or for OTA_EVT_DOWNLOAD_PACKAGE the bytes of the slice.
 *
 * Called on the thread of the call, before it returns. Called only for an HTTP status of 2xx; for
 * OTA_EVT_DOWNLOAD_PACKAGE only when the slice came whole; for the others also when the platform refuses. The data is
 * the callback's to change, and one byte more, which is 0; it is gone when the callback returns. What the callback
 * returns is ignored. Every function of this API may be called inside.
 */
typedef int32_t (*ota_evt_cb)(enum ota_state_t state, uint8_t *data, uint32_t data_len);

#ifndef CONFIG_TM
/**
 * @brief Sets the device up. Touches no network.
 *
 * All texts are 1..512 printable ASCII characters without a blank; they are copied.
 *
 * @param dev_token value of the Authorization header, see dev_token_generate
 * @param manuf,model checked and not sent, as in the SDK
 * @param type 1 FOTA (the module's firmware), anything else SOTA (the application's)
 * @param cdn whether the platform is to tell where packages come from
 * @return 0; -2 for an argument that cannot be used, evt_cb included; -7 for a second time without ota_deinit; -9 with
 *         ONENET_PLATFORM set to the current platform, which has no general variant
 */
int32_t ota_init(ota_evt_cb evt_cb, const uint8_t *dev_token, const uint8_t *dev_id, const uint8_t *version,
                 const uint8_t *manuf, const uint8_t *model, uint8_t type, boolean cdn);
#else
/**
 * @brief Sets the device up. Touches no network. As in the general variant, but that the token is made here, from
 * `access_key` (base64).
 */
int32_t ota_init(ota_evt_cb evt_cb, const uint8_t *product_id, const uint8_t *dev_name, const uint8_t *access_key,
                 const uint8_t *version, uint8_t type);
#endif

/**
 * @brief Ends it. Calls under way in other threads return -5 at once.
 *
 * Waits for callbacks (also those of onenet_ota_run) that run in other threads; no callback runs or begins once this has
 * returned. Called inside a callback it does not wait for that one. Without ota_init it does nothing.
 */
void ota_deinit(void);

/** @brief Tells the platform the version given to ota_init. */
int32_t ota_post_version(uint32_t timeout_ms);

/**
 * @brief Asks for a task; OTA_CHECK_NO_TASK when there is none.
 *
 * @param task_info filled in with 0 returned, else set to 0. A task of 0 bytes or without size, target, md5 or name is
 *        -3; one of which these do not fit the structure is -15.
 */
int32_t ota_check_task(struct ota_task_info_t *task_info, uint32_t timeout_ms);

/** @brief Asks whether a task is still valid; the platform wants that before each slice. */
#ifndef CONFIG_TM
int32_t ota_check_token(uint8_t *token, uint32_t timeout_ms);
#else
int32_t ota_check_token(uint32_t tid, uint32_t timeout_ms);
#endif

/**
 * @brief Fetches one slice: exactly `range_size` bytes from `range_start` on, fewer only where the package ends.
 *
 * Nothing else ever reaches the callback: status, range, length and size are checked, and a refusal in JSON or in one byte
 * is recognised however it is framed. A server that ignores ranges sends the whole package, of which the slice is cut; if
 * its answer states no length, only the size of the task found last proves it. -2 for a size of 0, and for a start beyond
 * the task found last.
 */
#ifndef CONFIG_TM
int32_t ota_download_package(uint8_t *token, uint32_t range_start, uint32_t range_size, uint32_t timeout_ms);
#else
int32_t ota_download_package(uint32_t tid, uint32_t range_start, uint32_t range_size, uint32_t timeout_ms);
#endif

/** @brief Reports progress in percent (0..100) or a result (OTA_DOWNLOAD_SUCCESS ... OTA_UPGRADE_EXPIRED). */
#ifndef CONFIG_TM
int32_t ota_report_status(uint8_t *token, uint32_t status_code, uint32_t timeout_ms);
#else
int32_t ota_report_status(uint32_t tid, uint32_t status_code, uint32_t timeout_ms);
#endif

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_ONENET_OTA_API_H */
