/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A gateway on Link Kit's advanced API: brings its sub-devices on line and updates them, several at the same time.
 *
 *   linkkit_gateway [-k product-key] [-n device-name] [-s device-secret] [-v version] [-d folder] [-t max-wait-seconds]
 *                   [-r bytes-per-second] sub-device...
 *
 * The gateway's identity comes from the options, else from OTAKIT_PRODUCT_KEY, OTAKIT_DEVICE_NAME and
 * OTAKIT_DEVICE_SECRET. A sub-device is PRODUCT-KEY/DEVICE-NAME[/DEVICE-SECRET]; without a secret the cloud is asked for
 * it. Each reports `-v` (1.0.0) as its version; its image goes to FOLDER/DEVICE-NAME.bin. `-t` (60) bounds the wait for
 * all updates, `-r` the rate of each download.
 *
 * Exit code: 0 all sub-devices were updated, 2 could not connect, 3 an update failed, 4 wrong usage, or not every
 *            sub-device got an offer in time.
 */
#define _POSIX_C_SOURCE 200809L /* getopt */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dev_model_api.h"
#include "dm_wrapper.h"
#include "infra_compat.h"
#include "otakit.h"

enum { EXIT_UPDATED = 0, EXIT_NO_CONNECTION = 2, EXIT_UPDATE_FAILED = 3, EXIT_USAGE_OR_TIMEOUT = 4 };

#define MASTER 0
#define MAX_SUBS 16
#define CHUNK 8193

typedef enum { WAITING, DOWNLOADING, ENDED, UPDATED, FAILED } stage_t;

typedef struct {
    iotx_linkkit_dev_meta_info_t identity;
    int devid;
    char version[IOTX_FIRMWARE_VER_LEN + 1];
    const char *path;
    FILE *store;
    pthread_t thread;
    stage_t stage; /* under `lock` */
    int result;    /* of the download; under `lock` */
} sub_t;

static iotx_linkkit_dev_meta_info_t gateway;
static const char *version = "1.0.0", *folder = ".";
static long max_wait_s = 60;
static sub_t subs[MAX_SUBS];
static char paths[MAX_SUBS][512];
static int sub_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static stage_t stage_of(sub_t *sub)
{
    stage_t stage;

    pthread_mutex_lock(&lock);
    stage = sub->stage;
    pthread_mutex_unlock(&lock);
    return stage;
}

static void set_stage(sub_t *sub, stage_t stage)
{
    pthread_mutex_lock(&lock);
    sub->stage = stage;
    pthread_mutex_unlock(&lock);
}

/* ---- a store per sub-device ---- */

static int store_start(void *user, uint64_t size)
{
    sub_t *sub = user;

    (void)size;
    sub->store = fopen(sub->path, "wb");
    return sub->store != NULL ? 0 : -1;
}

static int store_write(void *user, char *buffer, uint32_t length)
{
    sub_t *sub = user;

    return fwrite(buffer, 1, length, sub->store) == length ? 0 : -1;
}

static int store_stop(void *user, int valid)
{
    sub_t *sub = user;
    int stored = fclose(sub->store) == 0;

    sub->store = NULL;
    if (!valid) {
        remove(sub->path);
    }
    return stored ? 0 : -1;
}

/* ---- updates: each in a thread of its own, while the main thread goes on serving the connection ---- */

static void *update(void *argument)
{
    sub_t *sub = argument;
    unsigned char *buffer = malloc(CHUNK);
    int result = -1;

    if (buffer != NULL) {
        result = IOT_Linkkit_Query(sub->devid, ITM_MSG_QUERY_FOTA_DATA, buffer, CHUNK);
        free(buffer);
    }
    pthread_mutex_lock(&lock);
    sub->result = result;
    sub->stage = ENDED;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static int on_fota(const int type, const char *offered)
{
    int devid = otakit_linkkit_offered_device();
    int i;

    for (i = 0; type == 0 && i < sub_count; i++) {
        sub_t *sub = &subs[i];

        if (sub->devid != devid || stage_of(sub) != WAITING) {
            continue;
        }
        printf("%s: update to %s begins\n", sub->identity.device_name, offered);
        fflush(stdout);
        snprintf(sub->version, sizeof(sub->version), "%s", offered);
        set_stage(sub, DOWNLOADING);
        if (pthread_create(&sub->thread, NULL, update, sub) != 0) {
            set_stage(sub, FAILED);
        }
    }
    return 0;
}

/* A sub-device that was updated would restart here; the gateway reports for it. */
static void finish(sub_t *sub)
{
    int good;

    pthread_join(sub->thread, NULL);
    good = sub->result == 0;
    if (good) {
        IOT_Linkkit_Report(sub->devid, ITM_MSG_REPORT_SUBDEV_FIRMWARE_VERSION, (unsigned char *)sub->version,
                           (int)strlen(sub->version));
    }
    printf("%s: %s\n", sub->identity.device_name, good ? "updated" : "update failed");
    fflush(stdout);
    set_stage(sub, good ? UPDATED : FAILED);
}

/* ---- the gateway ---- */

static int on_topology(const int devid, const int msgid, const int code, const char *list, const int list_len)
{
    (void)devid;
    (void)msgid;
    printf("topology (%d): %.*s\n", code, list_len, list);
    fflush(stdout);
    return 0;
}

static int bring_on_line(sub_t *sub)
{
    otakit_linkkit_store_t store = {store_start, store_write, store_stop, NULL};

    store.user = sub;
    sub->devid = IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_SLAVE, &sub->identity);
    if (sub->devid <= 0 || IOT_Linkkit_Connect(sub->devid) != 0 ||
        IOT_Linkkit_Report(sub->devid, ITM_MSG_LOGIN, NULL, 0) != 0) {
        return -1;
    }
    /* From now on its updates are served; those of the ones before it still are. */
    if (IOT_Ioctl(IOTX_IOCTL_SET_OTA_DEV_ID, &sub->devid) != 0 ||
        otakit_linkkit_set_store(sub->devid, &store) != OTAKIT_OK) {
        return -1;
    }
    printf("%s: on line as device %d, running %s\n", sub->identity.device_name, sub->devid, version);
    fflush(stdout);
    return IOT_Linkkit_Report(sub->devid, ITM_MSG_REPORT_SUBDEV_FIRMWARE_VERSION, (unsigned char *)version,
                              (int)strlen(version));
}

static int run(void)
{
    time_t started = time(NULL);
    int over = 0, failed = 0, i;

    for (i = 0; i < sub_count; i++) {
        if (bring_on_line(&subs[i]) != 0) {
            fprintf(stderr, "%s: cannot be brought on line\n", subs[i].identity.device_name);
            return EXIT_NO_CONNECTION;
        }
    }
    IOT_Linkkit_Query(MASTER, ITM_MSG_QUERY_TOPOLIST, NULL, 0);
    while (over < sub_count && difftime(time(NULL), started) <= (double)max_wait_s) {
        IOT_Linkkit_Yield(50);
        for (i = over = failed = 0; i < sub_count; i++) {
            if (stage_of(&subs[i]) == ENDED) {
                finish(&subs[i]);
            }
            over += stage_of(&subs[i]) == UPDATED || stage_of(&subs[i]) == FAILED;
            failed += stage_of(&subs[i]) == FAILED;
        }
    }
    /* What was reported last goes out before the connection does. */
    IOT_Linkkit_Yield(200);
    if (over < sub_count) {
        fprintf(stderr, "not every sub-device was updated within %ld s\n", max_wait_s);
        return EXIT_USAGE_OR_TIMEOUT;
    }
    return failed == 0 ? EXIT_UPDATED : EXIT_UPDATE_FAILED;
}

/* Sub-devices say goodbye; a download that still runs ends with the connection. */
static void stop(void)
{
    int i;

    for (i = 0; i < sub_count; i++) {
        if (subs[i].devid > 0 && stage_of(&subs[i]) != DOWNLOADING) {
            IOT_Linkkit_Report(subs[i].devid, ITM_MSG_LOGOUT, NULL, 0);
        }
    }
    IOT_Linkkit_Close(MASTER);
    for (i = 0; i < sub_count; i++) {
        stage_t stage = stage_of(&subs[i]);

        if (stage == DOWNLOADING || stage == ENDED) {
            pthread_join(subs[i].thread, NULL);
        }
    }
}

/* ---- settings ---- */

static int copy(char *to, size_t room, const char *from, size_t length)
{
    if (length == 0 || length >= room) {
        return -1;
    }
    memcpy(to, from, length);
    to[length] = '\0';
    return 0;
}

/* PRODUCT-KEY/DEVICE-NAME[/DEVICE-SECRET] */
static int add_sub(const char *text)
{
    sub_t *sub = &subs[sub_count];
    const char *name = strchr(text, '/');
    const char *secret = name == NULL ? NULL : strchr(name + 1, '/');
    size_t name_length;

    if (name == NULL || sub_count == MAX_SUBS) {
        return -1;
    }
    name_length = secret == NULL ? strlen(name + 1) : (size_t)(secret - name - 1);
    if (copy(sub->identity.product_key, sizeof(sub->identity.product_key), text, (size_t)(name - text)) != 0 ||
        copy(sub->identity.device_name, sizeof(sub->identity.device_name), name + 1, name_length) != 0 ||
        (secret != NULL && copy(sub->identity.device_secret, sizeof(sub->identity.device_secret), secret + 1,
                                strlen(secret + 1)) != 0)) {
        return -1;
    }
    snprintf(paths[sub_count], sizeof(paths[sub_count]), "%s/%s.bin", folder, sub->identity.device_name);
    sub->path = paths[sub_count];
    sub_count++;
    return 0;
}

/* Copies the option, else the variable. Returns -1 if neither is there or it does not fit. */
static int take(char *to, size_t room, const char *option, const char *variable)
{
    const char *from = option != NULL ? option : getenv(variable);

    return from == NULL ? -1 : copy(to, room, from, strlen(from));
}

static int parse(int argc, char **argv)
{
    const char *key = NULL, *name = NULL, *secret = NULL;
    int option;

    while ((option = getopt(argc, argv, "k:n:s:v:d:t:r:")) != -1) {
        switch (option) {
            case 'k': key = optarg; break;
            case 'n': name = optarg; break;
            case 's': secret = optarg; break;
            case 'v': version = optarg; break;
            case 'd': folder = optarg; break;
            case 't': max_wait_s = strtol(optarg, NULL, 10); break;
            case 'r': otakit_set_option(OTAKIT_OPTION_RATE_LIMIT, (uint32_t)strtoul(optarg, NULL, 10)); break;
            default: return -1;
        }
    }
    if (optind == argc || max_wait_s <= 0) {
        return -1;
    }
    for (; optind < argc; optind++) {
        if (add_sub(argv[optind]) != 0) {
            return -1;
        }
    }
    return take(gateway.product_key, sizeof(gateway.product_key), key, "OTAKIT_PRODUCT_KEY") |
           take(gateway.device_name, sizeof(gateway.device_name), name, "OTAKIT_DEVICE_NAME") |
           take(gateway.device_secret, sizeof(gateway.device_secret), secret, "OTAKIT_DEVICE_SECRET");
}

int main(int argc, char **argv)
{
    int code;

    if (parse(argc, argv) != 0) {
        fprintf(stderr, "usage: %s -k product-key -n device-name -s device-secret [-v version] [-d folder] "
                        "[-t max-wait-seconds] [-r bytes-per-second] product-key/device-name[/secret]...\n", argv[0]);
        return EXIT_USAGE_OR_TIMEOUT;
    }
    IOT_SetLogLevel(IOT_LOG_ERROR);
    IOT_RegisterCallback(ITE_FOTA, on_fota);
    IOT_RegisterCallback(ITE_TOPOLIST_REPLY, on_topology);
    if (IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_MASTER, &gateway) != MASTER) {
        return EXIT_USAGE_OR_TIMEOUT;
    }
    if (IOT_Linkkit_Connect(MASTER) == 0) {
        code = run();
        stop();
    } else {
        fprintf(stderr, "cannot connect as %s/%s\n", gateway.product_key, gateway.device_name);
        IOT_Linkkit_Close(MASTER);
        code = EXIT_NO_CONNECTION;
    }
    return code;
}
