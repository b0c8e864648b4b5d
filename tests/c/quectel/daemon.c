/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A program that forks in the midst of a download: `quectel_daemon HABIT URL FILE`. Prints the events but those of progress.
 *   start, fetch              becomes a daemon after quectel_fota_download_start, quectel_fota_fetch_start
 *   start-beside, fetch-beside  forks then, and its first process goes on too
 *   init                      becomes a daemon, whose first call is quectel_fota_init
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "quectel_fota.h"

static const char *who = "first";
static int ends;

static void on_event(void *user, int64_t status, int64_t progress)
{
    (void)user;
    if (status != 1) {
        printf("%s status %d %d\n", who, (int)status, (int)progress);
        ends++;
    }
}

static pid_t fork_now(int beside)
{
    pid_t child = fork();

    if (child != 0 && !beside) {
        _exit(0);
    }
    if (child == 0) {
        who = "child";
    }
    return child;
}

static long milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

int main(int argc, char **argv)
{
    int beside, n, status = 0, code = QUECTEL_FOTA_FETCHING;
    long began;
    int64_t fetch = 0;
    pid_t child;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 4) {
        fprintf(stderr, "usage: quectel_daemon HABIT URL FILE\n");
        return 2;
    }
    beside = strstr(argv[1], "-beside") != NULL;
    quectel_fota_reset_disable(1);
    quectel_fota_callbacks(on_event, NULL, NULL, NULL);
    quectel_fota_package_path(argv[3]);
    if (strncmp(argv[1], "fetch", 5) == 0) {
        printf("begun %d\n", quectel_fota_fetch_start(argv[2], argv[3], NULL, NULL, &fetch));
    } else {
        printf("begun %d\n", quectel_fota_download_start(argv[2], NULL));
    }
    usleep(300000);
    child = fork_now(beside);
    if (strcmp(argv[1], "init") == 0) {
        began = milliseconds();
        code = quectel_fota_init();
        printf("init %d %d\n", code, milliseconds() - began < 2000);
    }
    if (fetch > 0) {
        for (n = 0; n < 300 && code == QUECTEL_FOTA_FETCHING; n++) {
            code = quectel_fota_fetch_wait(fetch, 100);
        }
        printf("%s fetched %d\n", who, code);
    } else {
        for (n = 0; n < 300 && ends == 0; n++) {
            quectel_fota_dispatch(100);
        }
        for (n = 0; n < 5; n++) {
            quectel_fota_dispatch(100);
        }
        printf("%s ends %d\n", who, ends);
    }
    if (child != 0) {
        waitpid(child, &status, 0);
    } else {
        /* The service is free again. */
        printf("%s cancel %d\n", who, quectel_fota_download_cancel());
        printf("%s start %d\n", who, quectel_fota_download_start(argv[2], NULL));
        quectel_fota_deinit();
    }
    printf("%s done\n", who);
    return 0;
}
