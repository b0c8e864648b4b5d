/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * One update with OneNET's own API, step by step as the platform describes it: report the version, check for a task,
 * check the token and download slice by slice, verify, report.
 *
 *   onenet_ota -p product-id -d device -k access-key [-v version] [-o file] [-t 1|2] [-n]
 *
 * Built as it is, the general variant: `device` is the device's id. Built with CONFIG_TM, the things model: `device` is
 * its name. `-t` says what is upgraded: 1 the module's firmware (FOTA), 2 the application (SOTA, the default). `-n`
 * speaks plain HTTP.
 *
 * Exit code: 0 upgraded, 1 the image is not valid, 2 the platform could not be asked, 3 the download failed, 4 wrong
 *            usage, 5 nothing to do.
 */
#define _POSIX_C_SOURCE 200809L /* getopt, sleep */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dev_token.h"
#include "err_def.h"
#include "onenet_ota.h"
#include "ota_api.h"

enum { EXIT_UPGRADED, EXIT_INVALID, EXIT_NO_PLATFORM, EXIT_FETCH_FAILED, EXIT_USAGE, EXIT_NOTHING };

#define SLICE 4096
#define TIMEOUT_MS 5000
#define TRIES 5
#define TOKEN_EXPIRY 2524579200u /* the year 2050: devices need not know the time */

/* ---- MD5 (RFC 1321): the platform names one, and whoever downloads slice by slice has to compare it ---- */

typedef struct {
    uint32_t state[4];
    uint64_t length;
    uint8_t block[64];
} md5_t;

static void md5_block(uint32_t state[4], const uint8_t *p)
{
    static const uint8_t turn[16] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
    static const uint32_t k[64] = {
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
        0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
        0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
        0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
        0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
        0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
        0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], word[16];
    int i;

    for (i = 0; i < 16; i++, p += 4) {
        word[i] = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    }
    for (i = 0; i < 64; i++) {
        int round = i / 16, bits = turn[round * 4 + i % 4];
        uint32_t mixed = round == 0   ? (b & c) | (~b & d)
                         : round == 1 ? (d & b) | (~d & c)
                         : round == 2 ? b ^ c ^ d
                                      : c ^ (b | ~d);
        uint32_t sum = a + mixed + k[i] + word[(round == 0 ? i : round == 1 ? 5 * i + 1 : round == 2 ? 3 * i + 5 : 7 * i) % 16];

        a = d;
        d = c;
        c = b;
        b += sum << bits | sum >> (32 - bits);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

static void md5_begin(md5_t *md5)
{
    static const uint32_t start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

    memcpy(md5->state, start, sizeof(start));
    md5->length = 0;
}

static void md5_add(md5_t *md5, const uint8_t *data, size_t length)
{
    for (; length > 0; data++, length--) {
        md5->block[md5->length++ % 64] = *data;
        if (md5->length % 64 == 0) {
            md5_block(md5->state, md5->block);
        }
    }
}

static void md5_end(md5_t *md5, char hex[33])
{
    uint64_t bits = md5->length * 8;
    uint8_t tail[8], end = 0x80, zero = 0;
    int i;

    for (i = 0; i < 8; i++) {
        tail[i] = (uint8_t)(bits >> 8 * i);
    }
    md5_add(md5, &end, 1);
    while (md5->length % 64 != 56) {
        md5_add(md5, &zero, 1);
    }
    md5_add(md5, tail, 8);
    for (i = 0; i < 16; i++) {
        sprintf(hex + 2 * i, "%02x", (unsigned)(md5->state[i / 4] >> 8 * (i % 4) & 0xff));
    }
}

/* ---- what the platform sends ---- */

static FILE *image;
static md5_t image_md5;
static uint32_t arrived; /* bytes of the slice that came last */

static int32_t on_event(enum ota_state_t state, uint8_t *data, uint32_t data_len)
{
    if (state == OTA_EVT_DOWNLOAD_PACKAGE) {
        /* A real device writes to its flash here, and remembers when that fails. */
        arrived = fwrite(data, 1, data_len, image) == data_len ? data_len : 0;
        md5_add(&image_md5, data, arrived);
    } else if (state == OTA_EVT_CHECK_TASK) {
        printf("platform: %s\n", (const char *)data);
    }
    return 0;
}

/* ---- the flow ---- */

#ifdef CONFIG_TM
#define TASK(info) (info)->tid
#else
#define TASK(info) (info)->token
#endif

/* Returns 0 when all bytes are there. */
static int32_t download(struct ota_task_info_t *info)
{
    uint32_t start = 0;
    int tries = TRIES;
    unsigned interval = 1;
    int32_t ret;

#ifndef CONFIG_TM
    if (info->retry > 0) {
        tries = info->retry;
    }
    if (info->interval > 0) {
        interval = info->interval;
    }
#endif
    while (start < info->size) {
        /* The platform wants the token checked before each slice. */
        ret = ota_check_token(TASK(info), TIMEOUT_MS);
        if (ret == 0) {
            arrived = 0;
            ret = ota_download_package(TASK(info), start, SLICE, TIMEOUT_MS);
            if (ret == 0 && arrived == 0) {
                return ERR_IO;
            }
        }
        if (ret == 0) {
            int before = (int)((uint64_t)start * 10 / info->size), now;

            start += arrived;
            now = (int)((uint64_t)start * 10 / info->size);
            if (now != before && now < 10) {
                printf("%d%%\n", now * 10);
                /* Nothing depends on the platform's hearing of it. */
                ota_report_status(TASK(info), (uint32_t)now * 10, TIMEOUT_MS);
            }
            continue;
        }
        /* The platform's own refusals are final; a broken connection is not. */
        if ((ret > 0 && ret < 500) || --tries <= 0) {
            return ret;
        }
        fprintf(stderr, "slice at %lu: error %ld, trying again\n", (unsigned long)start, (long)ret);
        sleep(interval);
    }
    return 0;
}

static int update(const char *path)
{
    struct ota_task_info_t info;
    char md5[33];
    int32_t ret = ota_post_version(TIMEOUT_MS);

    if (ret != 0) {
        fprintf(stderr, "cannot report the version: error %ld\n", (long)ret);
        return EXIT_NO_PLATFORM;
    }
    ret = ota_check_task(&info, TIMEOUT_MS);
    if (ret == OTA_CHECK_NO_TASK) {
        printf("nothing to do\n");
        return EXIT_NOTHING;
    }
    if (ret != 0) {
        fprintf(stderr, "cannot check for a task: error %ld\n", (long)ret);
        return EXIT_NO_PLATFORM;
    }
    printf("task: version %s, %lu bytes, md5 %s\n", (const char *)info.target, (unsigned long)info.size,
           (const char *)info.md5);

    if (info.type == 2) {
        /* A difference to an older image, which would have to be applied to it. */
        fprintf(stderr, "a differential package is not taken\n");
        ota_report_status(TASK(&info), OTA_DOWNLOAD_UNKNOWN_ERROR, TIMEOUT_MS);
        return EXIT_FETCH_FAILED;
    }
    image = fopen(path, "wb");
    if (image == NULL) {
        perror(path);
        return EXIT_USAGE;
    }
    md5_begin(&image_md5);
    ret = download(&info);
    if (fclose(image) != 0 && ret == 0) {
        ret = ERR_IO;
    }
    if (ret != 0) {
        fprintf(stderr, "download failed: error %ld\n", (long)ret);
        ota_report_status(TASK(&info), ret == ERR_TIMEOUT ? OTA_DOWNLOAD_REQUEST_TIMEOUT : OTA_DOWNLOAD_UNKNOWN_ERROR,
                          TIMEOUT_MS);
        return EXIT_FETCH_FAILED;
    }
    md5_end(&image_md5, md5);
    if (strcmp(md5, (const char *)info.md5) != 0) {
        fprintf(stderr, "md5 is %s: INVALID\n", md5);
        ota_report_status(TASK(&info), OTA_UPGRADE_MD5_ERROR, TIMEOUT_MS);
        return EXIT_INVALID;
    }
    printf("100%%, valid\n");
    ota_report_status(TASK(&info), OTA_DOWNLOAD_SUCCESS, TIMEOUT_MS);

    /* A real device would now restart into the new image and report from there. */
    ret = ota_report_status(TASK(&info), OTA_UPGRADE_SUCCESS, TIMEOUT_MS);
    return ret == 0 ? EXIT_UPGRADED : EXIT_NO_PLATFORM;
}

int main(int argc, char **argv)
{
    const char *product = NULL, *device = NULL, *key = NULL, *version = "1.0.0", *path = "ota.bin";
    int type = 2, option, code;
    int32_t ret;

    while ((option = getopt(argc, argv, "p:d:k:v:o:t:n")) != -1) {
        switch (option) {
            case 'p': product = optarg; break;
            case 'd': device = optarg; break;
            case 'k': key = optarg; break;
            case 'v': version = optarg; break;
            case 'o': path = optarg; break;
            case 't': type = atoi(optarg); break;
            case 'n': onenet_set_number(ONENET_TLS, 0); break;
            default: product = NULL; optind = argc + 1; break;
        }
    }
    if (product == NULL || device == NULL || key == NULL || optind != argc) {
        fprintf(stderr, "usage: %s -p product-id -d device -k access-key [-v version] [-o file] [-t 1|2] [-n]\n", argv[0]);
        return EXIT_USAGE;
    }

#ifdef CONFIG_TM
    ret = ota_init(on_event, (const uint8_t *)product, (const uint8_t *)device, (const uint8_t *)key,
                   (const uint8_t *)version, (uint8_t)type);
#else
    {
        uint8_t token[256];

        ret = dev_token_generate(token, SIG_METHOD_SHA1, TOKEN_EXPIRY, (const uint8_t *)product, NULL,
                                 (const uint8_t *)key);
        if (ret == 0) {
            ret = ota_init(on_event, token, (const uint8_t *)device, (const uint8_t *)version, (const uint8_t *)"000",
                           (const uint8_t *)"00001", (uint8_t)type, false);
        }
    }
#endif
    if (ret != 0) {
        fprintf(stderr, "cannot begin: error %ld\n", (long)ret);
        return EXIT_USAGE;
    }
    code = update(path);
    ota_deinit();
    return code;
}
