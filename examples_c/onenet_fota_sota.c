/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A device whose module firmware (FOTA) and application (SOTA) are both upgraded over OneNET, on one channel: the type
 * given to ota_init tells the platform which of the two is asked for. Each update is one call, onenet_ota_run, which
 * resumes after a restart, verifies, and honours the task's conditions.
 *
 *   onenet_fota_sota -p product-id -d device -k access-key [-f firmware-version] [-a application-version]
 *                    [-o folder] [-b battery] [-s signal] [-w seconds] [-c] [-n]
 *
 * Built as it is, the general variant: `device` is the device's id. Built with CONFIG_TM, the things model: `device` is
 * its name. The images go to `folder`/fota.bin and `folder`/sota.bin; `-b` and `-s` are what the device measures. `-n`
 * speaks plain HTTP. In the things model, `-w` waits so long for the platform's notice over MQTT before asking, and `-c`
 * speaks to the current platform instead of the SDK's.
 *
 * Exit code: 0 something was upgraded and nothing failed, 1 an update failed, 4 wrong usage, 5 nothing to do.
 */
#define _POSIX_C_SOURCE 200809L /* getopt */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dev_token.h"
#include "onenet_ota.h"
#include "ota_api.h"

enum { EXIT_UPGRADED, EXIT_FAILED, EXIT_USAGE = 4, EXIT_NOTHING };

typedef struct {
    const char *product, *device, *key, *folder;
    const char *version[2]; /* of the firmware, of the application */
    int battery, signal, wait_s;
} device_t;

typedef struct {
    const device_t *device;
    const char *what;
    int percent;
} update_t;

static int32_t on_event(enum ota_state_t state, uint8_t *data, uint32_t data_len)
{
    /* onenet_ota_run makes use of the answers itself. */
    (void)state;
    (void)data;
    (void)data_len;
    return 0;
}

/* A real device measures. */
static int32_t battery(void *user)
{
    return ((const update_t *)user)->device->battery;
}

static int32_t signal_strength(void *user)
{
    return ((const update_t *)user)->device->signal;
}

static int32_t progress(void *user, uint64_t stored, uint64_t total)
{
    update_t *update = user;
    int percent = total == 0 ? 0 : (int)(stored * 100 / total);

    if (percent / 10 != update->percent / 10) {
        printf("%s: %d%%\n", update->what, percent);
        fflush(stdout);
    }
    update->percent = percent;
    return 0; /* go on */
}

/* The image is complete and verified. A module's firmware would be handed to the module, an application to the
 * bootloader; either tells the platform of the new version after its restart, or of its failure here. */
static int32_t apply(void *user, const char *version)
{
    printf("%s: version %s is installed\n", ((const update_t *)user)->what, version);
    return OTA_UPGRADE_SUCCESS;
}

static int32_t begin(const device_t *device, int type)
{
    const uint8_t *product = (const uint8_t *)device->product, *name = (const uint8_t *)device->device;
    const uint8_t *key = (const uint8_t *)device->key, *version = (const uint8_t *)device->version[type - 1];
#ifdef CONFIG_TM
    return ota_init(on_event, product, name, key, version, (uint8_t)type);
#else
    uint8_t token[256];
    int32_t ret = dev_token_generate(token, SIG_METHOD_SHA1, 2524579200u, product, NULL, key);

    return ret != 0 ? ret
                    : ota_init(on_event, token, name, version, (const uint8_t *)"000", (const uint8_t *)"00001",
                               (uint8_t)type, false);
#endif
}

/* One of the two updates. Returns what onenet_ota_run does. */
static int32_t upgrade(const device_t *device, int type, int wait)
{
    char path[512];
    struct onenet_run_t run;
    struct onenet_result_t result;
    update_t update;
    int32_t ret;

    update.device = device;
    update.what = type == 1 ? "fota" : "sota";
    update.percent = -1;
    snprintf(path, sizeof(path), "%s/%s.bin", device->folder, update.what);

    ret = begin(device, type);
    if (ret != 0) {
        return ret;
    }
    if (wait && onenet_inform_start() == 0) {
        printf("waiting for a notice\n");
        fflush(stdout);
        /* Notices get lost: whether one came or not, the platform is asked. */
        printf("notice: %ld\n", (long)onenet_inform_wait((uint32_t)device->wait_s * 1000));
        onenet_inform_stop();
    }

    memset(&run, 0, sizeof(run));
    run.path = path;
    run.power = battery;
    run.signal = signal_strength;
    run.progress = progress;
    run.apply = apply;
    run.user = &update;
    ret = onenet_ota_run(&run, &result);
    if (ret == 0) {
        printf("%s: %s -> %s, %llu bytes, valid", update.what, device->version[type - 1], result.version,
               (unsigned long long)result.size);
        printf(result.resumed_at > 0 ? ", resumed at %llu\n" : "\n", (unsigned long long)result.resumed_at);
    } else if (ret == OTA_CHECK_NO_TASK) {
        printf("%s: nothing to do\n", update.what);
    } else {
        fprintf(stderr, "%s: error %ld, reported %lu\n", update.what, (long)ret, (unsigned long)result.status_code);
    }
    ota_deinit();
    return ret;
}

int main(int argc, char **argv)
{
    device_t device = {NULL, NULL, NULL, ".", {"1.0.0", "1.0.0"}, 100, 31, 0};
    int type, option, upgraded = 0, failed = 0;

    while ((option = getopt(argc, argv, "p:d:k:f:a:o:b:s:w:cn")) != -1) {
        switch (option) {
            case 'p': device.product = optarg; break;
            case 'd': device.device = optarg; break;
            case 'k': device.key = optarg; break;
            case 'f': device.version[0] = optarg; break;
            case 'a': device.version[1] = optarg; break;
            case 'o': device.folder = optarg; break;
            case 'b': device.battery = atoi(optarg); break;
            case 's': device.signal = atoi(optarg); break;
            case 'w': device.wait_s = atoi(optarg); break;
            case 'c': onenet_set_number(ONENET_PLATFORM, 1); break;
            case 'n': onenet_set_number(ONENET_TLS, 0); break;
            default: optind = argc + 1; break;
        }
    }
    if (device.product == NULL || device.device == NULL || device.key == NULL || optind != argc) {
        fprintf(stderr, "usage: %s -p product-id -d device -k access-key [-f firmware-version]\n"
                        "       [-a application-version] [-o folder] [-b battery] [-s signal] [-w seconds] [-c] [-n]\n",
                argv[0]);
        return EXIT_USAGE;
    }
    for (type = 1; type <= 2; type++) {
        int32_t ret = upgrade(&device, type, type == 1 && device.wait_s > 0);

        upgraded += ret == 0;
        failed += ret != 0 && ret != OTA_CHECK_NO_TASK;
    }
    return failed > 0 ? EXIT_FAILED : upgraded > 0 ? EXIT_UPGRADED : EXIT_NOTHING;
}
