/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A firmware that comes to a state, stays usable whatever the broker says there, and installs the last image on offer.
 *
 *   broker_states PK FINAL
 *
 * Each line of the input is `DEVICE STATE`: one case, from IOT_MQTT_Construct to IOT_MQTT_Destroy, with a second thread that
 * yields. What happens is printed as it happens; `done` ends the case. FINAL is the version that the case ends with.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "infra_compat.h"
#include "iotx_ota.h"
#include "iotx_ota_internal.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "otakit.h"
#include "wrappers.h"

#define REQUEST_MS 2000
#define SYNC_MS 8000
#define FOLLOW_MS 25000

static const char *pk, *final;
static char dn[64], state[32], user_topic[160], extra_topic[160];
static void *client, *ota;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int stopping, gone_on;
/* Callbacks carry the number of their client or session; those up to `..._over` have ended. */
static int client_number, client_over, session_number, session_over, late;

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000.0 + (double)t.tv_nsec / 1e6;
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&t, NULL);
}

static int get(const int *value)
{
    int copy;

    pthread_mutex_lock(&lock);
    copy = *value;
    pthread_mutex_unlock(&lock);
    return copy;
}

static void set(int *value, int to)
{
    pthread_mutex_lock(&lock);
    *value = to;
    pthread_mutex_unlock(&lock);
}

static int is(const char *name)
{
    return strcmp(state, name) == 0;
}

/* A call that took longer than it may is told with the excess. */
static void bounded(const char *call, double started, double may_take)
{
    double over = now_ms() - started - may_take;

    if (over > 100) {
        printf("over %s %.0f\n", call, over);
    }
}

/* ---- callbacks */

static void called(int number, const int *over)
{
    pthread_mutex_lock(&lock);
    late += number <= *over;
    pthread_mutex_unlock(&lock);
}

static void event(void *context, void *handle, iotx_mqtt_event_msg_pt received)
{
    (void)handle;
    called((int)(intptr_t)context, &client_over);
    printf("event %d\n", (int)received->event_type);
}

static void message(void *context, void *handle, iotx_mqtt_event_msg_pt received)
{
    iotx_mqtt_topic_info_pt info = received->msg;

    (void)handle;
    called((int)(intptr_t)context, &client_over);
    printf("message %.*s %u\n", info->payload_len < 16 ? (int)info->payload_len : 16, info->payload,
           (unsigned)info->payload_len);
    if (info->payload_len == 2 && memcmp(info->payload, "go", 2) == 0) {
        set(&gone_on, 1);
    }
}

static void offered(void *user, int is_fetch, uint32_t size, char *url, char *version)
{
    (void)size;
    (void)url;
    called((int)(intptr_t)user, &session_over);
    printf("%s %s\n", is_fetch ? "fetched" : "offered", version);
}

/* ---- coming up */

/* No version that runs: only what is reported below is known. */
int HAL_GetFirmwareVersion(char *version)
{
    version[0] = '\0';
    return 0;
}

static void construct(void)
{
    iotx_mqtt_param_t params;
    int tries;

    client = NULL;
    for (tries = 0; tries < 5 && client == NULL; tries++) {
        double started = now_ms();

        memset(&params, 0, sizeof(params));
        params.clean_session = 1;
        params.request_timeout_ms = REQUEST_MS;
        params.read_buf_size = 2048;
        params.write_buf_size = 2048;
        params.keepalive_interval_ms = 60000;
        params.handle_event.h_fp = event;
        params.handle_event.pcontext = (void *)(intptr_t)++client_number;
        client = IOT_MQTT_Construct(&params);
        /* Three attempts, a second between them. */
        bounded("IOT_MQTT_Construct", started, 3 * REQUEST_MS + 2000);
        printf("construct %d\n", client != NULL);
    }
}

static void open_session(void)
{
    int tries;

    ota = NULL;
    /* There may be no connection for a moment. */
    for (tries = 0; tries < 200 && ota == NULL; tries++) {
        double started = now_ms();

        ota = IOT_OTA_Init(pk, dn, client);
        bounded("IOT_OTA_Init", started, REQUEST_MS);
        if (ota == NULL) {
            sleep_ms(50);
        }
    }
    if (ota != NULL) {
        iotx_ota_set_fetch_callback(ota, offered, (void *)(intptr_t)++session_number);
    }
}

static int subscribe_sync(const char *topic)
{
    double started = now_ms();
    int ret = IOT_MQTT_Subscribe_Sync(client, topic, IOTX_MQTT_QOS1, message, (void *)(intptr_t)client_number, SYNC_MS);

    bounded("IOT_MQTT_Subscribe_Sync", started, SYNC_MS);
    return ret;
}

static void report(const char *version)
{
    double started = now_ms();
    int ret = IOT_OTA_ReportVersion(ota, version);

    bounded("IOT_OTA_ReportVersion", started, REQUEST_MS);
    printf("reported %d\n", ret);
}

static void *yielding(void *unused)
{
    (void)unused;
    while (!get(&stopping)) {
        double started = now_ms();

        if (IOT_MQTT_Yield(client, 20) != 0) {
            sleep_ms(5);
        }
        /* A handler of ours may print meanwhile. */
        bounded("IOT_MQTT_Yield", started, 20 + 100);
    }
    return NULL;
}

static pthread_t yielder;

static void up(void)
{
    construct();
    if (client == NULL) {
        return;
    }
    set(&stopping, 0);
    pthread_create(&yielder, NULL, yielding, NULL);
    printf("subscribed %d\n", subscribe_sync(user_topic) > 0);
    if (is("opening")) {
        double end = now_ms() + FOLLOW_MS;

        printf("cut me off\n");
        while (IOT_MQTT_CheckStateNormal(client) == 1 && now_ms() < end) {
            sleep_ms(2);
        }
    }
    open_session();
    printf("opened\n");
    /* Without a version that runs the platform is asked for a fresh URL in the newer way only. */
    if (ota != NULL && !is("renewing-newer")) {
        report("1.0.0");
    }
}

/* ---- the end */

static void close_session(void)
{
    double started = now_ms();

    printf("deinit %d\n", IOT_OTA_Deinit(ota));
    set(&session_over, session_number);
    bounded("IOT_OTA_Deinit", started, REQUEST_MS);
}

static void destroy(void)
{
    double started = now_ms();
    void *handle = client;

    printf("destroy %d\n", IOT_MQTT_Destroy(&handle));
    set(&client_over, client_number);
    bounded("IOT_MQTT_Destroy", started, REQUEST_MS);
    /* The other thread goes on a little, as one that does not know yet. */
    sleep_ms(2);
    set(&stopping, 1);
    pthread_join(yielder, NULL);
}

/* ---- the firmware's loop */

static int take(void)
{
    static char buffer[4096];
    double started = now_ms();
    int n = IOT_OTA_FetchYield(ota, buffer, sizeof(buffer), 0);

    bounded("IOT_OTA_FetchYield", started, 0);
    return n;
}

/* Takes each image on offer, until the final one is there. */
static int follow(void)
{
    double end = now_ms() + FOLLOW_MS;
    char version[64] = "";
    uint32_t valid;
    int taking;

    while (now_ms() < end) {
        if (!IOT_OTA_IsFetching(ota)) {
            sleep_ms(2);
            continue;
        }
        taking = 0;
        while (!IOT_OTA_IsFetchFinish(ota) && now_ms() < end) {
            if (take() <= 0) {
                sleep_ms(2);
            } else if (!taking) {
                taking = 1;
                printf("taking\n");
            }
        }
        valid = 0;
        IOT_OTA_Ioctl(ota, IOT_OTAG_VERSION, version, sizeof(version));
        IOT_OTA_Ioctl(ota, IOT_OTAG_CHECK_FIRMWARE, &valid, 4);
        printf("image %s %u\n", version, (unsigned)valid);
        if (valid && strcmp(version, final) == 0) {
            return 1;
        }
    }
    return 0;
}

static void run(void)
{
    double end;
    int whole = 0;

    up();
    if (client == NULL || ota == NULL) {
        printf("done no client or session\n");
        return;
    }
    if (is("subscribing")) {
        printf("extra %d\n",
               IOT_MQTT_Subscribe(client, extra_topic, IOTX_MQTT_QOS1, message, (void *)(intptr_t)client_number) > 0);
    } else if (is("subscribe-sync")) {
        printf("extra %d\n", subscribe_sync(extra_topic) > 0);
    } else if (is("reporting")) {
        report("1.0.1");
    } else if (is("offered")) {
        for (end = now_ms() + FOLLOW_MS; !get(&gone_on) && now_ms() < end;) {
            sleep_ms(2);
        }
    } else if (is("deinit")) {
        close_session();
        open_session();
    } else if (is("destroy")) {
        close_session();
        destroy();
        up();
    }
    printf("follow\n");
    printf("final %d\n", client != NULL && ota != NULL && follow());
    for (end = now_ms() + 5000; !whole && now_ms() < end; sleep_ms(5)) {
        whole = IOT_MQTT_CheckStateNormal(client) == 1;
    }
    printf("whole %d\n", whole);
    close_session();
    destroy();
    printf("late %d\n", get(&late));
    printf("done\n");
}

int main(int argc, char **argv)
{
    char line[128];

    if (argc != 3) {
        fprintf(stderr, "usage: %s PK FINAL\n", argv[0]);
        return 2;
    }
    pk = argv[1];
    final = argv[2];
    setvbuf(stdout, NULL, _IOLBF, 0);
    IOT_SetLogLevel(IOT_LOG_WARNING);
    otakit_set_option(OTAKIT_OPTION_RETRY_ATTEMPTS, 4);
    otakit_set_option(OTAKIT_OPTION_RETRY_BASE_MS, 20);
    otakit_set_option(OTAKIT_OPTION_RETRY_CAP_MS, 100);
    while (fgets(line, sizeof(line), stdin) != NULL && sscanf(line, "%63s %31s", dn, state) == 2) {
        void *info = NULL;

        IOT_SetupConnInfo(pk, dn, "secret", &info);
        snprintf(user_topic, sizeof(user_topic), "/%s/%s/user/get", pk, dn);
        snprintf(extra_topic, sizeof(extra_topic), "/%s/%s/user/extra", pk, dn);
        set(&gone_on, 0);
        set(&late, 0);
        run();
    }
    return 0;
}
