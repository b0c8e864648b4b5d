/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keeps one module of a device up to date until one update is done:
 *   haas_ota PRODUCT_KEY DEVICE_NAME DEVICE_SECRET MODULE VERSION FILE */
#include <stdio.h>
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

static int start_download(struct update *update, const struct haas_offer *offer)
{
    printf("offer: {\"module_name\":\"%s\",\"version\":\"%s\",\"length\":%lld,\"url\":\"%s\"}\n", offer->module_name,
           offer->version, (long long)offer->length, offer->url);
    if (strlen(offer->hash_type) >= sizeof(update->hash_type) || strlen(offer->hash) >= sizeof(update->hash)) {
        return -1;
    }
    strcpy(update->hash_type, offer->hash_type);
    strcpy(update->hash, offer->hash);
    update->length = offer->length;
    return haas_ota_download(offer->url, update->argv[6]);
}

static void on_event(void *user, const struct haas_event *event)
{
    struct update *update = user;

    switch (event->kind) {
    case HAAS_ON_CONNECT:
        if (haas_ota_init(update->device) != 0 ||
            haas_ota_report(update->device, update->argv[1], update->argv[2], update->argv[4], update->argv[5]) != 0) {
            update->ended = -1;
        }
        break;
    case HAAS_OTA_TRIGGER:
        if (start_download(update, event->offer) != 0) {
            update->ended = -1;
        }
        break;
    case HAAS_OTA_DOWNLOAD:
        if (event->value < 0 ||
            haas_ota_verify(update->length, update->argv[6], update->hash_type, update->hash) != 0) {
            haas_ota_progress(update->device, update->argv[4], -2, "download failed");
            update->ended = -1;
        }
        break;
    case HAAS_OTA_VERIFY:
        haas_ota_progress(update->device, update->argv[4], event->value < 0 ? -3 : 100, "");
        update->ended = event->value < 0 ? -1 : 1;
        break;
    case HAAS_ON_ERROR:
        fprintf(stderr, "no connection: %s\n", event->reason);
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
