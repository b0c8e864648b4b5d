/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The driver's commands that call the device model; what its callbacks do is in driver_model.c.
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"
#include "driver_model.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dev_model_api.h"
#include "dynreg_api.h"
#include "../text.h"

void rest(int ms)
{
    struct timespec t;

    t.tv_sec = ms / 1000;
    t.tv_nsec = ms % 1000 * 1000000L;
    nanosleep(&t, NULL);
}

static void lk_open(const command_t *c)
{
    iotx_linkkit_dev_meta_info_t meta;
    double started = now_ms();

    memset(&meta, 0, sizeof(meta));
    text_fill(meta.product_key, c->word[2], sizeof(meta.product_key));
    text_fill(meta.product_secret, c->word[3], sizeof(meta.product_secret));
    text_fill(meta.device_name, c->word[4], sizeof(meta.device_name));
    text_fill(meta.device_secret, c->word[5], sizeof(meta.device_secret));
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
    text_fill(meta.product_key, c->word[1], sizeof(meta.product_key) - 1);
    text_fill(meta.device_name, c->word[2], sizeof(meta.device_name) - 1);
    answer("lk-devid ret=%d", IOT_Ioctl(IOTX_IOCTL_QUERY_DEVID, &meta));
    finish(started);
}

static void lk_post(const command_t *c)
{
    double started = now_ms();

    answer("lk-post ret=%d", iotx_event_post((int)number(c->word[1])));
    finish(started);
}

/* lk-dynreg REGION PK PS DN: the secret that the platform tells. */
static void lk_dynreg(const command_t *c)
{
    iotx_dev_meta_info_t meta;
    double started = now_ms();
    int ret;

    memset(&meta, 0, sizeof(meta));
    text_fill(meta.product_key, c->word[2], sizeof(meta.product_key) - 1);
    text_fill(meta.product_secret, c->word[3], sizeof(meta.product_secret) - 1);
    text_fill(meta.device_name, c->word[4], sizeof(meta.device_name) - 1);
    ret = (int)IOT_Dynamic_Register((iotx_http_region_types_t)number(c->word[1]), &meta);
    answer("lk-dynreg ret=%d", ret);
    answer_text("secret", meta.device_secret);
    finish(started);
}

typedef struct {
    int delay_ms, ret;
    double began, ended;
} closer_t;

static void *close_after_delay(void *argument)
{
    closer_t *job = argument;

    rest(job->delay_ms);
    job->began = now_ms();
    job->ret = IOT_Linkkit_Close(0);
    job->ended = now_ms();
    return NULL;
}

/* lk-close-during WHAT AFTER_MS: another thread closes while this one yields (`yield`), downloads (`download`) or
 * connects (`connect`). `late`: ms from the close to the return of the call that it cut short; `took`: of the close. */
static void lk_close_during(const command_t *c)
{
    double started = now_ms(), ended;
    closer_t job;
    pthread_t thread;
    unsigned char buffer[4096];
    int ret = 0;

    memset(&job, 0, sizeof(job));
    job.delay_ms = (int)number(c->word[2]);
    if (pthread_create(&thread, NULL, close_after_delay, &job) != 0) {
        fprintf(stderr, "driver: no thread\n");
        exit(70);
    }
    if (strcmp(c->word[1], "yield") == 0) {
        IOT_Linkkit_Yield(20000);
    } else if (strcmp(c->word[1], "connect") == 0) {
        ret = IOT_Linkkit_Connect(0);
    } else {
        ret = IOT_Linkkit_Query(0, ITM_MSG_QUERY_FOTA_DATA, buffer, sizeof(buffer));
    }
    ended = now_ms();
    pthread_join(thread, NULL);
    answer("lk-close-during ret=%d closed=%d late=%ld took=%ld", ret, job.ret, (long)(ended - job.began),
           (long)(job.ended - job.began));
    finish(started);
}

const entry_t call_commands[] = {
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
    {"lk-post", 2, lk_post},
    {"lk-dynreg", 5, lk_dynreg},
    {"lk-close-during", 3, lk_close_during},
    {NULL, 0, NULL},
};

void model_cleanup(void)
{
    IOT_Linkkit_Close(0);
    store_cleanup();
}
