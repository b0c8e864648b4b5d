/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Every public call from every callback, and what belongs to whom: each pair of a callback and a call in a session of
 * its own. No dead lock (SIGALRM ends the program), no crash, a documented code, the real client, and nothing is called
 * after the end.
 *
 *   every_call PK DN
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "infra_compat.h"
#include "iotx_ota.h"
#include "iotx_ota_internal.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "otakit.h"

static const char *pk, *dn;
static void *client, *ota;
static void *told;           /* the client that the callback was told */
enum { CLIENT = 1, SESSION = 2 };
static int ended;            /* whose callbacks may not come any more */
static int after_the_end;
static int (*call)(void);    /* what the callback does, once */
static int code, calls_made;

static char user_topic[128], upgrade_topic[128], config_topic[128];

static void event(void *context, void *pclient, iotx_mqtt_event_msg_pt message);
static void message(void *context, void *pclient, iotx_mqtt_event_msg_pt received);

/* ---- the calls */

static int do_yield(void) { return IOT_MQTT_Yield(client, 10); }
static int do_state(void) { return IOT_MQTT_CheckStateNormal(client); }
static int do_subscribe(void) { return IOT_MQTT_Subscribe(client, "/other/topic", IOTX_MQTT_QOS0, message, NULL); }
static int do_subscribe_sync(void)
{
    return IOT_MQTT_Subscribe_Sync(client, "/third/topic", IOTX_MQTT_QOS0, message, NULL, 1000);
}
static int do_unsubscribe(void) { return IOT_MQTT_Unsubscribe(client, user_topic); }
static int do_publish(void) { return IOT_MQTT_Publish_Simple(client, "/other/topic", 1, "x", 1); }
static int do_construct(void)
{
    iotx_mqtt_param_t params;
    void *again;

    memset(&params, 0, sizeof(params));
    again = IOT_MQTT_Construct(&params);
    return again == client ? 0 : -100;
}
static int do_destroy(void)
{
    void *handle = client;

    return IOT_MQTT_Destroy(&handle);
}
static int do_init(void) { return IOT_OTA_Init(pk, dn, client) == NULL ? 0 : -100; }
static int do_deinit(void) { return IOT_OTA_Deinit(ota); }
static int do_version(void) { return IOT_OTA_ReportVersion(ota, "1.0.0"); }
static int do_progress(void) { return IOT_OTA_ReportProgress(ota, IOT_OTAP_FETCH_FAILED, "x"); }
static int do_is_fetching(void) { return IOT_OTA_IsFetching(ota); }
static int do_is_finished(void) { return IOT_OTA_IsFetchFinish(ota); }
static int do_fetch(void)
{
    char buffer[100];

    return IOT_OTA_FetchYield(ota, buffer, sizeof(buffer), 0);
}
static int do_check(void)
{
    uint32_t valid;

    return IOT_OTA_Ioctl(ota, IOT_OTAG_CHECK_FIRMWARE, &valid, 4);
}
static int do_reset(void)
{
    uint32_t value;

    return IOT_OTA_Ioctl(ota, IOT_OTAG_RESET_FETCHED_SIZE, &value, 4);
}
static int do_error(void) { return IOT_OTA_GetLastError(ota); }
static int do_image(void) { return iotx_req_image(ota, "1.0.0"); }
static int do_config(void) { return iotx_ota_get_config(ota, "product", "file", ""); }

/* `least`..`most`: the codes that are documented for the call wherever it is made. */
static const struct {
    const char *name;
    int (*make)(void);
    int least, most;
} calls[] = {
    {"IOT_MQTT_Yield", do_yield, -1, 0},
    {"IOT_MQTT_CheckStateNormal", do_state, 1, 1},
    {"IOT_MQTT_Subscribe", do_subscribe, 1, 65535},
    {"IOT_MQTT_Subscribe_Sync", do_subscribe_sync, 1, 65535},
    {"IOT_MQTT_Unsubscribe", do_unsubscribe, 1, 65535},
    {"IOT_MQTT_Publish_Simple", do_publish, 1, 65535},
    {"IOT_MQTT_Construct", do_construct, 0, 0},
    {"IOT_MQTT_Destroy", do_destroy, 0, 0},
    {"IOT_OTA_Init", do_init, 0, 0},
    {"IOT_OTA_Deinit", do_deinit, 0, 0},
    {"IOT_OTA_ReportVersion", do_version, 0, 0},
    {"IOT_OTA_ReportProgress", do_progress, 0, 0},
    {"IOT_OTA_IsFetching", do_is_fetching, 0, 1},
    {"IOT_OTA_IsFetchFinish", do_is_finished, 0, 1},
    {"IOT_OTA_FetchYield", do_fetch, -3, 99},
    {"IOT_OTA_Ioctl CHECK", do_check, -3, 0},
    {"IOT_OTA_Ioctl RESET", do_reset, -3, 0},
    {"IOT_OTA_GetLastError", do_error, -7, 0},
    {"iotx_req_image", do_image, -1, 0},
    {"iotx_ota_get_config", do_config, -1, 0},
};

/* ---- the callbacks */

enum { SUBSCRIBED, PUBLISHED, MESSAGE, OFFERED, FETCHED, CONFIG, CALLBACKS };
static const char *const callback_names[CALLBACKS] = {"SUBCRIBE_SUCCESS", "PUBLISH_SUCCESS", "message",
                                                      "firmware offered", "firmware fetched", "configuration offered"};
static int wanted;

static void make(int owner, int callback)
{
    after_the_end += (ended & owner) != 0;
    if (callback == wanted && call != NULL) {
        int (*once)(void) = call;

        call = NULL;
        code = once();
        calls_made++;
        ended |= once == do_destroy ? CLIENT : once == do_deinit ? SESSION : 0;
    }
}

static void event(void *context, void *pclient, iotx_mqtt_event_msg_pt received)
{
    CHECK_EQ(context == &wanted, 1);
    told = pclient;
    make(CLIENT, received->event_type == IOTX_MQTT_EVENT_SUBCRIBE_SUCCESS  ? SUBSCRIBED
                 : received->event_type == IOTX_MQTT_EVENT_PUBLISH_SUCCESS ? PUBLISHED
                                                                           : CALLBACKS);
}

static void message(void *context, void *pclient, iotx_mqtt_event_msg_pt received)
{
    (void)context;
    (void)received;
    told = pclient;
    make(CLIENT, MESSAGE);
}

static void offered(void *user, int is_fetch, uint32_t size, char *url, char *version)
{
    (void)user;
    (void)size;
    (void)url;
    (void)version;
    make(SESSION, is_fetch ? FETCHED : OFFERED);
}

static void config(void *user, int is_fetch, char *id, uint32_t size, char *sign, char *method, char *url, char *type)
{
    (void)user;
    (void)id;
    (void)size;
    (void)sign;
    (void)method;
    (void)url;
    (void)type;
    make(SESSION, is_fetch ? CALLBACKS : CONFIG);
}

static void say(const char *topic, const char *text)
{
    IOT_MQTT_Publish_Simple(client, topic, 1, (void *)text, (int)strlen(text));
}

static void up(void)
{
    iotx_mqtt_param_t params;

    memset(&params, 0, sizeof(params));
    params.clean_session = 1;
    params.handle_event.h_fp = event;
    params.handle_event.pcontext = &wanted;
    ended = 0;
    told = NULL;
    client = IOT_MQTT_Construct(&params);
    CHECK_EQ(client != NULL, 1);
    ota = IOT_OTA_Init(pk, dn, client);
    CHECK_EQ(ota != NULL, 1);
    CHECK_EQ(iotx_ota_set_fetch_callback(ota, offered, NULL), 0);
    CHECK_EQ(iotx_ota_set_cota_fetch_callback(ota, config, NULL), 0);
    /* NULL is this client: callbacks are told the real one. */
    CHECK_EQ(IOT_MQTT_Subscribe_Sync(NULL, user_topic, IOTX_MQTT_QOS1, message, NULL, 3000) > 0, 1);
    IOT_MQTT_Yield(client, 20);
}

static void provoke(void)
{
    char buffer[100];
    int turns;

    if (wanted == PUBLISHED || wanted == MESSAGE) {
        say(user_topic, "x");
    } else if (wanted == CONFIG) {
        say(config_topic, "{\"id\":\"1\",\"params\":{\"configId\":\"c\",\"configSize\":5,\"sign\":"
                          "\"900150983cd24fb0d6963f7d28e17f72\",\"signMethod\":\"Md5\",\"url\":\"http://127.0.0.1:9/c\","
                          "\"getType\":\"file\"}}");
    } else if (wanted == SUBSCRIBED) {
        IOT_MQTT_Subscribe(client, "/one/more", IOTX_MQTT_QOS0, message, NULL);
    } else {
        say(upgrade_topic, "{\"message\":\"success\",\"data\":{\"size\":5,\"version\":\"2\",\"md5\":"
                           "\"900150983cd24fb0d6963f7d28e17f72\",\"url\":\"http://127.0.0.1:9/x\"}}");
    }
    for (turns = 0; turns < 300 && call != NULL; turns++) {
        IOT_MQTT_Yield(client, 10);
        if (wanted == FETCHED && IOT_OTA_IsFetching(ota)) {
            IOT_OTA_FetchYield(ota, buffer, sizeof(buffer), 1);
        }
    }
    IOT_MQTT_Yield(client, 20);
}

static void down(void)
{
    IOT_OTA_Deinit(ota);
    IOT_MQTT_Destroy(&client);
}

static void every_call_from_every_callback(void)
{
    size_t n;

    for (wanted = 0; wanted < CALLBACKS; wanted++) {
        for (n = 0; n < sizeof(calls) / sizeof(calls[0]); n++) {
            int before = checks_failed, made = calls_made;

            call = NULL;
            up();
            code = -1000;
            call = calls[n].make;
            provoke();
            CHECK_EQ(calls_made - made, 1);
            CHECK_EQ(code >= calls[n].least && code <= calls[n].most, 1);
            if (wanted <= MESSAGE && client != NULL) {
                CHECK_EQ(told == client, 1);
            }
            if (checks_failed != before) {
                fprintf(stderr, "%s inside \"%s\": %d\n", calls[n].name, callback_names[wanted], code);
            }
            ended = 0;
            down();
        }
    }
}

/* ---- the end while a callback runs in another thread */

static volatile int inside, released;

static void slow(void *context, void *pclient, iotx_mqtt_event_msg_pt received)
{
    struct timespec pause = {0, 100000000L};

    (void)context;
    (void)pclient;
    (void)received;
    inside = 1;
    nanosleep(&pause, NULL);
    released = 1;
}

static void *yield(void *unused)
{
    (void)unused;
    IOT_MQTT_Yield(client, 5000);
    return NULL;
}

static void the_end_waits_for_a_callback(void)
{
    struct timespec pause = {0, 1000000L};
    pthread_t thread;
    void *handle;

    up();
    CHECK_EQ(IOT_MQTT_Subscribe_Sync(client, "/slow/topic", IOTX_MQTT_QOS0, slow, NULL, 3000) > 0, 1);
    CHECK_EQ(pthread_create(&thread, NULL, yield, NULL), 0);
    say("/slow/topic", "x");
    while (!inside) {
        nanosleep(&pause, NULL);
    }
    handle = client;
    CHECK_EQ(IOT_MQTT_Destroy(&handle), 0);
    CHECK_EQ(released, 1);
    ended = CLIENT;
    pthread_join(thread, NULL);
    down();
}

/* ---- two threads, one client id */

static void *construct(void *unused)
{
    iotx_mqtt_param_t params;

    (void)unused;
    memset(&params, 0, sizeof(params));
    return IOT_MQTT_Construct(&params);
}

static void two_threads_get_one_client(void)
{
    pthread_t threads[4];
    void *got[4] = {NULL, NULL, NULL, NULL};
    int round, n;

    for (round = 0; round < 5; round++) {
        for (n = 0; n < 4; n++) {
            CHECK_EQ(pthread_create(&threads[n], NULL, construct, NULL), 0);
        }
        for (n = 0; n < 4; n++) {
            pthread_join(threads[n], &got[n]);
            CHECK_EQ(got[n] != NULL && got[n] == got[0], 1);
        }
        CHECK_EQ(IOT_MQTT_Yield(got[0], 50), 0);
        CHECK_EQ(IOT_MQTT_CheckStateNormal(got[0]), 1);
        CHECK_EQ(IOT_MQTT_Destroy(&got[0]), 0);
    }
}

/* ---- texts that are none */

static void broken_texts_are_refused(void)
{
    static char broken[] = "a\377b";
    iotx_mqtt_param_t params;
    int n;

    for (n = 0; n < 4; n++) {
        memset(&params, 0, sizeof(params));
        if (n == 0) params.client_id = broken;
        if (n == 1) params.username = broken;
        if (n == 2) params.password = broken;
        if (n == 3) params.host = broken;
        CHECK_EQ(IOT_MQTT_Construct(&params) == NULL, 1);
    }
}

int main(int argc, char **argv)
{
    void *info = NULL;

    if (argc != 3) {
        fprintf(stderr, "usage: %s PK DN\n", argv[0]);
        return 2;
    }
    pk = argv[1];
    dn = argv[2];
    alarm(200);
    IOT_SetLogLevel(IOT_LOG_ERROR);
    otakit_set_option(OTAKIT_OPTION_RETRY_ATTEMPTS, 1);
    snprintf(user_topic, sizeof(user_topic), "/%s/%s/user/get", pk, dn);
    snprintf(upgrade_topic, sizeof(upgrade_topic), "/ota/device/upgrade/%s/%s", pk, dn);
    snprintf(config_topic, sizeof(config_topic), "/sys/%s/%s/thing/config/push", pk, dn);
    /* The HAL has no identity. */
    CHECK_EQ(construct(NULL) == NULL, 1);
    CHECK_EQ(IOT_SetupConnInfo(pk, dn, "secret", &info), 0);
    every_call_from_every_callback();
    the_end_waits_for_a_callback();
    two_threads_get_one_client();
    broken_texts_are_refused();
    CHECK_EQ(after_the_end, 0);
    return checks_done("every_call");
}
