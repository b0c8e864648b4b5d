/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A firmware whose own store fails at every single call in turn:
 *
 *   kill_persistence URL VERSION SIZE SHA256
 *
 * For each kind of call and each n, a download whose n-th such call fails must end with OTAKIT_ERR_STORE and a stopped
 * store, or go on where only the journal is lost; the next download in the same process must succeed with the right bytes. Prints a line per kind and
 * `N passed, N failed`; SIZE is limited by the buffer below. The caller compares the digest: a download that succeeds
 * has had it verified by the library, and the bytes of the store are compared with those of the first, undisturbed one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "otakit.h"
#include "ota_wrapper.h"
#include "wrappers_kv.h"

enum { ROOM = 1 << 20, RECORD = 1024 };

enum call { NONE, WRITE, WRITE_HALF, KV_SET, KV_SET_TORN, KV_GET, STOP };

static char image[ROOM], reference[ROOM], record[RECORD];
static uint64_t image_len;
static int record_len, record_there;
static int opened, stops_missing, strays;
static int refused, told; /* a Write has failed; it was said since that the image is not valid */

static enum call armed;
static int countdown; /* calls of the armed kind until the one that fails; 0: none does any more */
static int failed, calls;

static int strike(enum call kind)
{
    if (kind != armed) {
        return 0;
    }
    calls++;
    if (countdown == 0 || --countdown > 0) {
        return 0;
    }
    failed = 1;
    return 1;
}

void HAL_Firmware_Persistence_Start(void)
{
    stops_missing += opened;
    opened = 1;
    refused = told = 0;
    image_len = 0;
}

int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length)
{
    int half;

    strays += !opened || buffer == NULL;
    if (length == 0) {
        told = 1; /* the image is not valid; Stop follows */
        return 0;
    }
    half = strike(WRITE_HALF);
    if (strike(WRITE) || image_len + length > ROOM) {
        refused = 1;
        return -1;
    }
    refused = half;
    memcpy(image + image_len, buffer, half ? length / 2 : length);
    image_len += half ? length / 2 : length;
    return half ? -1 : 0;
}

int HAL_Firmware_Persistence_Stop(void)
{
    strays += !opened || (refused && !told);
    opened = 0;
    return strike(STOP) ? -1 : 0;
}

int HAL_Kv_Set(const char *key, const void *val, int len, int sync)
{
    int torn = strike(KV_SET_TORN);

    (void)key;
    strays += sync != 1;
    if (strike(KV_SET) || len > RECORD) {
        return -1;
    }
    record_len = torn ? len / 2 : len;
    memcpy(record, val, (size_t)record_len);
    record_there = 1;
    return torn ? -1 : 0;
}

int HAL_Kv_Get(const char *key, void *val, int *buffer_len)
{
    (void)key;
    if (strike(KV_GET) || !record_there || *buffer_len < record_len) {
        return -1;
    }
    memcpy(val, record, (size_t)record_len);
    *buffer_len = record_len;
    return 0;
}

int HAL_Kv_Del(const char *key)
{
    int there = record_there;

    (void)key;
    record_there = 0;
    return there ? 0 : -1;
}

/* Goes on where `stored` bytes are there. */
static int go_on(void *user, uint64_t stored)
{
    (void)user;
    if (stored > image_len) {
        return 0;
    }
    stops_missing += opened;
    opened = 1;
    refused = told = 0;
    image_len = stored;
    return 1;
}

static int refuse(void *user, uint64_t stored)
{
    (void)user;
    (void)stored;
    return 0;
}

static int right(const otakit_image_t *offer)
{
    return image_len == offer->size && memcmp(image, reference, (size_t)image_len) == 0;
}

static int download(const otakit_image_t *offer, otakit_resume_t resume)
{
    int ret = otakit_download_persistence(offer, "kill", resume, NULL, NULL);

    stops_missing += opened;
    opened = 0;
    return ret;
}

/* The n-th call of a kind fails, for all n; `fatal` says whether the download must fail then. Returns whether all was
 * as it must be. */
static int all(const char *name, const otakit_image_t *offer, enum call kind, otakit_resume_t resume, int fatal)
{
    int n, fine = 1, first, second;

    for (n = 1;; n++) {
        record_there = 0;
        stops_missing = strays = failed = calls = 0;
        armed = kind;
        countdown = n;
        first = download(offer, resume);
        if (!failed) {
            fine &= first == OTAKIT_OK && right(offer);
            break;
        }
        fine &= fatal ? first == OTAKIT_ERR_STORE : first == OTAKIT_OK && right(offer);
        second = download(offer, resume);
        fine &= second == OTAKIT_OK && right(offer) && stops_missing == 0 && strays == 0;
        if (!fine) {
            printf("%s: call %d fails: %d, then %d; %d stops missing, %d stray calls\n", name, n, first, second,
                   stops_missing, strays);
            break;
        }
    }
    fine &= n > 1;
    printf("%-44s %5d calls, each failed once: %s\n", name, n - 1, fine ? "ok" : "FAILED");
    return fine;
}

int main(int argc, char **argv)
{
    otakit_image_t offer = {0};
    int passed = 0, total = 0;

    if (argc != 5) {
        fprintf(stderr, "usage: kill_persistence URL VERSION SIZE SHA256\n");
        return 2;
    }
    otakit_set_log_level(0);
    offer.url = argv[1];
    offer.version = argv[2];
    offer.size = strtoull(argv[3], NULL, 10);
    offer.sha256 = argv[4];
    if (download(&offer, NULL) != OTAKIT_OK || image_len != offer.size) {
        printf("the undisturbed download failed\n");
        return 1;
    }
    memcpy(reference, image, (size_t)image_len);

#define ALL(name, kind, resume, fatal) (total++, passed += all(name, &offer, kind, resume, fatal))
    ALL("Write", WRITE, NULL, 1);
    ALL("Write, resumed", WRITE, go_on, 1);
    ALL("Write of a half, resumed", WRITE_HALF, go_on, 1);
    ALL("Write, resuming refused", WRITE, refuse, 1);
    ALL("Kv_Set", KV_SET, go_on, 0);
    ALL("Kv_Set of a half", KV_SET_TORN, go_on, 0);
    ALL("Kv_Get", KV_GET, go_on, 0);
    ALL("Stop", STOP, NULL, 1);
    ALL("Stop, resumed", STOP, go_on, 1);
    printf("%d passed, %d failed\n", passed, total - passed);
    return passed == total ? 0 : 1;
}
