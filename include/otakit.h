// SPDX-License-Identifier: MIT OR Apache-2.0
/* otakit: the native C API. Generated from src/capi/native.rs by `make headers`; do not edit. */

#ifndef OTAKIT_H
#define OTAKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Success.
#define OTAKIT_OK 0

// Another failure.
#define OTAKIT_FAILED -1

// An argument cannot be used: NULL, out of range, or no open handle.
#define OTAKIT_INVALID -2

// Not possible now: there was no offer yet.
#define OTAKIT_STATE -3

// Failures in a row without a new byte before a download is given up; 1 or more, 12 unless set.
#define OTAKIT_OPTION_RETRY_ATTEMPTS 0

// Longest wait before the first retry, in ms; it doubles with each further one. 250 unless set.
#define OTAKIT_OPTION_RETRY_BASE_MS 1

// Longest wait before any retry, in ms. 30000 unless set.
#define OTAKIT_OPTION_RETRY_CAP_MS 2

// Time for connecting, name resolution and TLS included, in ms; 10000 unless set.
#define OTAKIT_OPTION_CONNECT_MS 3

// Time from a request to the end of its answer's header, in ms; 30000 unless set.
#define OTAKIT_OPTION_ANSWER_MS 4

// Longest silence of a server within an answer, in ms; the connection is then made anew. 30000 unless set.
#define OTAKIT_OPTION_STALL_MS 5

// Number of buffers between the network and the application, 2..=64; 4 unless set.
#define OTAKIT_OPTION_SLOTS 6

// Size of each of them in bytes, 1024..=1048576; 16384 unless set.
#define OTAKIT_OPTION_SLOT_SIZE 7

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The library's version, "major.minor.patch". Static; never freed.
const char *otakit_version(void);

// Sets the most talkative level of log lines that are printed through `HAL_Printf`: 0 none, 1 critical, 2 error,
// 3 warning (unless set), 4 info, 5 debug. Does not block; any thread.
void otakit_set_log_level(int level);

// Sets an option (`OTAKIT_OPTION_…`) for downloads of sessions opened from now on. Does not block; any thread.
//
// Returns `OTAKIT_OK`, or `OTAKIT_INVALID` for an unknown option or a value out of its range.
int otakit_set_option(int option,
                      uint32_t value);

// Sets the certificate authorities that https downloads of sessions opened from now on trust, in place of the public
// ones: one or several certificates in PEM form, copied. NULL goes back to the public ones. Does not block.
//
// Returns `OTAKIT_OK`, or `OTAKIT_INVALID` for a text without a certificate.
//
// # Safety
// `pem` is NULL or a NUL-terminated string.
int otakit_set_https_ca(const char *pem);

// Bytes fetched and size of the image of a Link Kit OTA session (the handle of `IOT_OTA_Init`), in 64 bits, where
// `IOT_OTA_Ioctl` has but 32. Either pointer may be NULL. Does not block; any thread.
//
// Returns `OTAKIT_OK`, `OTAKIT_INVALID` for a handle that is not open, or `OTAKIT_STATE` before the first offer.
//
// # Safety
// `fetched` and `total` are NULL or point to a `uint64_t`.
int otakit_linkkit_ota_size(void *ota_handle,
                            uint64_t *fetched,
                            uint64_t *total);

// What the last download of a Link Kit OTA session failed of, in words: copied into `buf`, cut to `buf_len` bytes with
// the NUL that ends it. Does not block; any thread.
//
// Returns the length of the whole text in bytes (0: nothing failed), or `OTAKIT_INVALID`.
//
// # Safety
// `buf` is NULL or points to `buf_len` bytes.
int otakit_linkkit_ota_failure(void *ota_handle,
                               char *buf,
                               size_t buf_len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OTAKIT_H */
