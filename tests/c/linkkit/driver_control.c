/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Driver commands for what the native API adds to a Link Kit session: control, whole downloads.
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "otakit.h"

static void pause_it(const command_t *c)
{
    double started = now_ms();

    answer("pause ret=%d", otakit_linkkit_ota_pause(handle(c->word[1])));
    finish(started);
}

static void resume_it(const command_t *c)
{
    double started = now_ms();

    answer("resume ret=%d", otakit_linkkit_ota_resume(handle(c->word[1])));
    finish(started);
}

static void cancel_it(const command_t *c)
{
    double started = now_ms();

    answer("cancel ret=%d", otakit_linkkit_ota_cancel(handle(c->word[1])));
    finish(started);
}

typedef struct {
    void *ota;
    long delay_ms;
    double at;
} canceller_t;

static void *cancel_after_delay(void *argument)
{
    canceller_t *job = argument;
    struct timespec t;

    t.tv_sec = job->delay_ms / 1000;
    t.tv_nsec = job->delay_ms % 1000 * 1000000L;
    nanosleep(&t, NULL);
    job->at = now_ms();
    otakit_linkkit_ota_cancel(job->ota);
    return NULL;
}

/* cancel-fetch H LEN TIMEOUT_S AFTER_MS: calls FetchYield until another thread cancels. `late` is the time, in ms, from
 * there to the return of the call that it cut short. */
static void cancel_fetch(const command_t *c)
{
    double started = now_ms(), ended;
    size_t length = (size_t)number(c->word[2]);
    char *buffer = malloc(length);
    canceller_t job;
    pthread_t thread;
    int n;

    job.ota = handle(c->word[1]);
    job.delay_ms = number(c->word[4]);
    job.at = 0;
    if (buffer == NULL || pthread_create(&thread, NULL, cancel_after_delay, &job) != 0) {
        fprintf(stderr, "driver: no memory or thread\n");
        exit(70);
    }
    do {
        n = IOT_OTA_FetchYield(job.ota, buffer, (uint32_t)length, (uint32_t)number(c->word[3]));
    } while (n >= 0 && now_ms() - started < 30000);
    ended = now_ms();
    pthread_join(thread, NULL);
    free(buffer);
    answer("cancel-fetch n=%d late=%ld failure=%d", n, (long)(ended - job.at),
           otakit_linkkit_ota_failure(job.ota, NULL, 0));
    finish(started);
}

/* drive H M FILE LEN TIMEOUT_S MAX_MS: the loop that firmware runs, FetchYield and IOT_MQTT_Yield in turn */
static void drive(const command_t *c)
{
    double started = now_ms(), limit = (double)number(c->word[6]), longest = 0;
    void *ota = handle(c->word[1]), *client = handle(c->word[2]);
    FILE *file = fopen(c->word[3], "wb");
    size_t length = (size_t)number(c->word[4]);
    char *buffer = malloc(length);
    unsigned long long bytes = 0;
    int n = 0;

    if (file == NULL || buffer == NULL) {
        fprintf(stderr, "driver: no file or memory\n");
        exit(70);
    }
    while (n >= 0 && !IOT_OTA_IsFetchFinish(ota) && now_ms() - started < limit) {
        double call = now_ms();

        n = IOT_OTA_FetchYield(ota, buffer, (uint32_t)length, (uint32_t)number(c->word[5]));
        call = now_ms() - call;
        longest = call > longest ? call : longest;
        if (n > 0) {
            fwrite(buffer, 1, (size_t)n, file);
            bytes += (unsigned long long)n;
        }
        IOT_MQTT_Yield(client, 1);
    }
    fclose(file);
    free(buffer);
    answer("drive n=%d bytes=%llu longest=%.1f failure=%d", n, bytes, longest,
           otakit_linkkit_ota_failure(ota, NULL, 0));
    finish(started);
}

typedef struct {
    void *client, *ota;
    double seen, longest;
} watcher_t;

/* What the next download-file reports once a quarter of the image is there, as the vendor's loop does in a stall. */
static int reports, report_steps[2];

/* report-midway STEP STEP: for the next download-file. */
static void report_midway(const command_t *c)
{
    double started = now_ms();

    report_steps[0] = (int)number(c->word[1]);
    report_steps[1] = (int)number(c->word[2]);
    reports = 2;
    answer("report-midway ret=0");
    finish(started);
}

static int watch(void *user, uint64_t fetched, uint64_t total)
{
    watcher_t *watcher = user;
    double now = now_ms();

    while (reports > 0 && fetched >= total / 4) {
        if (IOT_OTA_ReportProgress(watcher->ota, (IOT_OTA_Progress_t)report_steps[2 - reports--], NULL) < 0) {
            return 1;
        }
    }
    watcher->longest = now - watcher->seen > watcher->longest ? now - watcher->seen : watcher->longest;
    if (watcher->client != NULL) {
        IOT_MQTT_Yield(watcher->client, 1);
    }
    watcher->seen = now_ms();
    return 0;
}

/* download-file H M FILE JOURNAL: otakit_linkkit_ota_download_file; its watcher yields to the client M. `longest` is
 * the longest time between two calls of the watcher. */
static void download_file(const command_t *c)
{
    double started = now_ms();
    watcher_t watcher;
    int ret;

    watcher.ota = handle(c->word[1]);
    watcher.client = handle(c->word[2]);
    watcher.seen = started;
    watcher.longest = 0;
    ret = otakit_linkkit_ota_download_file(watcher.ota, c->word[3], c->word[4], watch, &watcher);
    answer("download-file ret=%d longest=%.1f", ret, watcher.longest);
    finish(started);
}

/* set-base H FILE: otakit_linkkit_ota_set_base; "-" stands for NULL. */
static void set_base(const command_t *c)
{
    double started = now_ms();
    otakit_base_t base = {NULL, NULL, NULL};

    base.path = c->word[2];
    answer("set-base ret=%d",
           otakit_linkkit_ota_set_base(handle(c->word[1]), strcmp(c->word[2], "-") == 0 ? NULL : &base));
    finish(started);
}

const entry_t control_commands[] = {
    {"pause", 2, pause_it},
    {"resume", 2, resume_it},
    {"cancel", 2, cancel_it},
    {"cancel-fetch", 5, cancel_fetch},
    {"drive", 7, drive},
    {"report-midway", 3, report_midway},
    {"download-file", 5, download_file},
    {"set-base", 3, set_base},
    {NULL, 0, NULL},
};
