/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The driver's commands of the V3.10 generation alone. The rest of the driver is compiled for this generation as it stands.
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"
#include "driver_model.h"

#include <string.h>

#include "dev_model_api.h"
#include "infra_state.h"
#include "wrappers.h"

static struct {
    void *context[8]; /* services that wait for their answer, in the order of their calls */
    int count;
    char answer[1024]; /* answered inside the callback with this; empty: later */
} services;

static int on_service_ext(int devid, const char *serviceid, int serviceid_len, const char *msgid, int msgid_len,
                          const char *request, int request_len, void *context)
{
    note("service_ext|%d|%.*s|%.*s|%d|%s", devid, serviceid_len, serviceid, msgid_len, msgid,
         request_len == (int)strlen(request), request);
    if (services.count < 8) {
        services.context[services.count++] = context;
    }
    if (services.answer[0] != '\0') {
        note("answered|%d", IOT_Linkkit_AnswerService(devid, (char *)serviceid, serviceid_len, services.answer,
                                                      (int)strlen(services.answer), context));
    }
    inside("service_ext");
    return 0;
}

static int on_cloud_error(const int code, const char *data, const char *detail)
{
    note("cloud_error|%d|%s|%s", code, data, detail);
    inside("cloud_error");
    return 0;
}

static int on_device_secret(const char *secret)
{
    note("device_secret|%s", secret);
    return 0;
}

static int on_identity(const char *payload)
{
    note("identity|%s", payload);
    return 0;
}

static int on_everything(const int code, const char *message)
{
    note("everything|%d|%s", code, message);
    return 0;
}

static int on_mqtt(const int code, const char *message)
{
    note("mqtt|%d|%s", code, message);
    return 0;
}

static void lk310_register(const command_t *c)
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
        SLOT("service_ext", ITE_SERVICE_REQUEST_EXT, on_service_ext)
        SLOT("cloud_error", ITE_CLOUD_ERROR, on_cloud_error)
        SLOT("device_secret", ITE_DYNREG_DEVICE_SECRET, on_device_secret)
        SLOT("identity", ITE_IDENTITY_RESPONSE, on_identity)
        SLOT("everything", ITE_STATE_EVERYTHING, on_everything)
        SLOT("mqtt", ITE_STATE_MQTT_COMM, on_mqtt)
        SLOT("ota", ITE_STATE_OTA, on_mqtt)
        SLOT("user_input", ITE_STATE_USER_INPUT, on_mqtt)
        SLOT("sys_depend", ITE_STATE_SYS_DEPEND, on_mqtt)
        SLOT("wifi_prov", ITE_STATE_WIFI_PROV, on_mqtt)
        SLOT("coap_local", ITE_STATE_COAP_LOCAL, on_mqtt)
        SLOT("http_comm", ITE_STATE_HTTP_COMM, on_mqtt)
        SLOT("dev_bind", ITE_STATE_DEV_BIND, on_mqtt)
        SLOT("dev_model", ITE_STATE_DEV_MODEL, on_mqtt)
#undef SLOT
    }
    answer("lk310-register known=%d", known);
    finish(started);
}

/* lk310-answer N RESPONSE: answers the n-th service that came, counted from 0; -1: with a made-up context. */
static void lk310_answer(const command_t *c)
{
    long n = number(c->word[1]);
    void *context = n >= 0 && n < services.count ? services.context[n] : (void *)&services;
    char *response = c->word[2];
    double started = now_ms();

    answer("lk310-answer ret=%d", IOT_Linkkit_AnswerService(0, (char *)"x", 1, response,
                                                            response == NULL ? 0 : (int)strlen(response), context));
    finish(started);
}

/* lk310-answer-inside RESPONSE */
static void lk310_answer_inside(const command_t *c)
{
    double started = now_ms();

    snprintf(services.answer, sizeof(services.answer), "%s", c->word[1] == NULL ? "" : c->word[1]);
    answer("lk310-answer-inside");
    finish(started);
}

/* lk310-state EVENT CODE TEXT NUMBER */
static void lk310_state(const command_t *c)
{
    double started = now_ms();
    int event = (int)number(c->word[1]), code = (int)number(c->word[2]);

    answer("lk310-state ret=%d", c->word[3] == NULL
                                     ? iotx_state_event(event, code, NULL)
                                     : iotx_state_event(event, code, "%s %ld", c->word[3], number(c->word[4])));
    finish(started);
}

static void lk310_yield(const command_t *c)
{
    double started = now_ms();

    answer("lk310-yield ret=%d", IOT_Linkkit_Yield((int)number(c->word[1])));
    finish(started);
}

/* lk310-port PORT */
static void lk310_port(const command_t *c)
{
    uint16_t port = (uint16_t)number(c->word[1]);
    double started = now_ms();

    answer("lk310-port ret=%d", IOT_Ioctl(IOTX_IOCTL_SET_MQTT_PORT, &port));
    finish(started);
}

/* lk310-domain HOST */
static void lk310_domain(const command_t *c)
{
    double started = now_ms();

    answer("lk310-domain ret=%d", IOT_Ioctl(IOTX_IOCTL_SET_MQTT_DOMAIN, c->word[1]));
    finish(started);
}

const entry_t generation_commands[] = {
    {"lk310-register", 2, lk310_register},
    {"lk310-answer", 3, lk310_answer},
    {"lk310-answer-inside", 2, lk310_answer_inside},
    {"lk310-state", 4, lk310_state},
    {"lk310-yield", 2, lk310_yield},
    {"lk310-port", 2, lk310_port},
    {"lk310-domain", 2, lk310_domain},
    {NULL, 0, NULL},
};
