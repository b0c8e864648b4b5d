/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * One resume function serves both otakit_download_persistence and onenet_ota_run, and means the same to them: an answer
 * other than 0 goes on behind the bytes that are there, 0 begins the image again.
 *
 *   onenet_resume TOKEN DEVICE URL SIZE SHA256 MD5
 *
 * URL and the platform's task are of the same image, which is interrupted after its first half each time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onenet_ota.h"
#include "ota_api.h"
#include "otakit.h"

#define EXPECT(condition)                                                                  \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: %s, answer %d\n", __FILE__, __LINE__, #condition, answer); \
            failed = 1;                                                                    \
        }                                                                                  \
    } while (0)

enum { ROOM = 1 << 20, RECORD = 1024 };

static int failed;

/* ---- a store in memory */

static char image[ROOM], record[RECORD];
static uint64_t image_len;
static int record_len, starts, opened;

void HAL_Firmware_Persistence_Start(void);
int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length);
int HAL_Firmware_Persistence_Stop(void);
int HAL_Kv_Set(const char *key, const void *val, int len, int sync);
int HAL_Kv_Get(const char *key, void *val, int *buffer_len);
int HAL_Kv_Del(const char *key);

void HAL_Firmware_Persistence_Start(void)
{
    starts++;
    opened = 1;
    image_len = 0;
}

int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length)
{
    if (buffer == NULL) {
        return 0; /* the image is not valid; Stop follows */
    }
    if (!opened || image_len + length > ROOM) {
        return -1;
    }
    memcpy(image + image_len, buffer, length);
    image_len += length;
    return 0;
}

int HAL_Firmware_Persistence_Stop(void)
{
    opened = 0;
    return 0;
}

int HAL_Kv_Set(const char *key, const void *val, int len, int sync)
{
    (void)key;
    (void)sync;
    if (len > RECORD) {
        return -1;
    }
    memcpy(record, val, (size_t)len);
    record_len = len;
    return 0;
}

int HAL_Kv_Get(const char *key, void *val, int *buffer_len)
{
    (void)key;
    if (record_len == 0 || *buffer_len < record_len) {
        return -1;
    }
    memcpy(val, record, (size_t)record_len);
    *buffer_len = record_len;
    return 0;
}

int HAL_Kv_Del(const char *key)
{
    (void)key;
    record_len = 0;
    return 0;
}

/* ---- what both take */

static int answer, asked;
static uint64_t asked_at, stop_at;

static int32_t resume(void *user, uint64_t stored)
{
    (void)user;
    asked++;
    asked_at = stored;
    if (answer != 0) {
        opened = 1;
        image_len = stored;
    }
    return answer;
}

static int32_t watch(void *user, uint64_t stored, uint64_t total)
{
    (void)user;
    (void)total;
    return stop_at != 0 && stored >= stop_at;
}

static otakit_image_t native;

static int by_native(void)
{
    return otakit_download_persistence(&native, "resume", resume, watch, NULL);
}

static int by_onenet(void)
{
    struct onenet_run_t options;

    memset(&options, 0, sizeof(options));
    options.slice = 4096;
    options.interval_ms = 1;
    options.checkpoint = 4096;
    options.resume = resume;
    options.progress = watch;
    return onenet_ota_run(&options, NULL);
}

/* ---- */

static int32_t ignore(enum ota_state_t state, uint8_t *data, uint32_t data_len)
{
    (void)state;
    (void)data;
    (void)data_len;
    return 0;
}

static void means_the_same(int (*update)(void), int stopped)
{
    static const int answers[] = {1, 0, -1};
    static char whole[ROOM];
    uint64_t half = native.size / 2;
    size_t n;

    record_len = 0;
    stop_at = 0;
    answer = 0;
    EXPECT(update() == 0 && image_len == native.size);
    memcpy(whole, image, (size_t)native.size);
    for (n = 0; n < sizeof(answers) / sizeof(answers[0]); n++) {
        answer = answers[n];
        record_len = asked = starts = 0;
        stop_at = half;
        EXPECT(update() == stopped && asked == 0 && starts == 1 && image_len >= half);
        stop_at = 0;
        EXPECT(update() == 0);
        EXPECT(asked == 1 && asked_at > 0 && asked_at <= native.size);
        EXPECT(starts == (answer == 0 ? 2 : 1));
        EXPECT(image_len == native.size && memcmp(image, whole, (size_t)native.size) == 0);
    }
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: %s TOKEN DEVICE URL SIZE SHA256 MD5\n", argv[0]);
        return 2;
    }
    otakit_set_option(OTAKIT_OPTION_CHECKPOINT_BYTES, 65536);
    native.url = argv[3];
    native.version = "2.0.0";
    native.size = strtoull(argv[4], NULL, 10);
    native.sha256 = argv[5];
    native.md5 = argv[6];
    if (ota_init(ignore, (uint8_t *)argv[1], (uint8_t *)argv[2], (const uint8_t *)"1.0.0", (const uint8_t *)"000",
                 (const uint8_t *)"00001", 2, 0) != 0) {
        return 3;
    }
    means_the_same(by_native, OTAKIT_ERR_CANCELLED);
    means_the_same(by_onenet, -16);
    ota_deinit();
    return failed;
}
