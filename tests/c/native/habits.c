/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Downloads into a file in a program with habits from a time when nothing ran beside it and no file was open but its own:
 *
 *   native_habits HABIT URL SIZE SHA256 PATH
 *
 * close-all    half-way it closes every descriptor and opens files of its own under the numbers
 * fork         half-way it forks, and both processes go on with the download
 * fork-sleep   half-way it forks; the child sleeps, the parent prints both pids and waits to be killed
 * few          half-way it may open nothing any more
 * cancel       a thread is cancelled in the middle of a download
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "../linkkit/check.h"
#include "otakit.h"

#define NUMBERS 256
#define MINE 64

static otakit_image_t image;
static const char *path, *habit;
static int mine[MINE];
static int halfway, is_child;
static pid_t child;
static pthread_t worker;

static void close_all(void)
{
    char name[32];
    int i;

    for (i = 3; i < NUMBERS; i++) {
        close(i);
    }
    for (i = 0; i < MINE; i++) {
        snprintf(name, sizeof name, "mine.%d", i);
        mine[i] = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    }
}

static int watch(void *user, uint64_t fetched, uint64_t total)
{
    (void)user;
    if (halfway || fetched < total / 2) {
        return 0;
    }
    halfway = 1;
    if (strcmp(habit, "close-all") == 0) {
        close_all();
    } else if (strcmp(habit, "fork") == 0) {
        child = fork();
        is_child = child == 0;
    } else if (strcmp(habit, "fork-sleep") == 0) {
        child = fork();
        if (child != 0) {
            printf("%ld %ld\n", (long)getpid(), (long)child);
            fflush(stdout);
        }
        for (;;) {
            pause();
        }
    } else if (strcmp(habit, "few") == 0) {
        struct rlimit few;

        CHECK_EQ(getrlimit(RLIMIT_NOFILE, &few), 0);
        few.rlim_cur = 3;
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    } else if (strcmp(habit, "cancel") == 0) {
        CHECK_EQ(pthread_cancel(worker), 0);
    }
    return 0;
}

static int get(void)
{
    return otakit_download_file(&image, path, NULL, watch, NULL);
}

static void *get_in_thread(void *code)
{
    *(int *)code = get();
    while (pause() != 0) {
    }
    return NULL;
}

int main(int argc, char **argv)
{
    void *result = NULL;
    int i, code = 1;

    if (argc != 6) {
        return 2;
    }
    habit = argv[1];
    image.url = argv[2];
    image.size = strtoull(argv[3], NULL, 10);
    image.sha256 = argv[4];
    path = argv[5];
    if (strcmp(habit, "cancel") == 0) {
        CHECK_EQ(pthread_create(&worker, NULL, get_in_thread, &code), 0);
        CHECK_EQ(pthread_join(worker, &result), 0);
        CHECK_EQ(result == PTHREAD_CANCELED, 1);
        CHECK_EQ(code, OTAKIT_OK);
        /* Its locks are free. */
        CHECK_EQ(get(), OTAKIT_OK);
        return checks_done("habits");
    }
    code = get();
    if (is_child) {
        CHECK_EQ(code, OTAKIT_ERR_STORE);
        return checks_failed == 0 ? 0 : 1;
    }
    if (strcmp(habit, "fork") == 0) {
        int status = 1;

        CHECK_EQ(code, OTAKIT_OK);
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
        return checks_done("habits");
    }
    if (strcmp(habit, "few") == 0) {
        CHECK_EQ(code, OTAKIT_OK);
        return checks_done("habits");
    }
    CHECK_EQ(code, OTAKIT_ERR_STORE);
    for (i = 0; i < MINE; i++) {
        /* Open, and nobody wrote there. */
        CHECK_EQ(mine[i] >= 3, 1);
        CHECK_EQ(lseek(mine[i], 0, SEEK_END), 0);
        CHECK_EQ(write(mine[i], "x", 1), 1);
    }
    CHECK_EQ(get(), OTAKIT_OK);
    for (i = 0; i < MINE; i++) {
        CHECK_EQ(lseek(mine[i], 0, SEEK_END), 1);
    }
    return checks_done("habits");
}
