/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Devices of the Link Kit API in the client, each in a thread of its own, over a broker on 127.0.0.1. A device offers
 * images to itself: it publishes the platform's message on the topic that it has subscribed.
 *
 *   done TAG CODE VALID BYTES MS CODE VALID BYTES ...timed    (fetch: each update's otakit_linkkit_ota_failure, verdict
 *                                                              and bytes; MS is the first one's)
 *   done TAG CODE LATE EXPLAINED ...timed                     (cancel: from the cancel to the end of the call that waited;
 *                                                              how much of that a bare wait was late, too)
 *
 * WAY of a cancel is what is cut short: `yield` IOT_OTA_FetchYield, `paused` the same while the session is paused, `file`
 * otakit_linkkit_ota_download_file. Every call that has a time, or is documented not to block (time 0), is measured.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infra_compat.h"
#include "jobs.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "otakit.h"

#define PRODUCT "a1TestProdK"
#define CHUNK 5000
#define REQUEST_MS 2000
/* src/mqtt/client.rs: three attempts of 10 s, twice the time of a request and a pause of 1 s each. */
#define CONSTRUCT_MS (3 * (10000 + 2 * REQUEST_MS + 1000))
/* What is queued may be sent for 200 ms, and the thread gets 200 ms to end. */
#define DESTROY_MS 400
#define LONGEST_MS 110000.0
#define NEVER 1000

/* CALL(its time in ms, the call as an expression) */
#define TIMED(device, name, limit, expression)                                                                     \
    do {                                                                                                           \
        double begun_ = timed_now();                                                                               \
        expression;                                                                                                \
        timed_note(&(device)->timed, name, limit, begun_, timed_now());                                            \
    } while (0)

typedef struct {
    const char *url, *digest, *signature;
    unsigned long long size;
} image_t;

typedef struct {
    char *tag, *name, *file, *way;
    int port, attempts, repeat;
    size_t length;
    double after;
    image_t image[2];
    void *client, *ota;
    timed_t timed, cancel;
    double cancelled;
    unsigned long long bytes;
} device_t;

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static void nothing(void *context, void *client, iotx_mqtt_event_msg_pt message)
{
    (void)context;
    (void)client;
    (void)message;
}

static int open_device(device_t *device)
{
    iotx_mqtt_param_t params;
    char user[128];

    snprintf(user, sizeof(user), "%s&" PRODUCT, device->name);
    memset(&params, 0, sizeof(params));
    params.host = "127.0.0.1";
    params.port = (uint16_t)device->port;
    params.client_id = device->name;
    params.username = user;
    params.password = "x";
    params.clean_session = 1;
    params.request_timeout_ms = REQUEST_MS;
    params.keepalive_interval_ms = 60000;
    params.read_buf_size = params.write_buf_size = 8192;
    TIMED(device, "IOT_MQTT_Construct", CONSTRUCT_MS, device->client = IOT_MQTT_Construct(&params));
    if (device->client == NULL) {
        return 0;
    }
    TIMED(device, "IOT_MQTT_Subscribe_Sync", 5000,
          IOT_MQTT_Subscribe_Sync(device->client, "/other/topic", IOTX_MQTT_QOS1, nothing, NULL, 5000));
    pthread_mutex_lock(&opening);
    otakit_set_option(OTAKIT_OPTION_RETRY_ATTEMPTS, (uint32_t)device->attempts);
    device->ota = IOT_OTA_Init(PRODUCT, device->name, device->client);
    pthread_mutex_unlock(&opening);
    return device->ota != NULL;
}

static void close_device(device_t *device)
{
    if (device->ota != NULL) {
        TIMED(device, "IOT_OTA_Deinit", 0, IOT_OTA_Deinit(device->ota));
    }
    if (device->client != NULL) {
        TIMED(device, "IOT_MQTT_Destroy", DESTROY_MS, IOT_MQTT_Destroy(&device->client));
    }
}

static void mqtt_yield(device_t *device, int ms)
{
    TIMED(device, "IOT_MQTT_Yield", ms, IOT_MQTT_Yield(device->client, ms));
}

static int is_fetching(device_t *device)
{
    int fetching;

    TIMED(device, "IOT_OTA_IsFetching", 0, fetching = IOT_OTA_IsFetching(device->ota));
    return fetching;
}

static int is_finished(device_t *device)
{
    int finished;

    TIMED(device, "IOT_OTA_IsFetchFinish", 0, finished = IOT_OTA_IsFetchFinish(device->ota));
    return finished;
}

/* Publishes an offer to this device; 0 while there is no connection. */
static int offer(device_t *device, const image_t *image)
{
    char topic[128], text[6144];
    const char *method = strlen(image->digest) == 32 ? "Md5" : "SHA256";
    iotx_mqtt_topic_info_t message;
    int sent;

    snprintf(topic, sizeof(topic), "/ota/device/upgrade/" PRODUCT "/%s", device->name);
    snprintf(text, sizeof(text),
             "{\"code\":\"1000\",\"data\":{\"size\":%llu,\"version\":\"2.0.0\",\"url\":\"%s\",\"signMethod\":\"%s\","
             "\"sign\":\"%s\"%s%s%s},\"id\":1,\"message\":\"success\"}",
             image->size, image->url, method, image->digest, image->signature ? ",\"digestsign\":\"" : "",
             image->signature ? image->signature : "", image->signature ? "\"" : "");
    memset(&message, 0, sizeof(message));
    message.qos = IOTX_MQTT_QOS1;
    message.payload = text;
    message.payload_len = (uint32_t)strlen(text);
    TIMED(device, "IOT_MQTT_Publish", REQUEST_MS, sent = IOT_MQTT_Publish(device->client, topic, &message));
    return sent >= 0;
}

/* Offers until the offer is taken; 0 when it never is. */
static int offered(device_t *device, const image_t *image, int repeat)
{
    double begun = timed_now();

    while (timed_now() - begun < 40000) {
        double sent = timed_now();
        int i;

        for (i = 0; i < repeat; i++) {
            if (!offer(device, image)) {
                sent = 0;
            }
        }
        while (!is_fetching(device) && timed_now() - sent < 8000) {
            mqtt_yield(device, 10);
        }
        if (is_fetching(device)) {
            return 1;
        }
        mqtt_yield(device, 100);
    }
    return 0;
}

static int fetch_yield(device_t *device, char *buffer, uint32_t length, uint32_t seconds)
{
    int n;

    TIMED(device, "IOT_OTA_FetchYield", (long)seconds * 1000,
          n = IOT_OTA_FetchYield(device->ota, buffer, length, seconds));
    return n;
}

static int failure(device_t *device)
{
    int code;

    TIMED(device, "otakit_linkkit_ota_failure", 0, code = otakit_linkkit_ota_failure(device->ota, NULL, 0));
    return code;
}

/* One update as firmware does it; the code, the verdict and the bytes come back. */
static int update(device_t *device, const image_t *image, int repeat, const char *path, uint32_t *valid)
{
    double begun = timed_now();
    char buffer[CHUNK];
    unsigned long calls = 0;
    uint64_t fetched = 0;
    FILE *file = fopen(path, "wb");
    int n = 0;

    *valid = 77;
    device->bytes = 0;
    if (file == NULL) {
        client_fail("cannot write an image");
    }
    if (!offered(device, image, repeat)) {
        fclose(file);
        return NEVER;
    }
    while (n >= 0 && !is_finished(device) && timed_now() - begun < LONGEST_MS) {
        n = fetch_yield(device, buffer, sizeof(buffer), calls++ % 4 == 3 ? 0 : 1);
        if (n > 0) {
            fwrite(buffer, 1, (size_t)n, file);
            device->bytes += (unsigned long long)n;
        }
        mqtt_yield(device, 10);
    }
    fclose(file);
    TIMED(device, "otakit_linkkit_ota_size", 0, otakit_linkkit_ota_size(device->ota, &fetched, NULL));
    if (!is_finished(device) || fetched != device->bytes) {
        return NEVER + 1;
    }
    TIMED(device, "IOT_OTA_Ioctl", 0, IOT_OTA_Ioctl(device->ota, IOT_OTAG_CHECK_FIRMWARE, valid, 4));
    return failure(device);
}

static void *fetch(void *argument)
{
    device_t *device = argument;
    char again[512];
    int code[2] = {NEVER, NEVER};
    uint32_t valid[2] = {77, 77};
    unsigned long long bytes[2] = {0, 0};
    double begun, ms = 0;

    if (open_device(device)) {
        begun = timed_now();
        code[0] = update(device, &device->image[0], device->repeat, device->file, &valid[0]);
        ms = timed_now() - begun;
        bytes[0] = device->bytes;
        snprintf(again, sizeof(again), "%s.again", device->file);
        code[1] = update(device, &device->image[1], 1, again, &valid[1]);
        bytes[1] = device->bytes;
    }
    close_device(device);
    pthread_mutex_lock(&client_output);
    printf("done %s %d %u %llu %.1f %d %u %llu", device->tag, code[0], (unsigned)valid[0], bytes[0], ms, code[1],
           (unsigned)valid[1], bytes[1]);
    timed_print(&device->timed);
    printf("\n");
    fflush(stdout);
    pthread_mutex_unlock(&client_output);
    free(device);
    return NULL;
}

static device_t *new_device(char **rest)
{
    device_t *device = calloc(1, sizeof(*device));

    if (device == NULL) {
        client_fail("no memory");
    }
    device->tag = client_keep(client_word(rest));
    device->port = atoi(client_word(rest));
    device->name = client_keep(client_word(rest));
    device->repeat = 1;
    device->attempts = 12;
    return device;
}

static void read_image(image_t *image, char **rest)
{
    image->url = client_keep(client_word(rest));
    image->size = strtoull(client_word(rest), NULL, 10);
    image->digest = client_keep(client_word(rest));
}

void device_fetch(char **rest)
{
    device_t *device = new_device(rest);

    device->attempts = atoi(client_word(rest));
    device->repeat = atoi(client_word(rest));
    device->file = client_keep(client_word(rest));
    read_image(&device->image[0], rest);
    read_image(&device->image[1], rest);
    client_start(fetch, device);
}

static void *cancel_later(void *argument)
{
    device_t *device = argument;

    timed_sleep(device->after);
    device->cancelled = timed_now();
    otakit_linkkit_ota_cancel(device->ota);
    timed_note(&device->cancel, "otakit_linkkit_ota_cancel", 0, device->cancelled, timed_now());
    return NULL;
}

/* Each timed call once or more, in the state that the server keeps the transfer in. */
static void measure(device_t *device, char *buffer)
{
    unsigned long long most = device->image[0].size / device->length + 2;
    int i;

    for (i = 0; i < 3; i++) {
        fetch_yield(device, buffer, (uint32_t)device->length, 0);
    }
    while (most-- > 0 && fetch_yield(device, buffer, (uint32_t)device->length, 1) > 0) {
    }
    mqtt_yield(device, 10);
    mqtt_yield(device, 100);
    TIMED(device, "otakit_linkkit_ota_failure", 0, otakit_linkkit_ota_failure(device->ota, NULL, 0));
}

static void *cancel(void *argument)
{
    device_t *device = argument;
    char *buffer = malloc(device->length), part[512];
    pthread_t canceller;
    int n = 0, code = NEVER;
    double ended, begun;

    if (buffer == NULL) {
        client_fail("no memory");
    }
    if (open_device(device) && offered(device, &device->image[0], 1)) {
        if (strcmp(device->way, "paused") == 0) {
            TIMED(device, "otakit_linkkit_ota_pause", 0, otakit_linkkit_ota_pause(device->ota));
        }
        if (strcmp(device->way, "file") != 0 && device->length == CHUNK) {
            measure(device, buffer);
        }
        if (pthread_create(&canceller, NULL, cancel_later, device) != 0) {
            client_fail("no thread");
        }
        begun = timed_now();
        if (strcmp(device->way, "file") == 0) {
            otakit_linkkit_ota_download_file(device->ota, device->file, NULL, NULL, NULL);
        } else {
            do {
                n = IOT_OTA_FetchYield(device->ota, buffer, (uint32_t)device->length, 10);
            } while (n >= 0 && !IOT_OTA_IsFetchFinish(device->ota) && timed_now() - begun < 30000);
        }
        ended = timed_now();
        pthread_join(canceller, NULL);
        timed_note(&device->cancel, device->way, 0, device->cancelled, ended);
        if (strcmp(device->way, "file") == 0) {
            snprintf(part, sizeof(part), "%s.part", device->file);
            remove(part);
        }
        code = failure(device);
    }
    close_device(device);
    free(buffer);
    pthread_mutex_lock(&client_output);
    printf("done %s %d", device->tag, code);
    timed_print(&device->cancel);
    timed_print(&device->timed);
    printf("\n");
    fflush(stdout);
    pthread_mutex_unlock(&client_output);
    free(device);
    return NULL;
}

void device_cancel(char **rest)
{
    device_t *device = new_device(rest);
    char *signature;

    device->way = client_keep(client_word(rest));
    device->length = strtoul(client_word(rest), NULL, 10);
    device->after = strtod(client_word(rest), NULL);
    device->file = client_keep(client_word(rest));
    read_image(&device->image[0], rest);
    signature = client_keep(client_word(rest));
    device->image[0].signature = strcmp(signature, "-") == 0 ? NULL : signature;
    client_start(cancel, device);
}
