/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Driver commands for the OTA module.
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iotx_ota.h"
#include "otakit.h"

extern void HAL_Free(void *memory);

static FILE *image;
static pthread_t later;
static int later_running;
static struct {
    void *ota;
    long delay_ms;
    int ret;
} later_job;

/* out FILE: downloaded bytes go there from now on; `out -` closes it */
static void out(const command_t *c)
{
    double started = now_ms();

    if (image != NULL) {
        fclose(image);
        image = NULL;
    }
    if (c->word[1] != NULL) {
        image = fopen(c->word[1], "wb");
    }
    answer("out open=%d", image != NULL);
    finish(started);
}

/* init PK DN M */
static void init(const command_t *c)
{
    double started = now_ms();

    answer("init handle=%s", remember('h', IOT_OTA_Init(c->word[1], c->word[2], handle(c->word[3]))));
    finish(started);
}

/* deinit H */
static void deinit(const command_t *c)
{
    double started = now_ms();

    answer("deinit ret=%d", IOT_OTA_Deinit(handle(c->word[1])));
    finish(started);
}

static void *deinit_after_delay(void *unused)
{
    struct timespec t;

    (void)unused;
    t.tv_sec = later_job.delay_ms / 1000;
    t.tv_nsec = later_job.delay_ms % 1000 * 1000000L;
    nanosleep(&t, NULL);
    later_job.ret = IOT_OTA_Deinit(later_job.ota);
    return NULL;
}

/* deinit-later H MS: from another thread, after a pause; `join` collects it */
static void deinit_later(const command_t *c)
{
    double started = now_ms();

    later_job.ota = handle(c->word[1]);
    later_job.delay_ms = number(c->word[2]);
    later_running = pthread_create(&later, NULL, deinit_after_delay, NULL) == 0;
    answer("deinit-later started=%d", later_running);
    finish(started);
}

static void join(const command_t *c)
{
    double started = now_ms();

    (void)c;
    if (later_running) {
        pthread_join(later, NULL);
        later_running = 0;
    }
    answer("join ret=%d", later_job.ret);
    finish(started);
}

/* report-version H VERSION */
static void report_version(const command_t *c)
{
    double started = now_ms();

    answer("report-version ret=%d", IOT_OTA_ReportVersion(handle(c->word[1]), c->word[2]));
    finish(started);
}

/* progress H STEP MESSAGE */
static void progress(const command_t *c)
{
    double started = now_ms();

    answer("progress ret=%d",
           IOT_OTA_ReportProgress(handle(c->word[1]), (IOT_OTA_Progress_t)number(c->word[2]), c->word[3]));
    finish(started);
}

static void is_fetching(const command_t *c)
{
    double started = now_ms();

    answer("isfetching ret=%d", IOT_OTA_IsFetching(handle(c->word[1])));
    finish(started);
}

static void is_finished(const command_t *c)
{
    double started = now_ms();

    answer("isfinish ret=%d", IOT_OTA_IsFetchFinish(handle(c->word[1])));
    finish(started);
}

static void last_error(const command_t *c)
{
    double started = now_ms();

    answer("lasterror ret=%d", IOT_OTA_GetLastError(handle(c->word[1])));
    finish(started);
}

/* One FetchYield into a guarded buffer. Keeps the bytes. `*intact` falls to 0 on any byte outside the contract. */
static int fetch_once(void *ota, size_t length, uint32_t timeout_s, int *intact)
{
    guarded_t buffer = guarded_new(length, 0);
    int n = IOT_OTA_FetchYield(ota, buffer.data, (uint32_t)length, timeout_s);

    if (!guarded_intact(&buffer) || n >= (int)length || (n > 0 && buffer.data[n] != '\0')) {
        *intact = 0;
    }
    if (n > 0 && image != NULL && *intact && fwrite(buffer.data, 1, (size_t)n, image) != (size_t)n) {
        fprintf(stderr, "driver: cannot write the image\n");
        exit(70);
    }
    guarded_free(&buffer);
    return n;
}

/* fetch H LEN TIMEOUT_S */
static void fetch(const command_t *c)
{
    double started = now_ms();
    int intact = 1;
    int n = fetch_once(handle(c->word[1]), (size_t)number(c->word[2]), (uint32_t)number(c->word[3]), &intact);

    if (image != NULL) {
        fflush(image);
    }
    answer("fetch n=%d intact=%d", n, intact);
    finish(started);
}

/* fetch-null H LEN TIMEOUT_S: no buffer */
static void fetch_null(const command_t *c)
{
    double started = now_ms();

    answer("fetch-null n=%d",
           IOT_OTA_FetchYield(handle(c->word[1]), NULL, (uint32_t)number(c->word[2]), (uint32_t)number(c->word[3])));
    finish(started);
}

/* fetchall H LEN TIMEOUT_S MAX_MS [yield=M] [report=1] [sizes=1]: until finished, failed or MAX_MS are over.
 * `partial` counts calls before the last that gave fewer bytes than fit; `longest` is the longest single call.
 * With sizes=1 the native 64-bit sizes are compared with the byte count after each call. */
static void fetch_all(const command_t *c)
{
    double started = now_ms();
    void *ota = handle(c->word[1]);
    void *client = NULL;
    size_t length = (size_t)number(c->word[2]);
    double limit = (double)number(c->word[4]), longest = 0;
    uint64_t bytes = 0, fetched = 0, total = 0;
    long calls = 0, partial = 0, zeros = 0, percent = -1, percents = 0;
    int report = 0, sizes = 0, intact = 1, exact = 1, n = 0, i, previous = -1;

    for (i = 5; i < c->count; i++) {
        if (strncmp(c->word[i], "yield=", 6) == 0) client = handle(c->word[i] + 6);
        if (strcmp(c->word[i], "report=1") == 0) report = 1;
        if (strcmp(c->word[i], "sizes=1") == 0) sizes = 1;
    }
    while (!IOT_OTA_IsFetchFinish(ota) && now_ms() - started < limit) {
        double call = now_ms();

        n = fetch_once(ota, length, (uint32_t)number(c->word[3]), &intact);
        call = now_ms() - call;
        longest = call > longest ? call : longest;
        calls++;
        if (n < 0 || !intact) {
            break;
        }
        zeros += n == 0;
        partial += previous > 0 && previous < (int)length - 1;
        previous = n;
        bytes += (uint64_t)n;
        if (sizes || report) {
            exact &= otakit_linkkit_ota_size(ota, &fetched, &total) == 0 && fetched == bytes && total != 0;
            if (exact && (long)(fetched * 100 / total) != percent) {
                exact &= (long)(fetched * 100 / total) > percent;
                percent = (long)(fetched * 100 / total);
                percents++;
                if (report) {
                    IOT_OTA_ReportProgress(ota, (IOT_OTA_Progress_t)percent, NULL);
                }
                if (client != NULL) {
                    IOT_MQTT_Yield(client, 1);
                }
            }
        }
    }
    if (image != NULL) {
        fflush(image);
    }
    answer("fetchall n=%d bytes=%llu calls=%ld zeros=%ld partial=%ld longest=%.1f intact=%d finished=%d", n,
           (unsigned long long)bytes, calls, zeros, partial, longest, intact, IOT_OTA_IsFetchFinish(ota));
    answer(" exact=%d percents=%ld percent=%ld total=%llu", exact, percents, percent, (unsigned long long)total);
    finish(started);
}

/* ioctl H TYPE LEN [room=N] [skew=N]: LEN is what is passed, the buffer holds N (LEN when positive, else 16) */
static void ioctl(const command_t *c)
{
    double started;
    int length = (int)number(c->word[3]), ret, i;
    size_t room = length > 0 ? (size_t)length : 16, skew = 0;
    guarded_t buffer;

    for (i = 4; i < c->count; i++) {
        if (strncmp(c->word[i], "room=", 5) == 0) room = (size_t)number(c->word[i] + 5);
        if (strncmp(c->word[i], "skew=", 5) == 0) skew = (size_t)number(c->word[i] + 5);
    }
    buffer = guarded_new(room, skew);
    started = now_ms();
    ret = IOT_OTA_Ioctl(handle(c->word[1]), (IOT_OTA_CmdType_t)number(c->word[2]), buffer.data, length);
    answer("ioctl ret=%d intact=%d hex=", ret, guarded_intact(&buffer));
    for (i = 0; i < (int)room; i++) {
        answer("%02x", (unsigned char)buffer.data[i]);
    }
    if (ret == 0 && length == 4) {
        uint32_t value;

        memcpy(&value, buffer.data, 4);
        answer(" value=%lu", (unsigned long)value);
    }
    finish(started);
    guarded_free(&buffer);
}

/* ioctl-null H TYPE LEN: no buffer */
static void ioctl_null(const command_t *c)
{
    double started = now_ms();

    answer("ioctl-null ret=%d", IOT_OTA_Ioctl(handle(c->word[1]), (IOT_OTA_CmdType_t)number(c->word[2]), NULL,
                                              (int)number(c->word[3])));
    finish(started);
}

/* ioctl-string H TYPE [preset]: the commands that hand out an allocated copy; `preset` starts from a non-NULL pointer */
static void ioctl_string(const command_t *c)
{
    double started = now_ms();
    char own[] = "own";
    char *text = c->count > 3 ? own : NULL;
    int ret = IOT_OTA_Ioctl(handle(c->word[1]), (IOT_OTA_CmdType_t)number(c->word[2]), &text, (int)sizeof(text));

    answer("ioctl-string ret=%d", ret);
    answer_text("text", text);
    if (text != own && text != NULL) {
        HAL_Free(text);
    }
    finish(started);
}

/* check H: the verdict */
static void check(const command_t *c)
{
    double started = now_ms();
    uint32_t valid = 77;
    int ret = IOT_OTA_Ioctl(handle(c->word[1]), IOT_OTAG_CHECK_FIRMWARE, &valid, 4);

    answer("check ret=%d value=%lu", ret, (unsigned long)valid);
    finish(started);
}

/* size H: the native 64-bit sizes */
static void size(const command_t *c)
{
    double started = now_ms();
    uint64_t fetched = 0, total = 0;
    int ret = otakit_linkkit_ota_size(handle(c->word[1]), &fetched, &total);

    answer("size ret=%d fetched=%llu total=%llu", ret, (unsigned long long)fetched, (unsigned long long)total);
    finish(started);
}

/* failure H: what the last download failed of */
static void failure(const command_t *c)
{
    double started = now_ms();
    char text[200] = "";
    int length = otakit_linkkit_ota_failure(handle(c->word[1]), text, sizeof(text));

    answer("failure length=%d", length);
    answer_text("text", text);
    finish(started);
}

/* option NUMBER VALUE: for the sessions opened from now on */
static void option(const command_t *c)
{
    double started = now_ms();

    answer("option ret=%d", otakit_set_option((int)number(c->word[1]), (uint32_t)number(c->word[2])));
    finish(started);
}

/* loglevel N */
static void log_level(const command_t *c)
{
    double started = now_ms();

    otakit_set_log_level((int)number(c->word[1]));
    answer("loglevel ret=0");
    finish(started);
}

/* req-image H VERSION */
static void req_image(const command_t *c)
{
    double started = now_ms();

    answer("req-image ret=%d", iotx_req_image(handle(c->word[1]), c->word[2]));
    finish(started);
}

/* get-config H SCOPE TYPE KEYS */
static void get_config(const command_t *c)
{
    double started = now_ms();

    answer("get-config ret=%d", iotx_ota_get_config(handle(c->word[1]), c->word[2], c->word[3], c->word[4]));
    finish(started);
}

void ota_cleanup(void)
{
    if (later_running) {
        pthread_join(later, NULL);
    }
    if (image != NULL) {
        fclose(image);
    }
}

const entry_t ota_commands[] = {
    {"out", 2, out},
    {"init", 4, init},
    {"deinit", 2, deinit},
    {"deinit-later", 3, deinit_later},
    {"join", 1, join},
    {"report-version", 3, report_version},
    {"progress", 4, progress},
    {"isfetching", 2, is_fetching},
    {"isfinish", 2, is_finished},
    {"lasterror", 2, last_error},
    {"fetch", 4, fetch},
    {"fetch-null", 4, fetch_null},
    {"fetchall", 5, fetch_all},
    {"ioctl", 4, ioctl},
    {"ioctl-null", 4, ioctl_null},
    {"ioctl-string", 3, ioctl_string},
    {"check", 2, check},
    {"size", 2, size},
    {"failure", 2, failure},
    {"option", 3, option},
    {"loglevel", 2, log_level},
    {"req-image", 3, req_image},
    {"get-config", 5, get_config},
    {NULL, 0, NULL},
};
