/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The driver's commands for the device model. Callbacks write a line each into a log that `lk-events` hands out; what
 * a callback does besides is set by `lk-respond`, `lk-on-fota`, `lk-on-set` and `lk-inside`.
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"
#include "driver_model.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dev_model_api.h"
#include "dev_reset_api.h"
#include "wrappers.h"
#include "../text.h"

#define LOG_ROOM 262144

static char event_log[LOG_ROOM];
static size_t event_room;
int event_count;

static struct {
    char response[1024]; /* what service and property-get callbacks answer; empty: nothing */
    int code;            /* what they return */
    int query_length;    /* > 0: the FOTA and COTA callbacks download with a buffer of this length */
    int query_result;
    char post[1024];     /* the property-set callback posts this */
    int post_result;
    int yield_inside;    /* the property-set callback yields */
    int calls;           /* what each callback calls: 1 Report, Query, TriggerEvent; 2 Close */
} behaviour;

/* One event: its name, then its arguments, separated by '|'. */
void note(const char *format, ...)
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

/* What each callback does last. */
void inside(const char *name)
{
    if (behaviour.calls == 1) {
        int report = IOT_Linkkit_Report(0, ITM_MSG_POST_PROPERTY, (unsigned char *)"{\"inside\":1}", 12);
        int query = IOT_Linkkit_Query(0, ITM_MSG_QUERY_TIMESTAMP, NULL, 0);
        int event = IOT_Linkkit_TriggerEvent(0, "Inside", 6, "{}", 2);

        note("inside|%s|%d|%d|%d", name, report > 0, query, event > 0);
    } else if (behaviour.calls == 2) {
        behaviour.calls = 0;
        note("closed|%s|%d", name, IOT_Linkkit_Close(0));
    }
}

/* ---- callbacks ---- */

static int on_awss_status(int status)
{
    note("awss_status|%d", status);
    inside("awss_status");
    return 0;
}

static int on_connect_succ(void)
{
    note("connect_succ");
    inside("connect_succ");
    return 0;
}

static int on_connect_fail(void)
{
    note("connect_fail");
    inside("connect_fail");
    return 0;
}

static int on_disconnected(void)
{
    note("disconnected");
    inside("disconnected");
    return 0;
}

static int on_mqtt_connect_succ(void)
{
    note("mqtt_connect_succ");
    inside("mqtt_connect_succ");
    return 0;
}

static int on_initialize_completed(const int devid)
{
    note("initialize_completed|%d", devid);
    inside("initialize_completed");
    return 0;
}

static int on_rawdata(const int devid, const unsigned char *data, const int len)
{
    note("rawdata|%d|%d|%.*s", devid, len, len, (const char *)data);
    inside("rawdata");
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
    inside("service");
    return respond(response, response_len);
}

static int on_property_get(const int devid, const char *request, const int len, char **response, int *response_len)
{
    note("property_get|%d|%d|%s", devid, len == (int)strlen(request), request);
    inside("property_get");
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
    inside("property_set");
    return 0;
}

static int on_desired(const char *data, const int len)
{
    note("desired|%d|%s", len == (int)strlen(data), data);
    inside("desired");
    return 0;
}

static int on_report_reply(const int devid, const int msgid, const int code, const char *reply, const int len)
{
    note("report_reply|%d|%d|%d|%s|%d", devid, msgid, code, reply == NULL ? "NULL" : reply, len);
    inside("report_reply");
    return 0;
}

static int on_event_reply(const int devid, const int msgid, const int code, const char *eventid, const int eventid_len,
                          const char *message, const int message_len)
{
    note("event_reply|%d|%d|%d|%.*s|%.*s", devid, msgid, code, eventid_len, eventid, message_len, message);
    inside("event_reply");
    return 0;
}

static int on_timestamp(const char *utc)
{
    note("timestamp|%s", utc);
    inside("timestamp");
    return 0;
}

static int on_topolist(const int devid, const int msgid, const int code, const char *list, const int len)
{
    note("topolist|%d|%d|%d|%d|%s", devid, msgid, code, len == (int)strlen(list), list);
    inside("topolist");
    return 0;
}

static int on_permit_join(const char *product_key, const int seconds)
{
    note("permit_join|%s|%d", product_key, seconds);
    inside("permit_join");
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
    inside("fota");
    return 0;
}

static int on_cota(const int type, const char *config_id, int config_size, const char *get_type, const char *sign,
                   const char *sign_method, const char *url)
{
    note("cota|%d|%s|%d|%s|%s|%s|%s", type, config_id, config_size, get_type, sign, sign_method, url);
    download(ITM_MSG_QUERY_COTA_DATA);
    inside("cota");
    return 0;
}

static void on_reset(iotx_devrst_evt_type_t event, void *message)
{
    iotx_devrst_evt_recv_msg_t *answer_of = message;

    note("reset|%d|%d|%d|%s", (int)event, answer_of->msgid, answer_of->payload_len == strlen(answer_of->payload),
         answer_of->payload);
}

static void on_monitor(int event)
{
    note("monitor|%x", (unsigned int)event);
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

/* lk-awss CODE: what a firmware's own provisioning does with the callback. */
static void lk_awss(const command_t *c)
{
    double started = now_ms();
    int (*callback)(int);

    /* The reference hands a function out as a pointer to data, too. */
    *(void **)&callback = iotx_event_callback(ITE_AWSS_STATUS);
    answer("lk-awss ret=%d", callback == NULL ? -1 : callback((int)number(c->word[1])));
    finish(started);
}

/* lk-inside CALLS: what each callback calls, see `behaviour`. */
static void lk_inside(const command_t *c)
{
    double started = now_ms();

    behaviour.calls = (int)number(c->word[1]);
    answer("lk-inside");
    finish(started);
}

static void lk_reset(const command_t *c)
{
    iotx_dev_meta_info_t meta;
    double started = now_ms();
    int whole = c->word[1] != NULL;

    memset(&meta, 0, sizeof(meta));
    if (whole) {
        text_fill(meta.product_key, c->word[1], sizeof(meta.product_key) - 1);
        text_fill(meta.device_name, c->word[2], sizeof(meta.device_name) - 1);
    }
    answer("lk-reset ret=%d none=%d", IOT_DevReset_Report(whole ? &meta : NULL, on_reset, NULL),
           IOT_DevReset_Report(&meta, NULL, NULL));
    finish(started);
}

const entry_t model_commands[] = {
    {"lk-register", 2, lk_register},
    {"lk-callback", 2, lk_callback},
    {"lk-events", 1, lk_events},
    {"lk-respond", 3, lk_respond},
    {"lk-on-fota", 2, lk_on_fota},
    {"lk-on-set", 3, lk_on_set},
    {"lk-inside", 2, lk_inside},
    {"lk-awss", 2, lk_awss},
    {"lk-reset", 3, lk_reset},
    {NULL, 0, NULL},
};
