/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Firmware updates with Link Kit's own calls, timed: what the bench script runs.
 *
 *   update -p mqtt-port -u url -z bytes -d md5-or-sha256 [-b buffer] [-n sessions] [-r rounds]
 *          [-s slots] [-S slot-size] [-c ca.pem] [-w bytes-per-second [-f]]
 *
 * The program offers the image through the broker on a connection of its own, as a cloud would, downloads it in `sessions`
 * threads (one device each, one MQTT connection) and prints one line of JSON for each round. `-w` sleeps after each piece as a flash chip of that
 * speed would; with `-f` it does nothing but that.
 * Exit code 0: every image was valid.
 */
#define _GNU_SOURCE /* RUSAGE_SELF, clock_gettime, getopt */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "otakit.h"

enum { MAX_SESSIONS = 256, CA_MAX = 16384, TOPICS = 4 };

#define PRODUCT_KEY "benchProduct"

typedef struct {
    uint16_t port;
    const char *url;
    unsigned long long size;
    const char *digest;
    uint32_t buffer;
    int sessions;
    int rounds;
    uint32_t slots;
    uint32_t slot_size;
    const char *ca;
    double write_rate;
    int flash_alone;
} options_t;

typedef struct {
    const options_t *options;
    void *ota;
    pthread_t thread;
    double first_byte;
    int valid;
} session_t;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu(struct rusage *usage)
{
    getrusage(RUSAGE_SELF, usage);
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1e-6;
}

/* A number of the process's own: "Threads: %ld", or "VmHWM: %ld" for the peak of resident memory in KiB (what getrusage
 * tells may still be the parent's). 0 when it cannot be read. */
static long status(const char *format)
{
    char line[128];
    long number = 0;
    FILE *file = fopen("/proc/self/status", "r");

    if (file == NULL) {
        return 0;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, format, &number) == 1) {
            break;
        }
    }
    fclose(file);
    return number;
}

static void write_slowly(double bytes, double rate)
{
    double seconds = bytes / rate;
    struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

    nanosleep(&pause, NULL);
}

/* What the flash takes by itself for the pieces of an image: the least that an update onto it can take. */
static int flash_alone(const options_t *options)
{
    double began = now();
    unsigned long long left = options->size;
    uint32_t piece = options->buffer - 1;

    for (; left > piece; left -= piece) {
        write_slowly(piece, options->write_rate);
    }
    write_slowly((double)left, options->write_rate);
    printf("{\"wall\": %.6f}\n", now() - began);
    return 0;
}

/* The firmware's loop, nothing of it adapted to this library. */
static void *download(void *argument)
{
    session_t *session = argument;
    char *buffer = malloc(session->options->buffer);
    uint32_t valid = 0;

    session->first_byte = 0;
    session->valid = 0;
    while (buffer != NULL && !IOT_OTA_IsFetchFinish(session->ota)) {
        int length = IOT_OTA_FetchYield(session->ota, buffer, session->options->buffer, 1);

        if (length < 0) {
            free(buffer);
            return NULL;
        }
        if (length > 0 && session->first_byte == 0) {
            session->first_byte = now();
        }
        if (session->options->write_rate > 0) {
            write_slowly(length, session->options->write_rate);
        }
    }
    IOT_OTA_Ioctl(session->ota, IOT_OTAG_CHECK_FIRMWARE, &valid, 4);
    session->valid = valid == 1;
    free(buffer);
    return NULL;
}

static int subscribed; /* counted and read on the main thread, in IOT_MQTT_Yield */

static void on_event(void *context, void *client, iotx_mqtt_event_msg_pt message)
{
    (void)context;
    (void)client;
    subscribed += message->event_type == IOTX_MQTT_EVENT_SUBCRIBE_SUCCESS;
}

static void *connect_to(uint16_t port)
{
    iotx_mqtt_param_t params;

    memset(&params, 0, sizeof(params));
    params.port = port;
    params.host = "127.0.0.1";
    params.client_id = "otakit-bench";
    params.username = "bench&" PRODUCT_KEY;
    params.password = "bench";
    params.request_timeout_ms = 2000;
    params.clean_session = 1;
    params.keepalive_interval_ms = 60000;
    params.read_buf_size = 4096;
    params.write_buf_size = 4096;
    params.handle_event.h_fp = on_event;
    return IOT_MQTT_Construct(&params);
}

/* The cloud's own connection, in as little MQTT as it takes: what the library publishes waits in a queue of its own. */
static int cloud_connect(uint16_t port)
{
    static const unsigned char connect_packet[] = {0x10, 17, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 5,
                                                   'c',  'l', 'o', 'u', 'd'};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    unsigned char answer[4];
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
        send(fd, connect_packet, sizeof(connect_packet), 0) == (ssize_t)sizeof(connect_packet) &&
        recv(fd, answer, sizeof(answer), MSG_WAITALL) == (ssize_t)sizeof(answer) && answer[3] == 0) {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static int cloud_publish(int fd, const char *topic, const char *payload)
{
    unsigned char packet[8192];
    size_t topic_length = strlen(topic), payload_length = strlen(payload);
    size_t rest = 2 + topic_length + payload_length, at = 0;

    if (rest + 5 > sizeof(packet)) {
        return -1;
    }
    packet[at++] = 0x30;
    for (size_t left = rest; at == 1 || left > 0; left >>= 7) {
        packet[at++] = (unsigned char)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    }
    packet[at++] = (unsigned char)(topic_length >> 8);
    packet[at++] = (unsigned char)topic_length;
    memcpy(packet + at, topic, topic_length);
    memcpy(packet + at + topic_length, payload, payload_length);
    at += topic_length + payload_length;
    return send(fd, packet, at, 0) == (ssize_t)at ? 0 : -1;
}

static int offer(int cloud, int device, int round, const options_t *options)
{
    char topic[128];
    char payload[4096];
    const char *kind = strlen(options->digest) == 64 ? "\"signMethod\":\"SHA256\",\"sign\"" : "\"md5\"";

    snprintf(payload, sizeof(payload),
             "{\"code\":\"1000\",\"data\":{\"size\":%llu,\"version\":\"%d.0.0\",\"url\":\"%s\",%s:\"%s\"},"
             "\"id\":1,\"message\":\"success\"}",
             options->size, round + 2, options->url, kind, options->digest);
    snprintf(topic, sizeof(topic), "/ota/device/upgrade/" PRODUCT_KEY "/device%d", device);
    return cloud_publish(cloud, topic, payload);
}

static int run_round(void *client, int cloud, session_t *sessions, int round, const options_t *options)
{
    struct rusage usage;
    double pushed = now();
    double began, ended, cpu_before, cpu_used, first = 0;
    double give_up = pushed + 30;
    long running;
    int i, all_valid = 1;

    for (i = 0; i < options->sessions; i++) {
        if (offer(cloud, i, round, options) < 0) {
            return -1;
        }
    }
    for (i = 0; i < options->sessions; i++) {
        while (!IOT_OTA_IsFetching(sessions[i].ota)) {
            if (now() > give_up) {
                return -1;
            }
            IOT_MQTT_Yield(client, 1);
        }
    }
    cpu_before = cpu(&usage);
    began = now();
    for (i = 1; i < options->sessions; i++) {
        if (pthread_create(&sessions[i].thread, NULL, download, &sessions[i]) != 0) {
            return -1;
        }
    }
    if (options->sessions == 1) {
        download(&sessions[0]);
        running = status("Threads: %ld");
    } else {
        running = status("Threads: %ld");
        download(&sessions[0]);
    }
    for (i = 1; i < options->sessions; i++) {
        pthread_join(sessions[i].thread, NULL);
    }
    ended = now();
    cpu_used = cpu(&usage) - cpu_before;
    for (i = 0; i < options->sessions; i++) {
        all_valid &= sessions[i].valid;
        first += sessions[i].first_byte - pushed;
    }
    printf("{\"wall\": %.6f, \"cpu\": %.6f, \"first_byte_ms\": %.3f, \"rss_kib\": %ld, \"threads\": %ld, "
           "\"valid\": %d}\n",
           ended - began, cpu_used, first * 1000 / options->sessions, status("VmHWM: %ld"), running, all_valid);
    return all_valid ? 0 : -1;
}

static int trust(const char *path)
{
    static char pem[CA_MAX];
    FILE *file = fopen(path, "r");
    size_t length;

    if (file == NULL) {
        return -1;
    }
    length = fread(pem, 1, sizeof(pem) - 1, file);
    fclose(file);
    pem[length] = '\0';
    return otakit_set_https_ca(pem);
}

static int parse(int argc, char **argv, options_t *options)
{
    int option;

    while ((option = getopt(argc, argv, "p:u:z:d:b:n:r:s:S:c:w:f")) != -1) {
        switch (option) {
            case 'p': options->port = (uint16_t)atoi(optarg); break;
            case 'u': options->url = optarg; break;
            case 'z': options->size = strtoull(optarg, NULL, 10); break;
            case 'd': options->digest = optarg; break;
            case 'b': options->buffer = (uint32_t)strtoul(optarg, NULL, 10); break;
            case 'n': options->sessions = atoi(optarg); break;
            case 'r': options->rounds = atoi(optarg); break;
            case 's': options->slots = (uint32_t)strtoul(optarg, NULL, 10); break;
            case 'S': options->slot_size = (uint32_t)strtoul(optarg, NULL, 10); break;
            case 'c': options->ca = optarg; break;
            case 'w': options->write_rate = atof(optarg); break;
            case 'f': options->flash_alone = 1; break;
            default: return -1;
        }
    }
    return options->port != 0 && options->url != NULL && options->digest != NULL && options->buffer >= 2 &&
                   options->sessions >= 1 && options->sessions <= MAX_SESSIONS
               ? 0
               : -1;
}

int main(int argc, char **argv)
{
    static session_t sessions[MAX_SESSIONS];
    options_t options = {.buffer = 5000, .sessions = 1, .rounds = 1};
    double started;
    void *client;
    int i, cloud, code = 0;

    if (parse(argc, argv, &options) != 0) {
        fprintf(stderr, "wrong usage, see the head of update.c\n");
        return 2;
    }
    if (options.flash_alone && options.write_rate > 0) {
        return flash_alone(&options);
    }
    IOT_SetLogLevel(IOT_LOG_NONE);
    if ((options.slots != 0 && otakit_set_option(OTAKIT_OPTION_SLOTS, options.slots) != OTAKIT_OK) ||
        (options.slot_size != 0 && otakit_set_option(OTAKIT_OPTION_SLOT_SIZE, options.slot_size) != OTAKIT_OK) ||
        (options.ca != NULL && trust(options.ca) != OTAKIT_OK)) {
        fprintf(stderr, "a setting was refused\n");
        return 2;
    }
    started = now();
    client = connect_to(options.port);
    for (i = 0; client != NULL && i < options.sessions; i++) {
        char name[32];

        snprintf(name, sizeof(name), "device%d", i);
        sessions[i].options = &options;
        sessions[i].ota = IOT_OTA_Init(PRODUCT_KEY, name, client);
        if (sessions[i].ota == NULL) {
            client = NULL;
        }
    }
    cloud = cloud_connect(options.port);
    if (client == NULL || cloud < 0) {
        fprintf(stderr, "no connection to the broker\n");
        return 2;
    }
    while (subscribed < TOPICS * options.sessions && now() < started + 30) {
        IOT_MQTT_Yield(client, 1);
    }
    fprintf(stderr, "{\"ready_ms\": %.3f}\n", (now() - started) * 1000);
    for (i = 0; i < options.rounds && code == 0; i++) {
        code = run_round(client, cloud, sessions, i, &options) == 0 ? 0 : 1;
    }
    for (i = 0; i < options.sessions; i++) {
        IOT_OTA_Deinit(sessions[i].ota);
    }
    IOT_MQTT_Destroy(&client);
    close(cloud);
    return code;
}
