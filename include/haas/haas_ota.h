/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Module OTA over Aliyun IoT: what HaaS's `aliyunIoT.Device` and `ota` offer, for C.
 *
 * All functions return 0 for success and -1 for failure unless said otherwise and may be called from any thread. What
 * takes time happens on threads of the library, and ends in an event; no function calls back from such a thread: events
 * wait in one queue until haas_poll_event or haas_dispatch takes them. None is lost: while 256 of them wait, no more
 * messages are taken from the broker; the outcomes of what the application asked for are added all the same.
 *
 * A child of a fork whose parent has ended, as after daemon(), goes on where the parent was, with its first call of any
 * function here: devices sign in again, which is told with HAAS_ON_DISCONNECT and HAAS_ON_CONNECT, and what was being
 * fetched, checked or installed is done again, with its event. While the parent runs its devices are the parent's: calls
 * for them fail in the child, haas_device_end forgets them there, and downloads, checks and installations that the parent
 * is at end in the child after 3 s: HAAS_OTA_DOWNLOAD with -9, the others with -1.
 */
#ifndef OTAKIT_HAAS_OTA_H
#define OTAKIT_HAAS_OTA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HAAS_ON_CONNECT = 1,     /* connected; not once haas_device_end was called */
    HAAS_ON_CLOSE = 2,       /* haas_device_end is done; the device is forgotten, no event of it follows */
    HAAS_ON_DISCONNECT = 3,  /* the connection is being made again */
    HAAS_ON_MESSAGE = 6,     /* with topic and payload; of up to 64 KiB, longer ones are dropped with a log line */
    HAAS_ON_ERROR = 8,       /* no connection, with the reason; the device is forgotten */
    HAAS_OTA_TRIGGER = 101,  /* with an offer */
    HAAS_OTA_DOWNLOAD = 102, /* value >= 0: done; else a code below */
    HAAS_OTA_VERIFY = 103,   /* the same */
    HAAS_OTA_INSTALL = 104,  /* the same */
    HAAS_OTA_SYSTEM = 105    /* new firmware, with its offer: value 0: fetched and verified; else a code below */
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

/* An update on offer. No text is NULL. */
struct haas_offer {
    const char *module_name; /* at most 64 bytes; "default" is the firmware */
    const char *version;
    const char *url;       /* at most 4096 bytes */
    const char *hash_type; /* "md5" or "sha256" */
    const char *hash;      /* hexadecimal digits, in upper case */
    int64_t length;        /* bytes, at least 1 */
};

/* Something that happened. What it points to is read only; pointers that do not go with its kind are NULL. */
struct haas_event {
    int64_t device; /* handle; 0: no device's */
    int32_t kind;   /* HAAS_ON_... or HAAS_OTA_... */
    int32_t value;  /* 0 or more: good; below 0: a code */
    const struct haas_offer *offer;
    const char *topic;
    const void *payload; /* payload_size bytes and a NUL behind them */
    size_t payload_size;
    const char *reason; /* in words */
};

/* Hears of one event; it and what it points to are valid during the call. */
typedef void (*haas_event_cb)(void *user, const struct haas_event *event);

/* Asks for a device's secret with its product's secret, once in its life; `secret` takes up to 64 characters and a NUL.
 * Blocks: up to 10 s each for connecting and for the answer. `region` as below, without "host:port". */
int haas_device_register(const char *region, const char *product_key, const char *device_name,
                         const char *product_secret, char *secret, size_t size);
/* Begins to connect: HAAS_ON_CONNECT or HAAS_ON_ERROR follows. CONNECT asks for a keep-alive of keepalive_s, 1..1200
 * seconds; anything else: 60. `region` NULL or empty: cn-shanghai; a known region; or
 * "host:port" of a broker (mqtt://, mqtts:// in front allowed). Returns a handle above 0, or -1. */
int64_t haas_device_connect(const char *region, const char *product_key, const char *device_name,
                            const char *device_secret, int keepalive_s);
/* The same, with the handle put into *device. 0, or -1. */
int haas_device_open(const char *region, const char *product_key, const char *device_name, const char *device_secret,
                     int keepalive_s, int64_t *device);
/* Ends the connection: HAAS_ON_CLOSE follows. */
int haas_device_end(int64_t device);
/* qos 0 or 1. Of qos 1 at most 20 messages wait for the broker's acknowledgement: -1 for more, with a line in the log; send
 * again later. */
int haas_device_publish(int64_t device, const char *topic, const void *payload, size_t size, int qos);
/* qos 0 to 2 */
int haas_device_subscribe(int64_t device, const char *topic, int qos);
int haas_device_unsubscribe(int64_t device, const char *topic);

/* Begins to listen for updates of the device's modules; waits at most 5 s for the broker, which is asked again, with growing
 * pauses, while it refuses. What an offer's extData holds may
 * be as long as the platform passes on (256 KiB). An offer that is not taken (a differential package, several files, bytes
 * over MQTT, what makes no sense) is answered with -1 and the reason. */
int haas_ota_init(int64_t device);
/* File that new firmware (module "default") goes to; NULL: it is not fetched, HAAS_OTA_SYSTEM comes with value -1, and the
 * cloud is told that the update failed. An offer that comes while another one is fetched waits for its end. */
int haas_ota_system_path(int64_t device, const char *path);
/* Reports a module's version; "default" is the firmware. */
int haas_ota_report(int64_t device, const char *product_key, const char *device_name, const char *module,
                    const char *version);
/* Reports a module's progress: 0..100, or -1 upgrade, -2 download, -3 verification, -4 writing failed. */
int haas_ota_progress(int64_t device, const char *module, int step, const char *desc);
/* Begins to fetch a file, which appears only when whole: HAAS_OTA_DOWNLOAD follows, with -14 before anything is fetched
 * where no file can appear (a folder, a folder that is not there). -1: it is being fetched already,
 * under whatever name.
 * The URL of an offer (HAAS_OTA_TRIGGER) is known: the file must have the offer's length, digest and, with a trusted key
 * (otakit_policy_trust_key), signature; the download goes on after a restart of the process where it was, by PATH.part
 * and PATH.journal; when the URL has expired the cloud is asked for a fresh one.
 * A URL that several devices or modules were offered: a device that is on line is asked, the one with the newest offer first,
 * and the file is good when it is what one of the offers says. */
int haas_ota_download(const char *url, const char *store_path);
/* Begins to check a file's length and digest ("md5", "sha256"; digits of either case), and the signature that was offered
 * with that digest when a key is trusted: HAAS_OTA_VERIFY follows. Its kind and length are looked at first: -17 for what is
 * no regular file, or a link to one (a pipe, a device, a folder: none is opened), -13 for another length. */
int haas_ota_verify(int64_t length, const char *store_path, const char *hash_type, const char *hash);
/* Begins to install a file of that length: a copy appears in install_path, whole and durable; what was there before stays
 * until then. HAAS_OTA_INSTALL follows: 0, -13 for another length, -17 not readable or no regular file, -14 or -16 not
 * written; never more than `length` bytes are. (Archives are unpacked by Python's ota.upgrade.) */
int haas_ota_install(int64_t length, const char *store_path, const char *install_path);

/* Descriptor that is readable while events wait; not to be read from or closed. -1: none. */
int haas_event_fd(void);
/* Takes one event into *event, waiting at most timeout_ms. 1: taken; 0: none came; -1: wrong argument. What it points to
 * belongs to the library and is valid until the same thread calls haas_poll_event again, or ends. */
int haas_poll_event(struct haas_event *event, int timeout_ms);
/* The same for languages that have no use for C structures: `text` gets what goes with the event as JSON, or nothing:
 *   HAAS_ON_CONNECT {"code":0}    HAAS_ON_ERROR {"code","message"}
 *   HAAS_ON_MESSAGE {"topic","payload"}; "payload_hex" for what is not UTF-8, or would be longer as text
 *   HAAS_OTA_TRIGGER, HAAS_OTA_SYSTEM {"length","module_name","version","url","hash","hash_type"}
 * A text that does not fit `text_size` with its NUL: the bytes that are needed, above 1, and the event stays. */
int haas_poll_json(int64_t *device, int64_t *kind, int64_t *value, char *text, size_t text_size, int timeout_ms);
/* Takes events and calls `callback` until none waits; waits at most timeout_ms for the first. Returns how many. */
int haas_dispatch(haas_event_cb callback, void *user, int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
