/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * One firmware update with Link Kit's basic API: connect, report the version, wait for an offer, download, verify.
 *
 *   linkkit_ota_basic [-k product-key] [-n device-name] [-s device-secret]
 *                     [-v version] [-o file] [-t max-wait-seconds]
 *
 * The identity comes from the options, else from OTAKIT_PRODUCT_KEY, OTAKIT_DEVICE_NAME and OTAKIT_DEVICE_SECRET,
 * else from what the HAL already holds. The image goes to `-o` (ota.bin). `-t` (60) bounds the wait for an offer and
 * any silence during the download.
 *
 * Exit code: 0 the image is valid, 1 it is not, 2 could not connect, 3 the download failed,
 *            4 wrong usage, or no offer came in time.
 */
#define _POSIX_C_SOURCE 200809L /* getopt, isatty */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "ota_wrapper.h"

extern int HAL_GetProductKey(char *product_key);
extern int HAL_GetDeviceName(char *device_name);
extern int HAL_GetDeviceSecret(char *device_secret);

enum { EXIT_VALID = 0, EXIT_INVALID = 1, EXIT_NO_CONNECTION = 2, EXIT_FETCH_FAILED = 3, EXIT_USAGE_OR_TIMEOUT = 4 };

/* One flash page and a byte: FetchYield hands out at most one byte less than the buffer holds. */
#define CHUNK 5000
#define MQTT_MESSAGE_MAX 4096
#define BAR_WIDTH 32

typedef struct {
    char product_key[IOTX_PRODUCT_KEY_LEN + 1];
    char device_name[IOTX_DEVICE_NAME_LEN + 1];
    char device_secret[IOTX_DEVICE_SECRET_LEN + 1];
    const char *version;
    const char *path;
    long max_wait_s;
} settings_t;

typedef struct {
    uint32_t fetched;
    uint32_t total;
    char version[IOTX_FIRMWARE_VER_LEN + 1];
    char md5[33];
} image_t;

/* ---- the terminal ---- */

/* A bar that is redrawn in place on a terminal, and a plain line at each tenth elsewhere. */
static void show_progress(const image_t *image, int percent, time_t started)
{
    double seconds = difftime(time(NULL), started);
    double mib = image->fetched / 1048576.0;

    if (isatty(STDOUT_FILENO)) {
        char bar[BAR_WIDTH + 1];
        int full = percent * BAR_WIDTH / 100;

        memset(bar, '.', BAR_WIDTH);
        memset(bar, '#', (size_t)full);
        bar[BAR_WIDTH] = '\0';
        printf("\r[%s] %3d%%  %.1f/%.1f MiB", bar, percent, mib, image->total / 1048576.0);
        if (seconds >= 1) {
            printf("  %.1f MiB/s ", mib / seconds);
        }
        if (percent == 100) {
            printf("\n");
        }
    } else if (percent % 10 == 0) {
        printf("%3d%%  %lu of %lu bytes\n", percent, (unsigned long)image->fetched, (unsigned long)image->total);
    }
    fflush(stdout);
}

/* ---- MQTT ---- */

/* Everything that no topic handler of the OTA module takes arrives here. */
static void on_mqtt_event(void *context, void *client, iotx_mqtt_event_msg_pt message)
{
    (void)context;
    (void)client;
    switch (message->event_type) {
        case IOTX_MQTT_EVENT_DISCONNECT:
            fprintf(stderr, "mqtt: disconnected\n");
            break;
        case IOTX_MQTT_EVENT_RECONNECT:
            fprintf(stderr, "mqtt: connected again\n");
            break;
        case IOTX_MQTT_EVENT_SUBCRIBE_NACK:
            fprintf(stderr, "mqtt: a subscription was refused\n");
            break;
        case IOTX_MQTT_EVENT_BUFFER_OVERFLOW:
            fprintf(stderr, "mqtt: a message was too long and was dropped\n");
            break;
        default:
            break;
    }
}

static void *connect_to_cloud(settings_t *settings)
{
    iotx_conn_info_pt conn = NULL;
    iotx_mqtt_param_t params;

    if (IOT_SetupConnInfo(settings->product_key, settings->device_name, settings->device_secret, (void **)&conn) != 0) {
        return NULL;
    }

    memset(&params, 0, sizeof(params));
    params.port = conn->port;
    params.host = conn->host_name;
    params.client_id = conn->client_id;
    params.username = conn->username;
    params.password = conn->password;
    params.pub_key = conn->pub_key;
    params.request_timeout_ms = 2000;
    params.clean_session = 0;
    params.keepalive_interval_ms = 60000;
    params.read_buf_size = MQTT_MESSAGE_MAX;
    params.write_buf_size = MQTT_MESSAGE_MAX;
    params.handle_event.h_fp = on_mqtt_event;
    params.handle_event.pcontext = NULL;

    return IOT_MQTT_Construct(&params);
}

/* ---- the update ---- */

/* Lets MQTT deliver until an offer starts a download. Returns 0, or -1 when none came in time. */
static int wait_for_offer(void *ota, void *client, long max_wait_s)
{
    time_t started = time(NULL);

    while (!IOT_OTA_IsFetching(ota)) {
        if (difftime(time(NULL), started) > (double)max_wait_s) {
            return -1;
        }
        IOT_MQTT_Yield(client, 200);
    }
    return 0;
}

/* Reads what is known about the image. The size ioctls write exactly four bytes each. */
static int query_image(void *ota, image_t *image)
{
    if (IOT_OTA_Ioctl(ota, IOT_OTAG_FETCHED_SIZE, &image->fetched, 4) != 0 ||
        IOT_OTA_Ioctl(ota, IOT_OTAG_FILE_SIZE, &image->total, 4) != 0 ||
        IOT_OTA_Ioctl(ota, IOT_OTAG_MD5SUM, image->md5, sizeof(image->md5)) != 0 ||
        IOT_OTA_Ioctl(ota, IOT_OTAG_VERSION, image->version, sizeof(image->version)) != 0) {
        return -1;
    }
    return image->total == 0 ? -1 : 0;
}

/* Downloads to `file`. Returns 0 when all bytes are there (valid or not), -1 otherwise. */
static int download(void *ota, void *client, FILE *file, long max_silence_s, image_t *image)
{
    char chunk[CHUNK];
    int percent = -1;
    time_t started = time(NULL);
    time_t last_data = started;
    time_t last_served = started;

    while (!IOT_OTA_IsFetchFinish(ota)) {
        int now;
        int length = IOT_OTA_FetchYield(ota, chunk, sizeof(chunk), 1);

        if (length < 0) {
            fprintf(stderr, "\ndownload failed: error %d\n", IOT_OTA_GetLastError(ota));
            IOT_OTA_ReportProgress(ota, IOT_OTAP_FETCH_FAILED, NULL);
            return -1;
        }
        if (length == 0) {
            if (difftime(time(NULL), last_data) > (double)max_silence_s) {
                fprintf(stderr, "\ndownload failed: no data for %ld s\n", max_silence_s);
                IOT_OTA_ReportProgress(ota, IOT_OTAP_FETCH_FAILED, NULL);
                return -1;
            }
        } else {
            last_data = time(NULL);
            if (fwrite(chunk, (size_t)length, 1, file) != 1) {
                fprintf(stderr, "\ncannot write the image\n");
                IOT_OTA_ReportProgress(ota, IOT_OTAP_BURN_FAILED, NULL);
                return -1;
            }
        }

        if (query_image(ota, image) != 0) {
            fprintf(stderr, "\nthe image cannot be described: error %d\n", IOT_OTA_GetLastError(ota));
            return -1;
        }
        now = (int)((uint64_t)image->fetched * 100 / image->total);
        if (now != percent) {
            percent = now;
            IOT_OTA_ReportProgress(ota, (IOT_OTA_Progress_t)percent, NULL);
            show_progress(image, percent, started);
            last_served = 0;
        }
        /* The MQTT connection lives only while it is served: once per percent, or every five seconds. */
        if (difftime(time(NULL), last_served) >= 5) {
            IOT_MQTT_Yield(client, 1);
            last_served = time(NULL);
        }
    }
    return 0;
}

static int update(void *ota, void *client, const settings_t *settings)
{
    image_t image;
    FILE *file;
    uint32_t valid = 0;
    int rc;

    memset(&image, 0, sizeof(image));
    if (IOT_OTA_ReportVersion(ota, settings->version) != 0) {
        fprintf(stderr, "cannot report version %s: error %d\n", settings->version, IOT_OTA_GetLastError(ota));
        return EXIT_USAGE_OR_TIMEOUT;
    }
    printf("running %s, waiting for an offer\n", settings->version);
    fflush(stdout);
    if (wait_for_offer(ota, client, settings->max_wait_s) != 0) {
        fprintf(stderr, "no offer within %ld s\n", settings->max_wait_s);
        return EXIT_USAGE_OR_TIMEOUT;
    }

    file = fopen(settings->path, "wb");
    if (file == NULL) {
        perror(settings->path);
        return EXIT_USAGE_OR_TIMEOUT;
    }
    rc = download(ota, client, file, settings->max_wait_s, &image);
    if (fclose(file) != 0 || rc != 0) {
        return EXIT_FETCH_FAILED;
    }

    if (IOT_OTA_Ioctl(ota, IOT_OTAG_CHECK_FIRMWARE, &valid, 4) != 0 || valid == 0) {
        printf("image %s, %lu bytes, md5 %s: INVALID\n", image.version, (unsigned long)image.fetched, image.md5);
        return EXIT_INVALID;
    }
    printf("image %s, %lu bytes, md5 %s: valid\n", image.version, (unsigned long)image.fetched, image.md5);

    /* A real device would now restart into the new image and report from there. */
    IOT_OTA_ReportVersion(ota, image.version);
    IOT_MQTT_Yield(client, 300);
    return EXIT_VALID;
}

/* ---- settings ---- */

/* Copies the first source that is present; nothing given leaves `to` as it is. Returns -1 if it does not fit. */
static int take(char *to, size_t room, const char *option, const char *variable)
{
    const char *from = option != NULL ? option : getenv(variable);

    if (from == NULL) {
        return 0;
    }
    if (strlen(from) >= room) {
        return -1;
    }
    strcpy(to, from);
    return 0;
}

static int parse(int argc, char **argv, settings_t *settings)
{
    const char *key = NULL, *name = NULL, *secret = NULL;
    char *end = NULL;
    int option;

    memset(settings, 0, sizeof(*settings));
    settings->version = "1.0.0";
    settings->path = "ota.bin";
    settings->max_wait_s = 60;
    while ((option = getopt(argc, argv, "k:n:s:v:o:t:")) != -1) {
        switch (option) {
            case 'k': key = optarg; break;
            case 'n': name = optarg; break;
            case 's': secret = optarg; break;
            case 'v': settings->version = optarg; break;
            case 'o': settings->path = optarg; break;
            case 't':
                settings->max_wait_s = strtol(optarg, &end, 10);
                if (*end != '\0' || settings->max_wait_s <= 0) {
                    return -1;
                }
                break;
            default: return -1;
        }
    }
    HAL_GetProductKey(settings->product_key);
    HAL_GetDeviceName(settings->device_name);
    HAL_GetDeviceSecret(settings->device_secret);
    if (optind != argc ||
        take(settings->product_key, sizeof(settings->product_key), key, "OTAKIT_PRODUCT_KEY") != 0 ||
        take(settings->device_name, sizeof(settings->device_name), name, "OTAKIT_DEVICE_NAME") != 0 ||
        take(settings->device_secret, sizeof(settings->device_secret), secret, "OTAKIT_DEVICE_SECRET") != 0) {
        return -1;
    }
    HAL_SetProductKey(settings->product_key);
    HAL_SetDeviceName(settings->device_name);
    HAL_SetDeviceSecret(settings->device_secret);
    return 0;
}

int main(int argc, char **argv)
{
    settings_t settings;
    void *client;
    void *ota;
    int code;

    if (parse(argc, argv, &settings) != 0) {
        fprintf(stderr, "usage: %s [-k product-key] [-n device-name] [-s device-secret] [-v version] [-o file] "
                        "[-t max-wait-seconds]\n", argv[0]);
        return EXIT_USAGE_OR_TIMEOUT;
    }
    IOT_SetLogLevel(IOT_LOG_WARNING);

    client = connect_to_cloud(&settings);
    if (client == NULL) {
        fprintf(stderr, "cannot connect as %s/%s\n", settings.product_key, settings.device_name);
        return EXIT_NO_CONNECTION;
    }
    ota = IOT_OTA_Init(settings.product_key, settings.device_name, client);
    if (ota == NULL) {
        fprintf(stderr, "cannot start OTA\n");
        IOT_MQTT_Destroy(&client);
        return EXIT_NO_CONNECTION;
    }

    code = update(ota, client, &settings);

    IOT_OTA_Deinit(ota);
    IOT_MQTT_Destroy(&client);
    return code;
}
