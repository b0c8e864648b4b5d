/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A device on Link Kit's advanced API: it posts a property now and then, sets what it is told to set, and when a
 * firmware is offered it downloads it into its own store, "restarts" and reports the new version.
 *
 *   linkkit_solo [-k product-key] [-n device-name] [-s device-secret] [-v version] [-o file] [-t max-wait-seconds]
 *
 * The identity comes from the options, else from OTAKIT_PRODUCT_KEY, OTAKIT_DEVICE_NAME and OTAKIT_DEVICE_SECRET. The
 * image goes to `-o` (ota.bin). `-t` (60) bounds the wait for an offer.
 *
 * Exit code: 0 the image is valid and in its place, 2 could not connect, 3 the update failed,
 *            4 wrong usage, or no offer came in time.
 */
#define _POSIX_C_SOURCE 200809L /* getopt */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dev_model_api.h"
#include "dm_wrapper.h"
#include "infra_compat.h"

enum { EXIT_UPDATED = 0, EXIT_NO_CONNECTION = 2, EXIT_UPDATE_FAILED = 3, EXIT_USAGE_OR_TIMEOUT = 4 };

/* The size of the pieces that the store gets, and one more byte. */
#define CHUNK 4097
#define POST_EVERY_S 2

static struct {
    iotx_linkkit_dev_meta_info_t identity;
    char version[IOTX_FIRMWARE_VER_LEN + 1];
    const char *path;
    long max_wait_s;
} settings;

/* What the callbacks learn. */
static struct {
    int master;
    int ready;
    int counter;
    int update_over;
    int updated;
    char offered[IOTX_FIRMWARE_VER_LEN + 1];
} state;

/* ---- what the firmware brings: its version and its store ---- */

int HAL_GetFirmwareVersion(char *version)
{
    strcpy(version, settings.version);
    return (int)strlen(version);
}

static FILE *store;

static void part_name(char *name, size_t room)
{
    snprintf(name, room, "%s.part", settings.path);
}

void HAL_Firmware_Persistence_Start(void)
{
    char name[1024];

    part_name(name, sizeof(name));
    store = fopen(name, "wb");
}

/* A negative return ends the update; the cloud is told that burning failed. */
int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length)
{
    return store != NULL && fwrite(buffer, 1, length, store) == length ? 0 : -1;
}

/* Called after a failed download, too: that the image is good is known when IOT_Linkkit_Query has returned 0. */
int HAL_Firmware_Persistence_Stop(void)
{
    int stored = store != NULL && fclose(store) == 0;

    store = NULL;
    return stored ? 0 : -1;
}

/* ---- callbacks: all but the first run inside IOT_Linkkit_Yield ---- */

static int on_initialized(const int devid)
{
    printf("device %d is ready, waiting for an offer\n", devid);
    fflush(stdout);
    state.ready = 1;
    return 0;
}

static int on_connected(void)
{
    printf("connected, running %s\n", settings.version);
    fflush(stdout);
    return 0;
}

static int on_disconnected(void)
{
    fprintf(stderr, "disconnected\n");
    return 0;
}

/* The cloud sets properties: a device does so, and posts what they are now. */
static int on_property_set(const int devid, const char *request, const int request_len)
{
    printf("set %.*s\n", request_len, request);
    fflush(stdout);
    IOT_Linkkit_Report(devid, ITM_MSG_POST_PROPERTY, (unsigned char *)request, request_len);
    return 0;
}

static int on_reply(const int devid, const int msgid, const int code, const char *reply, const int reply_len)
{
    (void)devid;
    if (code != 200) {
        fprintf(stderr, "message %d: code %d %.*s\n", msgid, code, reply_len, reply == NULL ? "" : reply);
    }
    return 0;
}

/* A service with an answer; the library frees it. */
static int on_service(const int devid, const char *service, const int service_len, const char *request,
                      const int request_len, char **response, int *response_len)
{
    static const char answer[] = "{}";

    (void)devid;
    printf("service %.*s %.*s\n", service_len, service, request_len, request);
    *response = HAL_Malloc(sizeof(answer));
    if (*response == NULL) {
        return -1;
    }
    memcpy(*response, answer, sizeof(answer));
    *response_len = (int)strlen(answer);
    return 0;
}

/* Downloads at once: IOT_Linkkit_Query returns when the image is stored and verified, or the update has failed. */
static int on_fota(const int type, const char *version)
{
    static unsigned char buffer[CHUNK];
    char part[1024];

    if (type != 0) {
        return 0;
    }
    printf("firmware %s is offered\n", version);
    fflush(stdout);
    part_name(part, sizeof(part));
    snprintf(state.offered, sizeof(state.offered), "%s", version);
    state.updated = IOT_Linkkit_Query(state.master, ITM_MSG_QUERY_FOTA_DATA, buffer, sizeof(buffer)) == 0 &&
                    rename(part, settings.path) == 0;
    state.update_over = 1;
    return 0;
}

/* ---- the device ---- */

static int start(void)
{
    int with_replies = 1;

    IOT_RegisterCallback(ITE_INITIALIZE_COMPLETED, on_initialized);
    IOT_RegisterCallback(ITE_CONNECT_SUCC, on_connected);
    IOT_RegisterCallback(ITE_DISCONNECTED, on_disconnected);
    IOT_RegisterCallback(ITE_PROPERTY_SET, on_property_set);
    IOT_RegisterCallback(ITE_REPORT_REPLY, on_reply);
    IOT_RegisterCallback(ITE_SERVICE_REQUEST, on_service);
    IOT_RegisterCallback(ITE_FOTA, on_fota);
    IOT_Ioctl(IOTX_IOCTL_RECV_EVENT_REPLY, &with_replies);

    state.master = IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_MASTER, &settings.identity);
    if (state.master < 0) {
        return -1;
    }
    if (IOT_Linkkit_Connect(state.master) != 0) {
        IOT_Linkkit_Close(state.master);
        return -1;
    }
    return 0;
}

static void post_counter(void)
{
    char payload[64];

    snprintf(payload, sizeof(payload), "{\"Counter\": %d}", state.counter++);
    IOT_Linkkit_Report(state.master, ITM_MSG_POST_PROPERTY, (unsigned char *)payload, (int)strlen(payload));
}

static int run(void)
{
    time_t started = time(NULL);
    time_t posted = 0;

    while (!state.update_over) {
        if (difftime(time(NULL), started) > (double)settings.max_wait_s) {
            fprintf(stderr, "no offer within %ld s\n", settings.max_wait_s);
            return EXIT_USAGE_OR_TIMEOUT;
        }
        if (difftime(time(NULL), posted) >= POST_EVERY_S) {
            posted = time(NULL);
            post_counter();
        }
        IOT_Linkkit_Yield(200);
    }
    printf("firmware %s: %s\n", state.offered, state.updated ? "valid" : "update failed");
    fflush(stdout);
    return state.updated ? EXIT_UPDATED : EXIT_UPDATE_FAILED;
}

/* A real device would now restart into the new image; connecting reports its version. */
static int restart(void)
{
    snprintf(settings.version, sizeof(settings.version), "%s", state.offered);
    if (start() != 0) {
        return EXIT_NO_CONNECTION;
    }
    IOT_Linkkit_Yield(500);
    IOT_Linkkit_Close(state.master);
    return EXIT_UPDATED;
}

/* ---- settings ---- */

/* Copies the option, else the variable. Returns -1 if neither is there or it does not fit. */
static int take(char *to, size_t room, const char *option, const char *variable)
{
    const char *from = option != NULL ? option : getenv(variable);

    if (from == NULL || strlen(from) >= room) {
        return -1;
    }
    strcpy(to, from);
    return 0;
}

static int parse(int argc, char **argv)
{
    iotx_linkkit_dev_meta_info_t *id = &settings.identity;
    const char *key = NULL, *name = NULL, *secret = NULL, *version = "1.0.0";
    char *end = NULL;
    int option;

    settings.path = "ota.bin";
    settings.max_wait_s = 60;
    while ((option = getopt(argc, argv, "k:n:s:v:o:t:")) != -1) {
        switch (option) {
            case 'k': key = optarg; break;
            case 'n': name = optarg; break;
            case 's': secret = optarg; break;
            case 'v': version = optarg; break;
            case 'o': settings.path = optarg; break;
            case 't':
                settings.max_wait_s = strtol(optarg, &end, 10);
                if (*end != '\0' || settings.max_wait_s <= 0) {
                    return -1;
                }
                break;
            default: return -1;
        }
    }
    if (optind != argc || strlen(version) >= sizeof(settings.version)) {
        return -1;
    }
    strcpy(settings.version, version);
    return take(id->product_key, sizeof(id->product_key), key, "OTAKIT_PRODUCT_KEY") |
           take(id->device_name, sizeof(id->device_name), name, "OTAKIT_DEVICE_NAME") |
           take(id->device_secret, sizeof(id->device_secret), secret, "OTAKIT_DEVICE_SECRET");
}

int main(int argc, char **argv)
{
    int code;

    if (parse(argc, argv) != 0) {
        fprintf(stderr, "usage: %s -k product-key -n device-name -s device-secret [-v version] [-o file] "
                        "[-t max-wait-seconds]\n", argv[0]);
        return EXIT_USAGE_OR_TIMEOUT;
    }
    IOT_SetLogLevel(IOT_LOG_ERROR);
    if (start() != 0) {
        fprintf(stderr, "cannot connect as %s/%s\n", settings.identity.product_key, settings.identity.device_name);
        return EXIT_NO_CONNECTION;
    }
    code = run();
    IOT_Linkkit_Close(state.master);
    return code == EXIT_UPDATED ? restart() : code;
}
