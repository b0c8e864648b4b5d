/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file onenet_ota.h
 * @brief What this library offers with OneNET beyond the platform's own ota_api.h, for either variant of it: where and
 * how the platform is reached, a whole update in one call, notices of tasks over MQTT.
 */
#ifndef OTAKIT_ONENET_ONENET_OTA_H
#define OTAKIT_ONENET_ONENET_OTA_H

#include "data_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- options: set before ota_init, which takes them ---- */

/** Options that are numbers. */
enum onenet_number_e {
    ONENET_PLATFORM = 0,     /**< 0 the SDK's platform (default); 1 the current one, for the things-model variant */
    ONENET_TLS = 1,          /**< 1 HTTPS (default), 0 plain HTTP */
    ONENET_PORT = 2,         /**< TCP port; 0 (default): 443 or 80 */
    ONENET_RANGE_FORM = 3,   /**< 0 as the platform's own clients (default), 1 "0-7", 2 "bytes=0-7" */
    ONENET_TOKEN_METHOD = 4, /**< enum sig_method_e; 1 (SHA1) by default. For the things-model variant, as the next */
    ONENET_TOKEN_EXPIRY = 5, /**< seconds since 1970; the year 2050 by default */
    ONENET_MQTT_PORT = 6,    /**< port of the broker; 0 (default): 1883 */
    ONENET_MQTT_TLS = 7      /**< 1 TLS to the broker, 0 plain TCP (default) */
};

/** Options that are texts. */
enum onenet_text_e {
    ONENET_HOST = 100,           /**< host of the OTA API */
    ONENET_CA = 101,             /**< PEM certificates that TLS trusts in place of the public authorities */
    ONENET_TOKEN_VERSION = 102,  /**< "2018-10-31" by default; newer products want "2022-05-01" */
    ONENET_TOKEN_RESOURCE = 103, /**< "products/{product}/devices/{device}" by default; e.g. "userid/{id}" */
    ONENET_MQTT_HOST = 104       /**< host of the broker */
};

/** @brief Sets an option (enum onenet_number_e). 0, or -2 for an unknown option or a value out of range. */
int32_t onenet_set_number(int32_t option, uint32_t value);

/** @brief Sets an option (enum onenet_text_e), copied; NULL goes back to the default. 0 or -2. */
int32_t onenet_set_text(int32_t option, const char *value);

/** @brief The platform's number, if it refused the last call, also where it is none of 1..99; 0 if it did not. */
int32_t onenet_last_errno(void);

/* ---- a whole update in one call ---- */

/** How an update is run. All fields may be 0, except `path`. Functions are called on the thread of onenet_ota_run. */
struct onenet_run_t {
    uint32_t slice;        /**< bytes fetched at once, up to 1048576; 0: 4096 */
    uint32_t timeout_ms;   /**< time for each exchange with the platform; 0: 10000 */
    uint32_t interval_ms;  /**< wait between attempts; 0: the task's interval */
    uint32_t report_every; /**< percentages between two progress reports, up to 100; 0: 10 */
    uint32_t checkpoint;   /**< bytes between two points from which an interrupted update goes on; 0: 65536 */

    /**
     * File for the image: it is written to `path`.part and takes its name when verified; `path`.journal remembers how
     * far it got. NULL: HAL_Firmware_Persistence_* take the image, HAL_Kv_* the journal.
     */
    const char *path;
    /**
     * With `path` NULL: asks the firmware's store to go on at `offset`, as otakit_resume_t does. Other than 0: it goes on,
     * and the bytes before are durable. 0, or NULL here: the image is begun from its first byte.
     */
    int32_t (*resume)(void *user, uint64_t offset);

    /**
     * Signal strength as the task counts it. NULL: not known. Below 0 counts as not known too, unless the task's own
     * number is below 0 (dBm).
     */
    int32_t (*signal)(void *user);
    int32_t (*power)(void *user);  /**< battery charge in percent, below 0: not known. NULL: not known */

    /** Called with the progress at each piece and at least every 100 ms; anything but 0 ends the call, a later one goes on. */
    int32_t (*progress)(void *user, uint64_t stored, uint64_t total);

    /**
     * Makes use of the image, which is stored and verified. Returns what is to be reported (OTA_UPGRADE_SUCCESS, ...),
     * or 0 when ota_report_status or the next version report will tell. NULL: as 0.
     */
    int32_t (*apply)(void *user, const char *version);

    void *user; /**< passed to the functions */
};

/** What became of it. */
struct onenet_result_t {
    char version[64];     /**< version of the image; empty without a task */
    uint64_t size;        /**< its bytes */
    uint64_t resumed_at;  /**< bytes that an earlier call had stored */
    uint32_t status_code; /**< last code above 100 that was to be reported; 0: none */
};

/**
 * @brief Runs one update: reports the version, takes the task, checks its conditions, downloads in slices (validating the
 * task before each, as the platform demands, and asking for a new token when one expires), verifies the MD5, reports
 * progress and the outcome.
 *
 * Blocks for as long as the download takes. A broken transfer is tried again as often as the task says, else as
 * otakit_set_option says; a call after a restart goes on where the last one ended. A progress report that fails does not
 * end the download.
 *
 * @param result filled in whatever is returned; may be NULL
 * @return 0: the image is stored and verified. OTA_CHECK_NO_TASK: nothing to do. -3: the image is not the one promised.
 *         -8: it could not be stored. -9: the package is a differential one (type 2); it is not fetched, and 107 is
 *         reported. -14: signal or battery too low. -16: ended by `progress`. Else as for the other calls.
 */
int32_t onenet_ota_run(const struct onenet_run_t *options, struct onenet_result_t *result);

/* ---- notices of tasks over MQTT, beside asking with ota_check_task ---- */

/**
 * @brief Connects to the platform's broker on a thread of the library's own, and answers each notice at once. Does not
 * wait for the connection, which is opened again whenever it breaks. ota_deinit ends it.
 *
 * @return 0; -5 before ota_init; -7 a second time; -9 in the general variant
 */
int32_t onenet_inform_start(void);

/** @brief Waits for a notice: 1 when one came since the last time, 0 when none did in time, -12 while the broker refuses
 * the sign-in (CONNACK 1, 2, 4, 5), -5 without onenet_inform_start. The library goes on trying, with pauses of up to a
 * minute. A notice can get lost on its way: ask from time to time as well. A child of a fork signs in again with its first
 * call once its parent has ended, as after daemon(); before that, notices are the parent's. */
int32_t onenet_inform_wait(uint32_t timeout_ms);

/** @brief Disconnects. 0 or -5. */
int32_t onenet_inform_stop(void);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_ONENET_ONENET_OTA_H */
