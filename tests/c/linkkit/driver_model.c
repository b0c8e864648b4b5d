/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The driver's commands for the device model. Callbacks write a line each into a log that `lk-events` hands out; what
 * a callback does besides is set by `lk-respond`, `lk-on-fota` and `lk-on-set`.
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dev_model_api.h"
#include "dm_wrapper.h"

#define LOG_ROOM 262144

static char event_log[LOG_ROOM];
static size_t event_room;
static int event_count;

static struct {
    char response[1024]; /* what service and property-get callbacks answer; empty: nothing */
    int code;            /* what they return */
    int query_length;    /* > 0: the FOTA and COTA callbacks download with a buffer of this length */
    int query_result;
    char post[1024];     /* the property-set callback posts this */
    int post_result;
    int yield_inside;    /* the property-set callback yields */
} behaviour;

static struct {
    int starts, writes, stops;
    unsigned long bytes;
    unsigned int first, last;
    int fail_at; /* this write fails; 0: none */
    int fail_stop;
    FILE *file;
    char order[64];
} store;

/* One event: its name, then its arguments, separated by '|'. */
static void note(const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(event_log + event_room, LOG_ROOM - event_room - 1, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= LOG_ROOM - event_room - 1) {
        fprintf(stderr, "driver: event log full\n");
        exit(70);
    }
    event_room += (size_t)n;
    event_log[event_room++] = '\n';
    event_log[event_room] = '\0';
    event_count++;
}

/* ---- callbacks ---- */

static int on_awss_status(int status)
{
    note("awss_status|%d", status);
    return 0;
}

static int on_connect_succ(void)
{
    note("connect_succ");
    return 0;
}

static int on_connect_fail(void)
{
    note("connect_fail");
    return 0;
}

static int on_disconnected(void)
{
    note("disconnected");
    return 0;
}

static int on_mqtt_connect_succ(void)
{
    note("mqtt_connect_succ");
    return 0;
}

static int on_initialize_completed(const int devid)
{
    note("initialize_completed|%d", devid);
    return 0;
}

static int on_rawdata(const int devid, const unsigned char *data, const int len)
{
    note("rawdata|%d|%d|%.*s", devid, len, len, (const char *)data);
    return 0;
}

static int respond(char **response, int *response_len)
{
    size_t len = strlen(behaviour.response);

    if (*response != NULL || *response_len != 0) {
        note("response_not_clear");
    }
    if (len > 0) {
        *response = HAL_Malloc((uint32_t)len + 1);
        memcpy(*response, behaviour.response, len + 1);
        *response_len = (int)len;
    }
    return behaviour.code;
}

static int on_service(const int devid, const char *serviceid, const int serviceid_len, const char *request,
                      const int request_len, char **response, int *response_len)
{
    note("service|%d|%.*s|%d|%s", devid, serviceid_len, serviceid, request_len == (int)strlen(request), request);
    return respond(response, response_len);
}

static int on_property_get(const int devid, const char *request, const int len, char **response, int *response_len)
{
    note("property_get|%d|%d|%s", devid, len == (int)strlen(request), request);
    return respond(response, response_len);
}

static int on_property_set(const int devid, const char *request, const int len)
{
    note("property_set|%d|%d|%s", devid, len == (int)strlen(request), request);
    if (behaviour.yield_inside) {
        IOT_Linkkit_Yield(50);
    }
    if (behaviour.post[0] != '\0') {
        behaviour.post_result = IOT_Linkkit_Report(devid, ITM_MSG_POST_PROPERTY, (unsigned char *)behaviour.post,
                                                   (int)strlen(behaviour.post));
    }
    return 0;
}

static int on_desired(const char *data, const int len)
{
    note("desired|%d|%s", len == (int)strlen(data), data);
    return 0;
}

static int on_report_reply(const int devid, const int msgid, const int code, const char *reply, const int len)
{
    note("report_reply|%d|%d|%d|%s|%d", devid, msgid, code, reply == NULL ? "NULL" : reply, len);
    return 0;
}

static int on_event_reply(const int devid, const int msgid, const int code, const char *eventid, const int eventid_len,
                          const char *message, const int message_len)
{
    note("event_reply|%d|%d|%d|%.*s|%.*s", devid, msgid, code, eventid_len, eventid, message_len, message);
    return 0;
}

static int on_timestamp(const char *utc)
{
    note("timestamp|%s", utc);
    return 0;
}

static int on_topolist(const int devid, const int msgid, const int code, const char *list, const int len)
{
    note("topolist|%d|%d|%d|%d|%s", devid, msgid, code, len == (int)strlen(list), list);
    return 0;
}

static int on_permit_join(const char *product_key, const int seconds)
{
    note("permit_join|%s|%d", product_key, seconds);
    return 0;
}

static void download(iotx_linkkit_msg_type_t type)
{
    if (behaviour.query_length > 0) {
        unsigned char *buffer = malloc((size_t)behaviour.query_length);

        behaviour.query_result = IOT_Linkkit_Query(0, type, buffer, behaviour.query_length);
        free(buffer);
        note("queried|%d", behaviour.query_result);
    }
}

static int on_fota(const int type, const char *version)
{
    note("fota|%d|%s", type, version);
    download(ITM_MSG_QUERY_FOTA_DATA);
    return 0;
}

static int on_cota(const int type, const char *config_id, int config_size, const char *get_type, const char *sign,
                   const char *sign_method, const char *url)
{
    note("cota|%d|%s|%d|%s|%s|%s|%s", type, config_id, config_size, get_type, sign, sign_method, url);
    download(ITM_MSG_QUERY_COTA_DATA);
    return 0;
}

static void on_monitor(int event)
{
    note("monitor|%x", (unsigned int)event);
}

/* ---- the store ---- */

static void step(char what)
{
    size_t n = strlen(store.order);

    if (n + 1 < sizeof(store.order) && (n == 0 || store.order[n - 1] != what)) {
        store.order[n] = what;
        store.order[n + 1] = '\0';
    }
}

void HAL_Firmware_Persistence_Start(void)
{
    store.starts++;
    step('S');
}

int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length)
{
    store.writes++;
    step('W');
    if (store.writes == store.fail_at) {
        return -1;
    }
    store.first = store.first == 0 ? length : store.first;
    store.last = length;
    store.bytes += length;
    if (store.file != NULL && fwrite(buffer, 1, length, store.file) != length) {
        return -1;
    }
    return 0;
}

int HAL_Firmware_Persistence_Stop(void)
{
    store.stops++;
    step('E');
    if (store.file != NULL) {
        fflush(store.file);
    }
    return store.fail_stop ? -1 : 0;
}

/* ---- commands ---- */

static void lk_register(const command_t *c)
{
    double started = now_ms();
    int i, known = 0;

    for (i = 1; i < c->count; i++) {
        const char *name = c->word[i];
        int on = name[0] != '!';

        name += !on;
#define SLOT(word, event, function)                                                                                  \
    if (strcmp(name, word) == 0) {                                                                                   \
        known += IOT_RegisterCallback(event, on ? function : NULL) == 0;                                             \
    }
        SLOT("awss_status", ITE_AWSS_STATUS, on_awss_status)
        SLOT("connect_succ", ITE_CONNECT_SUCC, on_connect_succ)
        SLOT("connect_fail", ITE_CONNECT_FAIL, on_connect_fail)
        SLOT("disconnected", ITE_DISCONNECTED, on_disconnected)
        SLOT("rawdata", ITE_RAWDATA_ARRIVED, on_rawdata)
        SLOT("service", ITE_SERVICE_REQUEST, on_service)
        SLOT("property_set", ITE_PROPERTY_SET, on_property_set)
        SLOT("property_get", ITE_PROPERTY_GET, on_property_get)
        SLOT("desired", ITE_PROPERTY_DESIRED_GET_REPLY, on_desired)
        SLOT("report_reply", ITE_REPORT_REPLY, on_report_reply)
        SLOT("event_reply", ITE_TRIGGER_EVENT_REPLY, on_event_reply)
        SLOT("timestamp", ITE_TIMESTAMP_REPLY, on_timestamp)
        SLOT("topolist", ITE_TOPOLIST_REPLY, on_topolist)
        SLOT("permit_join", ITE_PERMIT_JOIN, on_permit_join)
        SLOT("initialize_completed", ITE_INITIALIZE_COMPLETED, on_initialize_completed)
        SLOT("fota", ITE_FOTA, on_fota)
        SLOT("cota", ITE_COTA, on_cota)
        SLOT("mqtt_connect_succ", ITE_MQTT_CONNECT_SUCC, on_mqtt_connect_succ)
#undef SLOT
        if (strcmp(name, "monitor") == 0) {
            known += iotx_event_regist_cb(on ? on_monitor : NULL) == 0;
        }
    }
    answer("lk-register known=%d", known);
    finish(started);
}

static void lk_callback(const command_t *c)
{
    double started = now_ms();
    void *callback = iotx_event_callback((int)number(c->word[1]));

    answer("lk-callback set=%d", callback != NULL);
    finish(started);
}

static void lk_open(const command_t *c)
{
    iotx_linkkit_dev_meta_info_t meta;
    double started = now_ms();

    memset(&meta, 0, sizeof(meta));
    strncpy(meta.product_key, c->word[2], sizeof(meta.product_key));
    strncpy(meta.product_secret, c->word[3], sizeof(meta.product_secret));
    strncpy(meta.device_name, c->word[4], sizeof(meta.device_name));
    strncpy(meta.device_secret, c->word[5], sizeof(meta.device_secret));
    answer("lk-open ret=%d", IOT_Linkkit_Open((iotx_linkkit_dev_type_t)number(c->word[1]), &meta));
    finish(started);
}

static void lk_open_null(const command_t *c)
{
    double started = now_ms();

    answer("lk-open-null ret=%d", IOT_Linkkit_Open((iotx_linkkit_dev_type_t)number(c->word[1]), NULL));
    finish(started);
}

static void lk_connect(const command_t *c)
{
    double started = now_ms();

    answer("lk-connect ret=%d", IOT_Linkkit_Connect((int)number(c->word[1])));
    finish(started);
}

static void lk_yield(const command_t *c)
{
    double started = now_ms();

    IOT_Linkkit_Yield((int)number(c->word[1]));
    answer("lk-yield events=%d", event_count);
    finish(started);
}

static void lk_close(const command_t *c)
{
    double started = now_ms();

    answer("lk-close ret=%d", IOT_Linkkit_Close((int)number(c->word[1])));
    finish(started);
}

/* The payload's length is the fourth word's, else the text's own. */
static int length_of(const command_t *c, int at)
{
    if (c->count > at + 1) {
        return (int)number(c->word[at + 1]);
    }
    return c->word[at] == NULL ? 0 : (int)strlen(c->word[at]);
}

static void lk_report(const command_t *c)
{
    double started = now_ms();

    answer("lk-report ret=%d", IOT_Linkkit_Report((int)number(c->word[1]), (iotx_linkkit_msg_type_t)number(c->word[2]),
                                                  (unsigned char *)c->word[3], length_of(c, 3)));
    finish(started);
}

static void lk_query(const command_t *c)
{
    double started = now_ms();

    answer("lk-query ret=%d", IOT_Linkkit_Query((int)number(c->word[1]), (iotx_linkkit_msg_type_t)number(c->word[2]),
                                                (unsigned char *)c->word[3], length_of(c, 3)));
    finish(started);
}

/* A download with a guarded buffer of its own. */
static void lk_download(const command_t *c)
{
    guarded_t buffer = guarded_new((size_t)number(c->word[3]), 0);
    double started = now_ms();
    int ret = IOT_Linkkit_Query((int)number(c->word[1]), (iotx_linkkit_msg_type_t)number(c->word[2]),
                                (unsigned char *)buffer.data, (int)buffer.length);

    answer("lk-download ret=%d intact=%d", ret, guarded_intact(&buffer));
    guarded_free(&buffer);
    finish(started);
}

static void lk_trigger(const command_t *c)
{
    double started = now_ms();

    answer("lk-trigger ret=%d",
           IOT_Linkkit_TriggerEvent((int)number(c->word[1]), c->word[2], c->word[2] == NULL ? 0 : (int)strlen(c->word[2]),
                                    c->word[3], c->word[3] == NULL ? 0 : (int)strlen(c->word[3])));
    finish(started);
}

static void lk_query_devid(const command_t *c)
{
    iotx_dev_meta_info_t meta;
    double started = now_ms();

    memset(&meta, 0, sizeof(meta));
    strncpy(meta.product_key, c->word[1], sizeof(meta.product_key) - 1);
    strncpy(meta.device_name, c->word[2], sizeof(meta.device_name) - 1);
    answer("lk-devid ret=%d", IOT_Ioctl(IOTX_IOCTL_QUERY_DEVID, &meta));
    finish(started);
}

static void lk_events(const command_t *c)
{
    double started = now_ms();

    (void)c;
    answer("lk-events n=%d", event_count);
    answer_bytes("list", event_log, event_room);
    event_room = 0;
    event_count = 0;
    event_log[0] = '\0';
    finish(started);
}

static void lk_respond(const command_t *c)
{
    double started = now_ms();

    behaviour.code = (int)number(c->word[1]);
    snprintf(behaviour.response, sizeof(behaviour.response), "%s", c->word[2] == NULL ? "" : c->word[2]);
    answer("lk-respond");
    finish(started);
}

static void lk_on_fota(const command_t *c)
{
    double started = now_ms();

    behaviour.query_length = (int)number(c->word[1]);
    answer("lk-on-fota");
    finish(started);
}

static void lk_on_set(const command_t *c)
{
    double started = now_ms();

    behaviour.yield_inside = (int)number(c->word[1]);
    snprintf(behaviour.post, sizeof(behaviour.post), "%s", c->word[2] == NULL ? "" : c->word[2]);
    answer("lk-on-set post=%d", behaviour.post_result);
    finish(started);
}

/* lk-store FILE FAIL-AT-WRITE FAIL-STOP: forgets what was counted. */
static void lk_store(const command_t *c)
{
    double started = now_ms();

    if (store.file != NULL) {
        fclose(store.file);
    }
    memset(&store, 0, sizeof(store));
    store.file = c->word[1] == NULL ? NULL : fopen(c->word[1], "wb");
    store.fail_at = (int)number(c->word[2]);
    store.fail_stop = (int)number(c->word[3]);
    answer("lk-store");
    finish(started);
}

static void lk_stored(const command_t *c)
{
    double started = now_ms();

    (void)c;
    answer("lk-stored starts=%d writes=%d stops=%d bytes=%lu first=%u last=%u", store.starts, store.writes, store.stops,
           store.bytes, store.first, store.last);
    answer_text("text", store.order);
    finish(started);
}

static void lk_activation(const command_t *c)
{
    unsigned char version[4] = {3, 0, 1, 0}, random[4] = {0xAB, 0, 1, 0xFF}, mac[8] = {1, 2, 3, 4, 5, 6, 0, 2};
    unsigned char chip[4] = {1, 2, 3, 4}, out[AOS_ACTIVE_INFO_LEN];
    double started = now_ms();
    unsigned int ret;

    memset(out, 0, sizeof(out));
    ret = aos_get_version_info(version, random, mac, chip, out, (unsigned int)number(c->word[1]));
    answer("lk-activation ret=%u", ret);
    answer_text("text", (const char *)out);
    finish(started);
}

static void lk_post(const command_t *c)
{
    double started = now_ms();

    answer("lk-post ret=%d", iotx_event_post((int)number(c->word[1])));
    finish(started);
}

const entry_t model_commands[] = {{"lk-register", 2, lk_register},
                                  {"lk-callback", 2, lk_callback},
                                  {"lk-open", 6, lk_open},
                                  {"lk-open-null", 2, lk_open_null},
                                  {"lk-connect", 2, lk_connect},
                                  {"lk-yield", 2, lk_yield},
                                  {"lk-close", 2, lk_close},
                                  {"lk-report", 4, lk_report},
                                  {"lk-query", 4, lk_query},
                                  {"lk-download", 4, lk_download},
                                  {"lk-trigger", 4, lk_trigger},
                                  {"lk-devid", 3, lk_query_devid},
                                  {"lk-events", 1, lk_events},
                                  {"lk-respond", 3, lk_respond},
                                  {"lk-on-fota", 2, lk_on_fota},
                                  {"lk-on-set", 3, lk_on_set},
                                  {"lk-store", 4, lk_store},
                                  {"lk-stored", 1, lk_stored},
                                  {"lk-activation", 2, lk_activation},
                                  {"lk-post", 2, lk_post},
                                  {NULL, 0, NULL}};

void model_cleanup(void)
{
    IOT_Linkkit_Close(0);
    if (store.file != NULL) {
        fclose(store.file);
    }
}
