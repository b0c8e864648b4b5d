/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * How often the threads of a download give the processor away. The kernel counts; nothing here depends on how fast the
 * machine is.
 *
 *   switches CHUNKED_URL STALLING_URL SIZE SHA256 PATH
 *
 * CHUNKED_URL is answered in chunks of one byte, STALLING_URL with a part and then silence. Prints the counts. Exit code 0 when
 * both are small.
 */
#define _GNU_SOURCE

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "check.h"
#include "otakit.h"

/* Of all threads of the process, those that have ended too. */
static long switches(void)
{
    struct rusage usage;

    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_nvcsw;
}

static long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

typedef struct {
    uint64_t fetched;
    long since, before, during;
} silence_t;

/* Counts from half a second after the last byte on, for two seconds, then cancels. */
static int watch(void *user, uint64_t fetched, uint64_t total)
{
    silence_t *silence = user;
    long now = now_ms();

    (void)total;
    if (fetched != silence->fetched || fetched == 0) {
        silence->fetched = fetched;
        silence->since = now;
        silence->before = 0;
        return 0;
    }
    if (now - silence->since < 500) {
        return 0;
    }
    if (silence->before == 0) {
        silence->before = switches();
        silence->since = now - 500;
    }
    silence->during = switches() - silence->before;
    return now - silence->since > 2500;
}

int main(int argc, char **argv)
{
    otakit_image_t image = {NULL, NULL, 0, NULL, NULL, NULL};
    silence_t silence = {0, 0, 0, 0};
    long before, chunked;

    if (argc != 6) {
        return 2;
    }
    image.size = strtoull(argv[3], NULL, 10);
    image.sha256 = argv[4];

    image.url = argv[1];
    before = switches();
    CHECK_EQ(otakit_download_file(&image, argv[5], NULL, NULL, NULL), OTAKIT_OK);
    chunked = switches() - before;

    image.url = argv[2];
    remove(argv[5]);
    CHECK_EQ(otakit_download_file(&image, argv[5], NULL, watch, &silence), OTAKIT_ERR_CANCELLED);

    printf("%ld switches for %llu chunks, %ld in two seconds of silence\n", chunked, (unsigned long long)image.size,
           silence.during);
    /* A switch for each chunk, as a thread that hands on every byte has, is more than ten times as many. */
    CHECK_EQ(chunked < (long)(image.size / 10), 1);
    /* 70 a second, as polling has. */
    CHECK_EQ(silence.during < 70, 1);
    return checks_done("switches");
}
