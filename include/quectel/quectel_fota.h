/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Upgrade packages: what QuecPython's `fota` offers, for C.
 *
 * There is one service in a process. All functions return 0 for success and -1 for failure unless said otherwise, may be
 * called from any thread, and do not block unless said otherwise. No function calls back from a thread of the library:
 * events wait in a queue until quectel_fota_poll_event or quectel_fota_dispatch takes them. Each download has exactly one
 * event with a status other than 1, its last; it is never lost, not even when the next download begins before it is taken.
 *
 * In a child of a fork whose parent has ended, as after daemon(), a download that the parent was at is done again, from the
 * child's first call of any function here on. Where the parent still runs after 3 s it has the file, and in the child the
 * download ends with QUECTEL_FOTA_NOT_INPROGRESS.
 */
#ifndef OTAKIT_QUECTEL_FOTA_H
#define OTAKIT_QUECTEL_FOTA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Codes that come with status -1. */
enum {
    QUECTEL_FOTA_DOMAIN_NOT_EXIST = 1001,
    QUECTEL_FOTA_DOMAIN_TIMEOUT = 1002,
    QUECTEL_FOTA_DOMAIN_UNKNOWN = 1003,
    QUECTEL_FOTA_SERVER_CONN_FAIL = 1004,
    QUECTEL_FOTA_AUTH_FAILED = 1005,
    QUECTEL_FOTA_FILE_NOT_EXIST = 1006,
    QUECTEL_FOTA_FILE_SIZE_INVALID = 1007,
    QUECTEL_FOTA_FILE_GET_ERR = 1008,
    QUECTEL_FOTA_FILE_CHECK_ERR = 1009,
    QUECTEL_FOTA_INTERNAL_ERR = 1010,
    QUECTEL_FOTA_NOT_INPROGRESS = 1011,
    QUECTEL_FOTA_NO_MEMORY = 1012,
    QUECTEL_FOTA_FILE_SIZE_TOO_LARGE = 1013,
    QUECTEL_FOTA_PARAM_SIZE_INVALID = 1014
};

/* Status 1: progress in percent. 0: whole, the module stays up. 2: whole, the module is to restart now. -1: failed,
 * progress is the code. Every status but 1 is the download's last. */
typedef void (*quectel_fota_event_cb)(void *user, int64_t status, int64_t progress);
/* Hands the APN settings to the modem; returns 0 for success. Strings are never NULL; valid during the call. */
typedef int64_t (*quectel_fota_apn_cb)(void *user, const char *apn, int64_t ip_type, const char *name,
                                       const char *password);
/* Restarts the module. */
typedef void (*quectel_fota_restart_cb)(void *user);

/* Ends what is under way, waiting for its end, and forgets all settings but the path and the callbacks. The last event of
 * a download that it ends is still there to be taken. */
int quectel_fota_init(void);
/* As quectel_fota_init, and drops the callbacks: those that run in other threads are waited for, and none is called once
 * this has returned. May be called inside a callback. */
int quectel_fota_deinit(void);
/* What the calls of dispatch, download and apn_set call, on their own thread. NULL: nothing. Those that were there before
 * are not called any more once this has returned, as with quectel_fota_deinit. */
int quectel_fota_callbacks(quectel_fota_event_cb event, quectel_fota_apn_cb apn, quectel_fota_restart_cb restart,
                           void *user);
/* Other than 0: the module stays up once a package is there. */
int quectel_fota_reset_disable(int disable);
/* File that the package appears in, complete; "fota_package.bin" unless set. A second one gets ".2" behind it. */
int quectel_fota_package_path(const char *path);
/* Digest of the next package, "md5" or "sha256" and its hexadecimal digits; the fragment "#sha256=..." of a URL does the
 * same. NULL, NULL: none. */
int quectel_fota_expect(const char *hash_type, const char *hash);
/* Signature over the next package's SHA-256, in base64; the fragment "#signature=..." ("#sha256=...&signature=...") of a
 * URL does the same. NULL: none. It is checked when a key is trusted (otakit_policy_trust_key); with
 * otakit_policy_signed_only a package without one fails, one that is written by the application too. */
int quectel_fota_expect_signature(const char *signature);
/* SHA-256 of the last whole package: 64 digits and a NUL. -1 when there is none or `size` is below 65. */
int quectel_fota_sha256(char *digest, size_t size);

/* Begins a download: url2 is NULL, or the second stage of a mini FOTA; one package of two does not stay. -1 while a
 * download is under way. One whose digest is given goes on after a restart of the process where it was, by PATH.part and
 * PATH.journal. */
int quectel_fota_download_start(const char *url1, const char *url2);
/* A whole download: blocks, dispatches its events meanwhile, and restarts if it may. 0: whole, and of the right digest
 * if one was given. */
int quectel_fota_download(const char *url1, const char *url2);
/* Ends the download that is under way within 100 ms; its last event has status -1. -1: there is none. */
int quectel_fota_download_cancel(void);

/* Fetches one file beside the service: it appears in `path` complete or not at all, and of this digest if one is given
 * (as for quectel_fota_expect). Blocks. 0, or a code QUECTEL_FOTA_...; -1 for wrong arguments. */
int quectel_fota_fetch_file(const char *url, const char *path, const char *hash_type, const char *hash);
/* The same on a thread of the library: *fetch gets a handle above 0. -1: wrong arguments, or no thread. Each handle has to
 * be waited for in the end. */
int quectel_fota_fetch_start(const char *url, const char *path, const char *hash_type, const char *hash, int64_t *fetch);
/* Waits for its end, at most timeout_ms: QUECTEL_FOTA_FETCHING when it is still under way; else 0 or a code
 * QUECTEL_FOTA_..., and the handle is forgotten. -1: not a handle. */
#define QUECTEL_FOTA_FETCHING 1
int quectel_fota_fetch_wait(int64_t fetch, int timeout_ms);
/* Ends it within 100 ms: quectel_fota_fetch_wait then returns QUECTEL_FOTA_NOT_INPROGRESS, if it was not done already. */
int quectel_fota_fetch_cancel(int64_t fetch);

/* The next bytes of a package of file_size bytes that the application has itself. Blocks for the file system. */
int quectel_fota_write(const void *data, size_t size, uint64_t file_size);
/* Makes them durable. Blocks for the file system. */
int quectel_fota_flush(void);
/* 0: as many bytes as promised, and of the digest expected; they are flushed first if they were not. Otherwise all is
 * dropped, and the next write begins a package. Blocks for the file system. */
int quectel_fota_verify(void);
/* Drops what was written, and the digest and signature expected of it. -1: nothing was written. */
int quectel_fota_abandon(void);

/* Passes APN settings to the callback; ip_type 0 IPv4, 1 IPv6. -1 without a callback. NULL counts as "". */
int quectel_fota_apn_set(const char *apn, int ip_type, const char *user, const char *password);

/* Descriptor that is readable while events wait; not to be read from or closed. -1: none. */
int quectel_fota_event_fd(void);
/* Takes one event, waiting at most timeout_ms for it. 1: taken, 0: none came, -1: wrong argument. */
int quectel_fota_poll_event(int64_t *status, int64_t *progress, int timeout_ms);
/* Takes events and calls the callbacks until none waits; waits at most timeout_ms for the first. Returns how many. */
int quectel_fota_dispatch(int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
