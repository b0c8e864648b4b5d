/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Updates on command, many at once in one process: each command is a line on stdin.
 *
 *   option NUMBER VALUE                 otakit_set_option
 *   ca FILE                             otakit_set_https_ca; `-` for none
 *   trust FILE                          otakit_policy_trust_key
 *   get TAG URL SIZE DIGEST FILE JOURNAL
 *                                       otakit_download_file in a thread of its own; JOURNAL `-` for none
 *   fetch TAG PORT NAME ATTEMPTS REPEAT FILE URL SIZE DIGEST URL SIZE DIGEST
 *                                       two updates of one Link Kit device, one after the other (device.c)
 *   cancel TAG PORT NAME WAY LENGTH AFTER FILE URL SIZE DIGEST SIGNATURE
 *                                       an update that another thread cancels (device.c)
 *   sweep TAG FILE URL SIZE DIGEST REFERENCE FIRST LAST STEP
 *                                       a download for every STEP-th number from FIRST to LAST, which stands in place of
 *                                       each `@` of the URL; the image has to equal the file REFERENCE
 *   control                             the worst lateness of a bare wait so far, as `control MS`
 *
 * DIGEST is MD5 or SHA-256, by its length. Each of the jobs ends with a line on stdout, in the order in which they end:
 *
 *   done TAG CODE FETCHED MS ...timed            (get)
 *   done TAG WRONG NUMBER CODE ...timed          (sweep: how many went wrong, the first of them and its code)
 *
 * `timed` is what timed_print() prints. The watcher of a download counts as a call of 100 ms, since it is promised to be
 * called at least that often; the begin and the end of the call are two of its calls.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs.h"
#include "otakit.h"

#define WATCH_MS 100

typedef struct {
    const char *tag, *file, *journal;
    otakit_image_t image;
    double begun, seen;
    unsigned long long fetched;
    const char *reference;
    long first, last, step;
    timed_t timed;
} job_t;

pthread_mutex_t client_output = PTHREAD_MUTEX_INITIALIZER;

void client_fail(const char *what)
{
    fprintf(stderr, "client: %s\n", what);
    exit(70);
}

char *client_word(char **rest)
{
    char *word = strtok_r(NULL, " \n", rest);

    if (word == NULL) {
        client_fail("a word is missing");
    }
    return word;
}

char *client_keep(const char *text)
{
    char *copy = malloc(strlen(text) + 1);

    if (copy == NULL) {
        client_fail("no memory");
    }
    return strcpy(copy, text);
}

void client_start(void *(*work)(void *), void *argument)
{
    pthread_attr_t detached;
    pthread_t thread;

    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, work, argument) != 0) {
        client_fail("no thread");
    }
    pthread_attr_destroy(&detached);
}

static void look(job_t *job)
{
    double now = timed_now();

    timed_note(&job->timed, "watcher", WATCH_MS, job->seen, now);
    job->seen = now;
}

static int watch(void *user, uint64_t fetched, uint64_t total)
{
    job_t *job = user;

    (void)total;
    look(job);
    job->fetched = fetched;
    return 0;
}

static void *run(void *argument)
{
    job_t *job = argument;
    int code;

    job->begun = job->seen = timed_now();
    code = otakit_download_file(&job->image, job->file, job->journal, watch, job);
    look(job);
    pthread_mutex_lock(&client_output);
    printf("done %s %d %llu %.1f", job->tag, code, job->fetched, job->seen - job->begun);
    timed_print(&job->timed);
    printf("\n");
    fflush(stdout);
    pthread_mutex_unlock(&client_output);
    free(job);
    return NULL;
}

static job_t *new_job(char **rest)
{
    job_t *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        client_fail("no memory");
    }
    job->tag = client_keep(client_word(rest));
    return job;
}

static void read_image(job_t *job, char **rest)
{
    const char *digest;

    job->image.url = client_keep(client_word(rest));
    job->image.version = "2.0.0";
    job->image.size = strtoull(client_word(rest), NULL, 10);
    digest = client_keep(client_word(rest));
    *(strlen(digest) == 32 ? &job->image.md5 : &job->image.sha256) = digest;
}

static void get(char **rest)
{
    job_t *job = new_job(rest);

    read_image(job, rest);
    job->file = client_keep(client_word(rest));
    job->journal = client_keep(client_word(rest));
    job->journal = strcmp(job->journal, "-") == 0 ? NULL : job->journal;
    client_start(run, job);
}

/* Whether two files hold the same `size` bytes. */
static int same(const char *one, const char *other, unsigned long long size)
{
    FILE *a = fopen(one, "rb"), *b = fopen(other, "rb");
    int equal = a != NULL && b != NULL;
    char left[8192], right[8192];
    unsigned long long seen = 0;
    size_t n = 1;

    while (equal && n > 0) {
        n = fread(left, 1, sizeof(left), a);
        equal = fread(right, 1, sizeof(right), b) == n && memcmp(left, right, n) == 0;
        seen += n;
    }
    if (a != NULL) {
        fclose(a);
    }
    if (b != NULL) {
        fclose(b);
    }
    return equal && seen == size;
}

static void *sweep(void *argument)
{
    job_t *job = argument;
    const char *pattern = job->image.url, *from;
    char url[1024];
    long number, wrong = 0, first = -1;
    int first_code = 0;

    for (number = job->first; number <= job->last; number += job->step) {
        size_t at = 0;
        int code;

        for (from = pattern; *from != '\0' && at + 32 < sizeof(url); from++) {
            at += (size_t)(*from == '@' ? sprintf(url + at, "%ld", number) : sprintf(url + at, "%c", *from));
        }
        job->image.url = url;
        remove(job->file);
        job->begun = job->seen = timed_now();
        code = otakit_download_file(&job->image, job->file, NULL, watch, job);
        look(job);
        if (code != OTAKIT_OK || !same(job->file, job->reference, job->image.size)) {
            first_code = wrong == 0 ? code : first_code;
            first = wrong == 0 ? number : first;
            wrong++;
        }
    }
    pthread_mutex_lock(&client_output);
    printf("done %s %ld %ld %d", job->tag, wrong, first, first_code);
    timed_print(&job->timed);
    printf("\n");
    fflush(stdout);
    pthread_mutex_unlock(&client_output);
    free(job);
    return NULL;
}

static void start_sweep(char **rest)
{
    job_t *job = new_job(rest);

    job->file = client_keep(client_word(rest));
    read_image(job, rest);
    job->reference = client_keep(client_word(rest));
    job->first = strtol(client_word(rest), NULL, 10);
    job->last = strtol(client_word(rest), NULL, 10);
    job->step = strtol(client_word(rest), NULL, 10);
    client_start(sweep, job);
}

static const char *contents(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "rb");
    size_t n;

    if (file == NULL) {
        client_fail("cannot read a file");
    }
    n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

static void obey(const char *command, char **rest)
{
    if (strcmp(command, "get") == 0) {
        get(rest);
    } else if (strcmp(command, "fetch") == 0) {
        device_fetch(rest);
    } else if (strcmp(command, "cancel") == 0) {
        device_cancel(rest);
    } else if (strcmp(command, "sweep") == 0) {
        start_sweep(rest);
    } else if (strcmp(command, "control") == 0) {
        pthread_mutex_lock(&client_output);
        printf("control %.1f\n", timed_control_worst());
        fflush(stdout);
        pthread_mutex_unlock(&client_output);
    } else if (strcmp(command, "ca") == 0) {
        const char *path = client_word(rest);

        if (otakit_set_https_ca(strcmp(path, "-") == 0 ? NULL : contents(path)) != OTAKIT_OK) {
            client_fail("authority refused");
        }
    } else if (strcmp(command, "trust") == 0) {
        if (otakit_policy_trust_key(contents(client_word(rest))) != OTAKIT_OK) {
            client_fail("key refused");
        }
    } else if (strcmp(command, "option") == 0) {
        int option = atoi(client_word(rest));

        if (otakit_set_option(option, (uint32_t)strtoul(client_word(rest), NULL, 10)) != OTAKIT_OK) {
            client_fail("option refused");
        }
    } else {
        client_fail("no such command");
    }
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;

    /* Log lines go to stdout too. */
    otakit_set_log_level(0);
    timed_control();
    while (getline(&line, &room, stdin) > 0) {
        char *rest = NULL, *command = strtok_r(line, " \n", &rest);

        if (command == NULL) {
            client_fail("an empty line");
        }
        obey(command, &rest);
    }
    free(line);
    return 0;
}
