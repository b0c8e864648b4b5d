// SPDX-License-Identifier: MIT OR Apache-2.0
/* otakit: the native C API. Generated from src/bindings/native.rs by `make headers`; do not edit. */

#ifndef OTAKIT_H
#define OTAKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Failures in a row without a new byte before a download is given up; 1 or more, 12 unless set. It is also given up after
// four times as many without 4 KiB, after three unreadable answers in a row, and with the first round of questions for another
// URL that ends 25 s or more after its URL was refused (401, 403, 410). A round takes 10 s where nobody answers, and a wait
// comes before the next one: three rounds and two waits then, 30 to 30.75 s. What worked before is believed to be refused
// only once a request without `Range` is refused, too.
#define OTAKIT_OPTION_RETRY_ATTEMPTS 0

// Longest wait before the first retry, in ms; it doubles with each further one. 250 unless set.
#define OTAKIT_OPTION_RETRY_BASE_MS 1

// Longest wait before any retry, in ms. 30000 unless set.
#define OTAKIT_OPTION_RETRY_CAP_MS 2

// Time for connecting, name resolution and TLS included, in ms; 10000 unless set. `HAL_TCP_Establish` cannot be told a time:
// what it takes beyond this (the default one ends after 10 s) is waited for by the fetching thread, never within a call.
#define OTAKIT_OPTION_CONNECT_MS 3

// Time from a request to the end of its answer's header, in ms; 30000 unless set.
#define OTAKIT_OPTION_ANSWER_MS 4

// Longest silence of a server within an answer, in ms; the connection is then opened again. 30000 unless set.
#define OTAKIT_OPTION_STALL_MS 5

// Number of buffers between the network and the application, 2..=64; 4 unless set.
#define OTAKIT_OPTION_SLOTS 6

// Size of each of them in bytes, 1024..=1048576; 16384 unless set.
#define OTAKIT_OPTION_SLOT_SIZE 7

// Most bytes per second of a download; 0, the default: as many as come.
#define OTAKIT_OPTION_RATE_LIMIT 8

// Fewest bytes per second, as a mean over the window below; a download that stays under it for three windows in a row is
// given up (`OTAKIT_ERR_TOO_SLOW`). Waiting for the server counts, over all connections. 0, the default: any.
#define OTAKIT_OPTION_MIN_RATE 9

// That window, in ms, 1000 or more; 30000 unless set.
#define OTAKIT_OPTION_MIN_RATE_WINDOW_MS 10

// Longest time from the first read to the last byte, in ms; 0, the default: any.
#define OTAKIT_OPTION_DEADLINE_MS 11

// Longest time, in ms, that the end of a session or a download (`IOT_OTA_Deinit`, `otakit_download_*`) waits until its
// thread uses the network no more; 0, the default: it does not wait. See `otakit_wait_workers`.
#define OTAKIT_OPTION_END_WAIT_MS 12

// Bytes of a download after which what was stored is made durable, 65536 or more; 1048576 unless set. A power loss costs
// at most these, a crash of the process alone at most 64 KiB.
#define OTAKIT_OPTION_CHECKPOINT_BYTES 13

// Time after which it is made durable when fewer bytes came, in ms, 1 or more; 10000 unless set.
#define OTAKIT_OPTION_CHECKPOINT_MS 14

// Most bytes of memory that a delta package may ask for, 4096..=1048576; 32768 unless set. See `otakit_download_delta`.
#define OTAKIT_OPTION_DELTA_MEMORY 15

// Success.
#define OTAKIT_OK 0

// Another failure: a defect of the library, caught.
#define OTAKIT_FAILED -1

// An argument cannot be used: NULL, out of range, or no open handle.
#define OTAKIT_INVALID -2

// Not possible now: there was no offer yet, or another thread is downloading.
#define OTAKIT_STATE -3

// Out of memory or of threads.
#define OTAKIT_ERR_RESOURCES -4

// Cancelled.
#define OTAKIT_ERR_CANCELLED -5

// The host could not be found or refused.
#define OTAKIT_ERR_CONNECT -10

// The server was silent for too long.
#define OTAKIT_ERR_TIMEOUT -11

// The connection broke.
#define OTAKIT_ERR_BROKEN -12

// The server's certificate was refused.
#define OTAKIT_ERR_CERTIFICATE -13

// TLS failed.
#define OTAKIT_ERR_TLS -14

// This build has no TLS.
#define OTAKIT_ERR_NO_TLS -15

// The certificate authority that was set cannot be read.
#define OTAKIT_ERR_CA -16

// The URL cannot be used.
#define OTAKIT_ERR_URL -20

// The server answered with an HTTP status that is no success.
#define OTAKIT_ERR_STATUS -21

// Too many redirects, or one that leads nowhere.
#define OTAKIT_ERR_REDIRECT -22

// A redirect from https to http was refused.
#define OTAKIT_ERR_INSECURE_REDIRECT -23

// The server announces another size than the offer.
#define OTAKIT_ERR_LENGTH -24

// The server answered another range than the one asked for.
#define OTAKIT_ERR_RANGE -25

// The answer is not valid HTTP.
#define OTAKIT_ERR_PROTOCOL -26

// The body is compressed although that was not asked for.
#define OTAKIT_ERR_ENCODING -27

// The body ended early.
#define OTAKIT_ERR_TRUNCATED -28

// The URL has expired, and the platform gave no fresh one.
#define OTAKIT_ERR_EXPIRED -29

// The image's digest is not the one promised.
#define OTAKIT_ERR_DIGEST -30

// The image's signature is not by a trusted key.
#define OTAKIT_ERR_SIGNATURE -31

// The platform offers another image now.
#define OTAKIT_ERR_OTHER_IMAGE -32

// The image comes slower than allowed.
#define OTAKIT_ERR_TOO_SLOW -33

// The time for the download is over.
#define OTAKIT_ERR_DEADLINE -34

// Policy: not https.
#define OTAKIT_ERR_POLICY_HTTPS -40

// Policy: host not allowed, redirects included.
#define OTAKIT_ERR_POLICY_HOST -41

// Policy: image too large.
#define OTAKIT_ERR_POLICY_SIZE -42

// Policy: version not newer than the floor.
#define OTAKIT_ERR_POLICY_ROLLBACK -43

// Policy: image not signed, or no key to check the signature with.
#define OTAKIT_ERR_POLICY_UNSIGNED -44

// No room left to store the image.
#define OTAKIT_ERR_STORE_FULL -50

// The image could not be stored.
#define OTAKIT_ERR_STORE -51

// Another update, of this process or another one, is storing an image at the same place.
#define OTAKIT_ERR_STORE_BUSY -52

// Not a delta package, or a damaged one; the log says what is wrong with it.
#define OTAKIT_ERR_DELTA -60

// The image that is there is not the one that the delta package was made for, or cannot be read: send the full image.
#define OTAKIT_ERR_DELTA_BASE -61

// The delta package needs more memory than `OTAKIT_OPTION_DELTA_MEMORY` allows.
#define OTAKIT_ERR_DELTA_MEMORY -62

// This build applies no delta packages.
#define OTAKIT_ERR_NO_DELTA -63

// `OTAKIT_…` codes: what functions of otakit.h return.
#define OTAKIT_CODES_NATIVE 0

// Link Kit, infra_errno.h: what `IOT_MQTT_*`, `IOT_Sign_MQTT` and `IOT_Linkkit_*` return in v3.0.1 and V2.3.
#define OTAKIT_CODES_LINKKIT 1

// Link Kit, ota_api.h: what `IOT_OTA_*` return (`IOT_OTAE_…`).
#define OTAKIT_CODES_LINKKIT_OTA 2

// Link Kit V3.10, infra_state.h (`STATE_…`).
#define OTAKIT_CODES_LINKKIT_V310 3

// OneNET: local errors (`ERR_…`, below 0), the platform's numbers (1..99), HTTP statuses (100 and above).
#define OTAKIT_CODES_ONENET 4

// OneNET: the steps that `ota_report_status` reports (101 and above).
#define OTAKIT_CODES_ONENET_STEP 5

// HaaS: `HAAS_OTA_…`, below 0.
#define OTAKIT_CODES_HAAS 6

// QuecPython: `QUECTEL_FOTA_…`, 1001 and above.
#define OTAKIT_CODES_QUECTEL 7

// An image to download. All texts are borrowed for the call.
typedef struct {
  // http or https URL, NUL-terminated, at most 4096 bytes.
  const char *url;
  // Version, NUL-terminated; NULL counts as empty. Part of the image's identity when a download is resumed.
  const char *version;
  // Size in bytes, at least 1.
  uint64_t size;
  // SHA-256 in hexadecimal digits, or NULL.
  const char *sha256;
  // MD5 in hexadecimal digits, or NULL; used when there is no SHA-256.
  const char *md5;
  // Signature over the image's SHA-256 in base64, or NULL; see `otakit_policy_trust_key`.
  const char *signature;
} otakit_image_t;

// The image that a device has, which a delta package is applied to. It is only read.
typedef struct {
  // A file or a block device, NUL-terminated; NULL: the image is read by `read`.
  const char *path;
  // Reads up to `length` bytes, 1 or more, from `offset` on into `buffer`. Returns how many were read, 0 at the image's
  // end, or a negative number. Called on the thread that downloads, with no lock held; NULL when there is a `path`.
  int (*read)(void *user, uint64_t offset, char *buffer, uint32_t length);
  // Given back in each call of `read`.
  void *user;
} otakit_base_t;

// Watches a download: called on the thread that downloads, with no lock held, at each step and at least every 100 ms,
// whatever the network does. The same thread stores the bytes, so what a write or a sync of the medium takes comes on top.
// `fetched` goes down when stored bytes turn out wrong and are fetched again. A return other than 0 cancels.
typedef int (*otakit_watch_t)(void *user, uint64_t fetched, uint64_t total);

// Asks the firmware to go on with an image of which `stored` bytes were handed to `HAL_Firmware_Persistence_Write`
// before; a firmware that answers other than 0 promises that those bytes are durable, that nothing else was written there
// since (no `Start` by another update), and that the next `Write` appends to them. 0: the image is started again with `HAL_Firmware_Persistence_Start`.
typedef int (*otakit_resume_t)(void *user, uint64_t stored);

// Where one device's images go. Called on the thread that downloads, with no lock held. A negative return is a failure.
typedef struct {
  // Begins an image of `size` bytes.
  int (*start)(void *user, uint64_t size);
  // Appends `length` bytes.
  int (*write)(void *user, char *buffer, uint32_t length);
  // Ends the image: `valid` is 1 when it is complete and verified, else 0.
  int (*stop)(void *user, int valid);
  // Given back in each call.
  void *user;
} otakit_linkkit_store_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The library's version, "major.minor.patch". Static; never freed.
const char *otakit_version(void);

// What this library was built from and how, in one line: version, platforms, MQTT client, TLS, signatures, cargo profile,
// target, and whether it is a lab build, as in "otakit 0.1.0; platforms linkkit; mqtt yes; tls rustls; signature yes;
// profile release; target x86_64-unknown-linux-gnu; lab no". Static; never freed. Does not block; any thread.
const char *otakit_build_info(void);

// For a `HAL_TCP_Establish`, which may call it and need not: names an address that it has tried, so that log lines can.
// `address` is text such as "192.0.2.1:443", copied; `error` is the `errno` of a failed attempt, 0 when it is connected.
// To be called by the thread that `HAL_TCP_Establish` runs in, before it returns. Does not block.
//
// # Safety
// `address` is NULL or a NUL-terminated string.
void otakit_tried_address(const char *address,
                          int error);

// For a `HAL_TCP_Establish`, which may call it and need not: why a host name could not be resolved, in the system's words
// (`gai_strerror`), so that log lines have them. `reason` is copied. It then fails with `errno` ENODATA when there is no
// such name or it has no address, EAGAIN when no name server answered. To be called by the thread that
// `HAL_TCP_Establish` runs in, before it returns. Does not block.
//
// # Safety
// `reason` is NULL or a NUL-terminated string.
void otakit_unresolved(const char *reason);

// Sets the most talkative level of log lines that are printed through `HAL_Printf`: 0 none, 1 critical, 2 error,
// 3 warning (unless set), 4 info, 5 debug. Does not block; any thread.
void otakit_set_log_level(int level);

// Sets an option (`OTAKIT_OPTION_…`) for downloads of sessions opened from now on. Does not block; any thread.
//
// Returns `OTAKIT_OK`, or `OTAKIT_INVALID` for an unknown option or a value out of its range.
int otakit_set_option(int option,
                      uint32_t value);

// Waits until the threads of all downloads and sessions that have ended, or were cancelled, use the network no more:
// after `OTAKIT_OK` none of them calls `HAL_TCP_*`, `HAL_SSL_*` or `HAL_Printf` again. Downloads that still run, and MQTT
// clients, are not waited for; `IOT_MQTT_Destroy` waits for its own. To be called before a network is switched off.
//
// Blocks for `timeout_ms` at most; any thread but one in which the library calls the firmware.
//
// Returns `OTAKIT_OK`, or `OTAKIT_ERR_TIMEOUT` while one still runs: a `HAL_TCP_Establish` that does not return, say.
int otakit_wait_workers(uint32_t timeout_ms);

// Sets the certificate authorities that https downloads of sessions opened from now on trust, in place of the public
// ones: one or several certificates in PEM form, copied. NULL goes back to the public ones. Does not block.
//
// The text is read as curl reads one: what stands around the certificates is a comment, in any encoding. One that cannot
// be read is left out, with a line in the log.
//
// Returns `OTAKIT_OK`, or `OTAKIT_INVALID` for a text without a certificate that can be read.
//
// # Safety
// `pem` is NULL or a NUL-terminated string.
int otakit_set_https_ca(const char *pem);

// Downloads a delta package and applies it to `base` while it comes; the result is the file `path`. `package` describes the
// package: its URL, size, digest, and the signature over its SHA-256. `otakit-delta make` makes packages (docs/DELTA.md).
//
// `path` and `journal` are as in `otakit_download_file`, and so are the watch, whose numbers are bytes of the package, and
// the resume: at the end of a block of the image, once 64 KiB of it were made. Then the package's header and index are
// fetched again and `base` is read through again. `path` may be the file of `base`, which it then replaces at the end.
//
// The whole of `base` is digested before anything is written. The image is put in its place when the package has the
// digest, and the signature, that `package` promises, and the image, read once more, has the SHA-256 in the package's
// header. Takes 16 KiB of heap besides the session's slots and what the package asks for (8 KiB for its dictionary unless
// made otherwise, 8 bytes for each block); a package that asks for more than `OTAKIT_OPTION_DELTA_MEMORY` is refused.
// An image larger than `otakit_policy_max_size` is refused, too; the version floor is held against `package->version`.
//
// Blocks, and may be called by any thread; see `otakit_download_file`.
//
// Returns as `otakit_download_file` does, and `OTAKIT_ERR_DELTA`, `OTAKIT_ERR_DELTA_BASE`, `OTAKIT_ERR_DELTA_MEMORY`;
// `OTAKIT_ERR_NO_DELTA` in a library built without (CMake's `OTAKIT_DELTA=OFF`); `OTAKIT_INVALID` for a `base` with neither
// `path` nor `read`, or that is the file `journal` or `path.part`. With each of these `path` is what it was.
//
// # Safety
// `package` and `base` are NULL or point to the structures; their texts, `path` and `journal` are NULL or NUL-terminated;
// `watch` may be called with `user`, and `base->read` with its `user`, until this returns.
int otakit_download_delta(const otakit_image_t *package,
                          const otakit_base_t *base,
                          const char *path,
                          const char *journal,
                          otakit_watch_t watch,
                          void *user);

// Downloads an image into the file `path`, which never holds anything but a complete, verified image: bytes are written
// to `path.part`, read once more when all are there, and moved there at the end. `path` is a regular file or none yet, in
// a folder that is there; a symbolic link to a regular file stands for that file. `path.part` is the library's: mode 0600
// and locked, links and pipes there are removed, not followed. The image has the access rights of the file it replaces,
// else 0600. With `journal`, the path of a small file, a download that was
// interrupted, by a crash or a power loss too, goes on at its last checkpoint when it is called again for
// the same image; see `OTAKIT_OPTION_CHECKPOINT_BYTES`. Kept bytes are read again before they count. A journal that cannot
// be written, or is no regular file of this user's, costs a warning and the resume, nothing else. NULL: it starts from
// the first byte each time. The journal stays: while `path` is the file that was put there, another call for the same
// image fetches nothing.
//
// Blocks until the image is there or the download has failed. One download at a time has a place, whatever it is called,
// in all threads and processes: another gets `OTAKIT_ERR_STORE_BUSY` at once. The lock ends with its process, whatever
// children it has: in a child of a fork a download that the parent began ends with `OTAKIT_ERR_STORE`. So does one whose
// descriptors the program closes; nothing is written to what the program opens in their place. A thread that is cancelled
// (`pthread_cancel`) ends once the call has returned.
//
// Returns `OTAKIT_OK` when the image is complete, verified and in its place, else an `OTAKIT_ERR_…`, `OTAKIT_INVALID`
// for arguments that cannot be used: a `path` that is a folder, a device, a pipe or a link that leads nowhere, a `journal`
// that is the same file as `path` or `path.part`. Nothing is fetched then, nor without room for the image.
//
// # Safety
// `image` is NULL or points to the structure; `path` and `journal` are NULL or NUL-terminated; `watch` may be called with
// `user` until this returns.
int otakit_download_file(const otakit_image_t *image,
                         const char *path,
                         const char *journal,
                         otakit_watch_t watch,
                         void *user);

// Downloads an image into the firmware's own store, `HAL_Firmware_Persistence_*`, in pieces of 16 KiB. With `resume`,
// a download that was interrupted goes on where the firmware can; how far it got is kept in `HAL_Kv_*` under `key`.
//
// `HAL_Firmware_Persistence_Stop` is called at the end of a failed download too, after a `Write` of 0 bytes,
// which says that the image is not valid: only `OTAKIT_OK` means that the image is
// complete and verified. Blocks; one thread at a time in the whole process.
//
// Returns as `otakit_download_file` does.
//
// # Safety
// `image` is NULL or points to the structure; `key` is NULL or NUL-terminated; the functions may be called with `user`
// until this returns.
int otakit_download_persistence(const otakit_image_t *image,
                                const char *key,
                                otakit_resume_t resume,
                                otakit_watch_t watch,
                                void *user);

// Sets where `ITM_MSG_QUERY_FOTA_DATA` and `ITM_MSG_QUERY_COTA_DATA` put what they download for a device of the device
// model (0: the master), in place of `HAL_Firmware_Persistence_*`, which know no device and serve one at a time. NULL goes
// back to those; `IOT_Linkkit_Close` does, too. The structure is copied. Does not block; any thread.
//
// Returns `OTAKIT_OK`, or `OTAKIT_INVALID` for a negative device or a store that lacks a function.
//
// # Safety
// `store` is NULL or points to the structure; its functions may be called with its `user` until it is replaced.
int otakit_linkkit_set_store(int devid,
                             const otakit_linkkit_store_t *store);

// Inside an `ITE_FOTA` or `ITE_COTA` callback: the device of the device model that the offer is for. Does not block.
//
// Returns the device, 0 for the master; -1 outside of such a callback.
int otakit_linkkit_offered_device(void);

// 1: only https, redirects included; 0, the default: http too. Does not block; any thread.
void otakit_policy_https_only(int only);

// Allows a host; once one is allowed, all others are not, redirects included. `*.example.com` allows every host below
// example.com. NULL allows every host again. At most 64. Does not block; any thread.
//
// Returns `OTAKIT_OK` or `OTAKIT_INVALID`.
//
// # Safety
// `host` is NULL or a NUL-terminated string; it is copied.
int otakit_policy_allow_host(const char *host);

// Trusts a public key for signatures over images: PEM text of an Ed25519, ECDSA P-256 or RSA (2048 to 4096 bits) key
// ("BEGIN PUBLIC KEY"). May be called several times: any of the keys will do, so that keys can be rolled over. NULL
// forgets all. At most 8. Does not block on the network; any thread.
//
// Every signature is over the image's SHA-256: RSA as PKCS#1 v1.5 and ECDSA (DER or r‖s) in their usual forms, Ed25519
// over the 32 bytes of the digest. An offer's signature is checked whenever there is a key.
//
// Returns `OTAKIT_OK`, or `OTAKIT_INVALID` for a text that is no such key, a ninth one, or a build without signatures.
//
// # Safety
// `pem` is NULL or a NUL-terminated string; it is copied.
int otakit_policy_trust_key(const char *pem);

// 1: only images signed by a trusted key; 0, the default: unsigned ones too. Does not block; any thread.
void otakit_policy_signed_only(int only);

// Largest image in bytes that is accepted; 0, the default: any. Does not block; any thread.
void otakit_policy_max_size(uint64_t bytes);

// Only versions newer than `version` are accepted (anti-rollback): compared part by part, numbers as numbers, so that
// 1.10.0 is newer than 1.9.0; of equal numbers those with dev, snapshot, alpha, beta, pre or rc behind them are older,
// those with anything else behind them newer. With `keep` 1 the floor is kept in `HAL_Kv_*` and loaded by later calls,
// after a restart too; it is then never lowered: of the floor kept and the one given the newer holds. NULL with `keep` 1
// takes the kept one alone; NULL with `keep` 0 removes the floor from this process. Blocks as `HAL_Kv_*` do.
//
// Where a floor is to hold and cannot be known, no firmware is accepted (`OTAKIT_ERR_POLICY_ROLLBACK`) until a later
// call succeeds. A floor that is damaged stays so until the firmware deletes `otakit.version_floor` and
// `otakit.version_floor.kept` from its `HAL_Kv_*`.
//
// Returns `OTAKIT_OK`; `OTAKIT_INVALID` for a version that is empty or longer than 128 bytes, which changes nothing;
// `OTAKIT_STATE` for NULL with `keep` 1 while none is kept, after which no firmware is accepted; `OTAKIT_ERR_STORE` when
// the kept one cannot be read, after which no firmware is accepted, or when the one given could not be kept: it then
// holds in this process all the same.
//
// # Safety
// `version` is NULL or a NUL-terminated string; it is copied.
int otakit_policy_version_floor(const char *version,
                                int keep);

// Bytes fetched and size of the image, in 64 bits, where `IOT_OTA_Ioctl` has only 32. Either pointer may be NULL. Does not
// block; any thread.
//
// Returns `OTAKIT_OK`, `OTAKIT_INVALID` for a handle that is not open, or `OTAKIT_STATE` before the first offer.
//
// # Safety
// `fetched` and `total` are NULL or point to a `uint64_t`.
int otakit_linkkit_ota_size(void *ota_handle,
                            uint64_t *fetched,
                            uint64_t *total);

// What the last download failed of, in words: copied into `buf`, cut to `buf_len` bytes with the NUL that ends it. `buf`
// may be NULL. Does not block; any thread.
//
// Returns the failure's code (`OTAKIT_ERR_…`), `OTAKIT_OK` when nothing failed, or `OTAKIT_INVALID` for a handle that is
// not open.
//
// # Safety
// `buf` is NULL or points to `buf_len` bytes.
int otakit_linkkit_ota_failure(void *ota_handle,
                               char *buf,
                               size_t buf_len);

// Ends the session's download from any thread: a call that is waiting for its bytes returns within 100 ms. The session
// is then as after a failed download. Does not block.
int otakit_linkkit_ota_cancel(void *ota_handle);

// Pauses the session's downloads: the connection is given up, `IOT_OTA_FetchYield` brings nothing in its time. Does not
// block; any thread.
int otakit_linkkit_ota_pause(void *ota_handle);

// Lets them go on where they were. Does not block; any thread.
int otakit_linkkit_ota_resume(void *ota_handle);

// Says which image runs: from now on the session takes offers of delta packages (`isDiff`) that `otakit-delta make` made,
// too, and `otakit_linkkit_ota_download_file` applies them. `IOT_OTA_FetchYield` does not: it fails with
// `IOT_OTAE_INVALID_STATE` while a package is on offer, whose bytes are no image. NULL: whole images alone again; packages
// are refused, and the platform is told so.
//
// The structure and its path are copied. Its `read` may be called, on the thread that downloads, until this function is
// called again or `IOT_OTA_Deinit` has returned. Does not block; any thread.
//
// Returns `OTAKIT_OK`, `OTAKIT_INVALID` for a handle that is not open or a base with neither `path` nor `read`, or
// `OTAKIT_ERR_NO_DELTA` in a library built without.
//
// # Safety
// `base` is NULL or points to the structure, whose text is NULL or NUL-terminated.
int otakit_linkkit_ota_set_base(void *ota_handle,
                                const otakit_base_t *base);

// Downloads the image on offer (`IOT_OTA_IsFetching` is 1) into the file `path`, in place of a loop over
// `IOT_OTA_FetchYield`; as `otakit_download_file` does, resumed over restarts with `journal`. A delta package is applied as
// `otakit_download_delta` does, to the image of `otakit_linkkit_ota_set_base`. A URL that expires is
// renewed through the platform if `watch` or another thread yields to the MQTT client meanwhile.
//
// Blocks. Afterwards the session is as after its own download: `IOT_OTAG_CHECK_FIRMWARE` tells the verdict.
//
// Returns as `otakit_download_file` does; `OTAKIT_STATE` when nothing is on offer.
//
// # Safety
// `path` and `journal` are NULL or NUL-terminated; `watch` may be called with `user` until this returns.
int otakit_linkkit_ota_download_file(void *ota_handle,
                                     const char *path,
                                     const char *journal,
                                     otakit_watch_t watch,
                                     void *user);

// A code of otakit.h (`OTAKIT_…`) in words, with its name in front. Never NULL; static, never freed. Does not block; any
// thread. For the codes of a platform's own API see `otakit_strerror_of`.
const char *otakit_strerror(int code);

// As `otakit_strerror`, for a code of `set` (`OTAKIT_CODES_…`). The same number means different things in different sets.
const char *otakit_strerror_of(int set,
                               int code);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OTAKIT_H */
