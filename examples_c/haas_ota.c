/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keeps one module of a device up to date until one update is done:
 *   haas_ota PRODUCT_KEY DEVICE_NAME DEVICE_SECRET MODULE VERSION FILE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "haas_ota.h"

struct update {
    char **argv;
    int64_t device;
    int64_t length;
    char hash_type[16];
    char hash[72];
    int ended; /* 1 good, -1 bad */
    int closed;
};

/* The text behind "key": in an offer; digits and URLs need no unescaping here. */
static int field(const char *json, const char *key, char *out, size_t size)
{
    char pattern[40];
    const char *at;
    size_t n = 0;

    snprintf(pattern, sizeof(pattern), "\"%s\":", key);
    at = strstr(json, pattern);
    if (at == NULL) {
        return -1;
    }
    at += strlen(pattern);
    at += *at == '"';
    while (at[n] != '\0' && strchr("\",}", at[n]) == NULL && n + 1 < size) {
        out[n] = at[n];
        n++;
    }
    out[n] = '\0';
    return n > 0 ? 0 : -1;
}

static void on_event(void *user, int64_t device, int64_t kind, int64_t value, const char *text)
{
    struct update *update = user;
    char url[4096], number[24];

    (void)device;
    switch (kind) {
    case HAAS_ON_CONNECT:
        if (haas_ota_init(update->device) != 0 ||
            haas_ota_report(update->device, update->argv[1], update->argv[2], update->argv[4], update->argv[5]) != 0) {
            update->ended = -1;
        }
        break;
    case HAAS_OTA_TRIGGER:
        printf("offer: %s\n", text);
        if (field(text, "url", url, sizeof(url)) != 0 || field(text, "length", number, sizeof(number)) != 0 ||
            field(text, "hash", update->hash, sizeof(update->hash)) != 0 ||
            field(text, "hash_type", update->hash_type, sizeof(update->hash_type)) != 0 ||
            haas_ota_download(url, update->argv[6]) != 0) {
            update->ended = -1;
            break;
        }
        update->length = strtoll(number, NULL, 10);
        break;
    case HAAS_OTA_DOWNLOAD:
        if (value < 0 ||
            haas_ota_verify(update->length, update->argv[6], update->hash_type, update->hash) != 0) {
            haas_ota_progress(update->device, update->argv[4], -2, "download failed");
            update->ended = -1;
        }
        break;
    case HAAS_OTA_VERIFY:
        haas_ota_progress(update->device, update->argv[4], value < 0 ? -3 : 100, "");
        update->ended = value < 0 ? -1 : 1;
        break;
    case HAAS_ON_ERROR:
        fprintf(stderr, "no connection: %s\n", text);
        update->ended = -1;
        update->closed = 1;
        break;
    case HAAS_ON_CLOSE:
        update->closed = 1;
        break;
    default:
        break;
    }
}

int main(int argc, char **argv)
{
    struct update update;

    if (argc != 7) {
        fprintf(stderr, "usage: haas_ota PRODUCT_KEY DEVICE_NAME DEVICE_SECRET MODULE VERSION FILE\n");
        return 2;
    }
    memset(&update, 0, sizeof(update));
    update.argv = argv;
    update.device = haas_device_connect(NULL, argv[1], argv[2], argv[3], 60);
    if (update.device < 0) {
        return 1;
    }
    while (update.ended == 0) {
        haas_dispatch(on_event, &update, 1000);
    }
    haas_device_end(update.device);
    while (!update.closed) { /* the last report is on its way */
        haas_dispatch(on_event, &update, 1000);
    }
    printf(update.ended > 0 ? "verified: %s\n" : "failed: %s\n", argv[6]);
    return update.ended > 0 ? 0 : 1;
}
