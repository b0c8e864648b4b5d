/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Downloads through the native API on command, many at once in one process: each command is a line on stdin.
 *
 *   option NUMBER VALUE                        otakit_set_option
 *   ca FILE                                    otakit_set_https_ca; `-` for none
 *   get TAG URL SIZE MD5 FILE JOURNAL CANCEL   otakit_download_file in a thread of its own; JOURNAL `-` for none;
 *                                              CANCEL: the watcher cancels after so many ms, -1 never
 *
 * Each get ends with a line on stdout, in the order in which they end:
 *
 *   done TAG CODE MS GAP CANCEL FETCHED
 *
 * MS is the time that the call took, GAP the longest time between two calls of the watcher (the begin and the end of the
 * call count as such), CANCEL the time from the watcher's wish to the end of the call (-1 without one).
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "otakit.h"

typedef struct {
    char *line;
    const char *tag, *file, *journal;
    otakit_image_t image;
    double begun, seen, gap, wish, cancel_after;
    unsigned long long fetched;
} job_t;

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void look(job_t *job)
{
    double now = now_ms();

    if (now - job->seen > job->gap) {
        job->gap = now - job->seen;
    }
    job->seen = now;
}

static int watch(void *user, uint64_t fetched, uint64_t total)
{
    job_t *job = user;

    (void)total;
    look(job);
    job->fetched = fetched;
    if (job->cancel_after >= 0 && job->seen - job->begun >= job->cancel_after) {
        job->wish = job->seen;
        return 1;
    }
    return 0;
}

static void *run(void *argument)
{
    job_t *job = argument;
    int code;

    job->begun = job->seen = now_ms();
    code = otakit_download_file(&job->image, job->file, job->journal, watch, job);
    look(job);
    pthread_mutex_lock(&output);
    printf("done %s %d %.1f %.1f %.1f %llu\n", job->tag, code, job->seen - job->begun, job->gap,
           job->wish > 0 ? job->seen - job->wish : -1.0, job->fetched);
    fflush(stdout);
    pthread_mutex_unlock(&output);
    free(job->line);
    free(job);
    return NULL;
}

static void fail(const char *what)
{
    fprintf(stderr, "client: %s\n", what);
    exit(70);
}

static char *next(char **rest)
{
    char *word = strtok_r(NULL, " \n", rest);

    if (word == NULL) {
        fail("a word is missing");
    }
    return word;
}

static void get(char *line, char **rest)
{
    job_t *job = calloc(1, sizeof(*job));
    const char *journal;
    pthread_attr_t detached;
    pthread_t thread;

    if (job == NULL) {
        fail("no memory");
    }
    job->line = line;
    job->tag = next(rest);
    job->image.url = next(rest);
    job->image.version = "2.0.0";
    job->image.size = strtoull(next(rest), NULL, 10);
    job->image.md5 = next(rest);
    job->file = next(rest);
    journal = next(rest);
    job->journal = strcmp(journal, "-") == 0 ? NULL : journal;
    job->cancel_after = strtod(next(rest), NULL);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, run, job) != 0) {
        fail("no thread");
    }
    pthread_attr_destroy(&detached);
}

static void authority(const char *path)
{
    static char pem[65536];
    FILE *file;
    size_t n;

    if (strcmp(path, "-") == 0) {
        otakit_set_https_ca(NULL);
        return;
    }
    file = fopen(path, "rb");
    if (file == NULL) {
        fail("cannot read the authority");
    }
    n = fread(pem, 1, sizeof(pem) - 1, file);
    pem[n] = '\0';
    fclose(file);
    if (otakit_set_https_ca(pem) != OTAKIT_OK) {
        fail("authority refused");
    }
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;

    /* Log lines go to stdout too. */
    otakit_set_log_level(0);
    while (getline(&line, &room, stdin) > 0) {
        char *rest = NULL, *command = strtok_r(line, " \n", &rest);

        if (command != NULL && strcmp(command, "get") == 0) {
            get(line, &rest);
            line = NULL;
            room = 0;
        } else if (command != NULL && strcmp(command, "ca") == 0) {
            authority(next(&rest));
        } else if (command != NULL && strcmp(command, "option") == 0) {
            int option = atoi(next(&rest));

            if (otakit_set_option(option, (uint32_t)strtoul(next(&rest), NULL, 10)) != OTAKIT_OK) {
                fail("option refused");
            }
        } else {
            fail("no such command");
        }
    }
    free(line);
    return 0;
}
