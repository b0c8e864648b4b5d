/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Module OTA over Aliyun IoT: what HaaS's `aliyunIoT.Device` and `ota` offer, for C.
 *
 * All functions return 0 for success and -1 for failure unless said otherwise and may be called from any thread. What
 * takes time happens on threads of the library, and ends in an event; no function calls back from such a thread: events
 * wait in one queue until haas_poll_event or haas_dispatch takes them.
 */
#ifndef OTAKIT_HAAS_OTA_H
#define OTAKIT_HAAS_OTA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HAAS_ON_CONNECT = 1,    /* text {"code":0} */
    HAAS_ON_CLOSE = 2,      /* haas_device_end is done; the device is forgotten */
    HAAS_ON_DISCONNECT = 3, /* the connection is being made again */
    HAAS_ON_MESSAGE = 6,    /* text {"topic":...,"payload":...}; "payload_hex" when it is no UTF-8 */
    HAAS_ON_ERROR = 8,      /* no connection: text {"code":...,"message":...} */
    HAAS_OTA_TRIGGER = 101, /* text {"length","module_name","version","url","hash","hash_type"} */
    HAAS_OTA_DOWNLOAD = 102, /* value >= 0: done; else a code below */
    HAAS_OTA_VERIFY = 103,   /* the same */
    HAAS_OTA_INSTALL = 104,  /* the same */
    HAAS_OTA_SYSTEM = 105    /* new firmware: value 0: fetched and verified; text as for HAAS_OTA_TRIGGER */
};

/* Failures, as AliOS Things numbers them. */
enum {
    HAAS_OTA_INIT_FAIL = -1,
    HAAS_OTA_DOWNLOAD_INIT_FAIL = -5,
    HAAS_OTA_DOWNLOAD_HEAD_FAIL = -6,
    HAAS_OTA_DOWNLOAD_CON_FAIL = -7,
    HAAS_OTA_DOWNLOAD_REQ_FAIL = -8,
    HAAS_OTA_DOWNLOAD_RECV_FAIL = -9,
    HAAS_OTA_VERIFY_MD5_FAIL = -10,
    HAAS_OTA_VERIFY_SHA2_FAIL = -11,
    HAAS_OTA_VERIFY_RSA_FAIL = -12,
    HAAS_OTA_VERIFY_IMAGE_FAIL = -13, /* length differs */
    HAAS_OTA_UPGRADE_WRITE_FAIL = -14,
    HAAS_OTA_UPGRADE_FW_SIZE_FAIL = -16,
    HAAS_OTA_UPGRADE_SET_BOOT_FAIL = -17, /* file not readable */
    HAAS_OTA_INVALID_PARAMETER = -25
};

/* `text` is JSON, or empty; valid during the call. */
typedef void (*haas_event_cb)(void *user, int64_t device, int64_t kind, int64_t value, const char *text);

/* Asks for a device's secret with its product's secret, once in its life; `secret` takes up to 64 characters and a NUL.
 * Blocks: up to 10 s each for connecting and for the answer. `region` as below, without "host:port". */
int haas_device_register(const char *region, const char *product_key, const char *device_name,
                         const char *product_secret, char *secret, size_t size);
/* Begins to connect: HAAS_ON_CONNECT or HAAS_ON_ERROR follows. `region` NULL or empty: cn-shanghai; a known region; or
 * "host:port" of a broker (mqtt://, mqtts:// in front allowed). Returns a handle above 0, or -1. */
int64_t haas_device_connect(const char *region, const char *product_key, const char *device_name,
                            const char *device_secret, int keepalive_s);
/* The same, with the handle put into *device. 0, or -1. */
int haas_device_open(const char *region, const char *product_key, const char *device_name, const char *device_secret,
                     int keepalive_s, int64_t *device);
/* Ends the connection: HAAS_ON_CLOSE follows. */
int haas_device_end(int64_t device);
/* qos 0 or 1 */
int haas_device_publish(int64_t device, const char *topic, const void *payload, size_t size, int qos);
/* qos 0 to 2 */
int haas_device_subscribe(int64_t device, const char *topic, int qos);
int haas_device_unsubscribe(int64_t device, const char *topic);

/* Begins to listen for updates of the device's modules; waits at most 5 s for the broker. */
int haas_ota_init(int64_t device);
/* File that new firmware (module "default") goes to; NULL: it is not fetched, HAAS_OTA_SYSTEM comes with value -1. */
int haas_ota_system_path(int64_t device, const char *path);
/* Reports a module's version; "default" is the firmware. */
int haas_ota_report(int64_t device, const char *product_key, const char *device_name, const char *module,
                    const char *version);
/* Reports a module's progress: 0..100, or -1 upgrade, -2 download, -3 verification, -4 writing failed. */
int haas_ota_progress(int64_t device, const char *module, int step, const char *desc);
/* Begins to fetch a file, which appears only when whole: HAAS_OTA_DOWNLOAD follows. -1: it is being fetched already.
 * The URL of an offer (HAAS_OTA_TRIGGER) is known: the file must have the offer's length, digest and, with a trusted key
 * (otakit_policy_trust_key), signature; the download goes on after a restart of the process where it was, by PATH.part
 * and PATH.journal; when the URL has expired the cloud is asked for a fresh one. */
int haas_ota_download(const char *url, const char *store_path);
/* Begins to check a file's length and digest ("md5", "sha256"; digits of either case), and the signature that was offered
 * with that digest when a key is trusted: HAAS_OTA_VERIFY follows. */
int haas_ota_verify(int64_t length, const char *store_path, const char *hash_type, const char *hash);
/* Begins to install a file of that length: a copy appears in install_path, whole and durable; what was there before stays
 * until then. HAAS_OTA_INSTALL follows: 0, -13 for another length, -17 not readable, -14 or -16 not written. (Archives are
 * unpacked by Python's ota.upgrade.) */
int haas_ota_install(int64_t length, const char *store_path, const char *install_path);

/* Descriptor that is readable while events wait; not to be read from or closed. -1: none. */
int haas_event_fd(void);
/* Takes one event, waiting at most timeout_ms. 1: taken; 0: none came; -1: wrong argument. A text that does not fit
 * text_size with its NUL comes empty; 16384 always fits an offer. */
int haas_poll_event(int64_t *device, int64_t *kind, int64_t *value, char *text, size_t text_size, int timeout_ms);
/* Takes events and calls `callback` until none waits; waits at most timeout_ms for the first. Returns how many. */
int haas_dispatch(haas_event_cb callback, void *user, int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
