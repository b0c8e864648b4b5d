/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Two devices in one process: each with its own identity, connection and update, served in turns. A second session for
 * a device that has one is refused.
 *
 *   two_devices PK1 DN1 DS1 PK2 DN2 DS2
 *
 * Prints `ready` once both have reported 1.0.0, then waits for an offer to each (60 s), downloads both in turns and
 * prints `DN version bytes valid`. Exit code 0 when every check holds.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "dev_sign_api.h"
#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "../text.h"

typedef struct {
    iotx_dev_meta_info_t identity;
    iotx_sign_mqtt_t sign; /* the client refers to these strings as long as it lives */
    void *client;
    void *ota;
    unsigned long bytes;
    int failed;
} device_t;

static void identify(device_t *device, char **words)
{
    memset(device, 0, sizeof(*device));
    text_fill(device->identity.product_key, words[0], IOTX_PRODUCT_KEY_LEN);
    text_fill(device->identity.device_name, words[1], IOTX_DEVICE_NAME_LEN);
    text_fill(device->identity.device_secret, words[2], IOTX_DEVICE_SECRET_LEN);
}

static void start(device_t *device)
{
    iotx_mqtt_param_t params;

    CHECK_EQ(IOT_Sign_MQTT(IOTX_CLOUD_REGION_SHANGHAI, &device->identity, &device->sign), 0);
    memset(&params, 0, sizeof(params));
    params.host = device->sign.hostname;
    params.port = device->sign.port;
    params.client_id = device->sign.clientid;
    params.username = device->sign.username;
    params.password = device->sign.password;
    params.keepalive_interval_ms = 60000;
    params.request_timeout_ms = 2000;
    params.read_buf_size = 2048;
    params.write_buf_size = 2048;
    device->client = IOT_MQTT_Construct(&params);
    CHECK_EQ(device->client != NULL, 1);
    device->ota = IOT_OTA_Init(device->identity.product_key, device->identity.device_name, device->client);
    CHECK_EQ(device->ota != NULL, 1);
    CHECK_EQ(IOT_OTA_Init(device->identity.product_key, device->identity.device_name, device->client) == NULL, 1);
    CHECK_EQ(IOT_OTA_ReportVersion(device->ota, "1.0.0"), 0);
}

/* One turn of a device: a little MQTT, then a little of the download. */
static void serve(device_t *device)
{
    char chunk[4096];
    int n;

    IOT_MQTT_Yield(device->client, 5);
    if (device->failed || !IOT_OTA_IsFetching(device->ota) || IOT_OTA_IsFetchFinish(device->ota)) {
        return;
    }
    n = IOT_OTA_FetchYield(device->ota, chunk, sizeof(chunk), 1);
    if (n < 0) {
        device->failed = 1;
    } else {
        device->bytes += (unsigned long)n;
    }
}

static int done(const device_t *device)
{
    return device->failed || IOT_OTA_IsFetchFinish(device->ota);
}

static void finish(device_t *device)
{
    char version[IOTX_FIRMWARE_VER_LEN + 1] = "";
    uint32_t valid = 0;

    CHECK_EQ(device->failed, 0);
    CHECK_EQ(IOT_OTA_Ioctl(device->ota, IOT_OTAG_VERSION, version, sizeof(version)), 0);
    CHECK_EQ(IOT_OTA_Ioctl(device->ota, IOT_OTAG_CHECK_FIRMWARE, &valid, 4), 0);
    CHECK_EQ(valid, 1);
    printf("%s %s %lu %s\n", device->identity.device_name, version, device->bytes, valid ? "valid" : "INVALID");
}

int main(int argc, char **argv)
{
    device_t one, two;
    time_t started = time(NULL);

    if (argc != 7) {
        fprintf(stderr, "usage: %s PK1 DN1 DS1 PK2 DN2 DS2\n", argv[0]);
        return 2;
    }
    IOT_SetLogLevel(IOT_LOG_ERROR);
    identify(&one, argv + 1);
    identify(&two, argv + 4);
    start(&one);
    start(&two);
    CHECK_EQ(one.client != two.client, 1);
    CHECK_EQ(one.ota != two.ota, 1);
    printf("ready\n");
    fflush(stdout);

    while (checks_failed == 0 && !(done(&one) && done(&two)) && difftime(time(NULL), started) < 60) {
        serve(&one);
        serve(&two);
    }
    finish(&one);
    finish(&two);

    CHECK_EQ(IOT_OTA_Deinit(one.ota), 0);
    /* The other device goes on when one is gone. */
    CHECK_EQ(IOT_OTA_ReportVersion(two.ota, "2.0.0"), 0);
    CHECK_EQ(IOT_OTA_Deinit(two.ota), 0);
    CHECK_EQ(IOT_MQTT_Destroy(&one.client), 0);
    CHECK_EQ(IOT_MQTT_Destroy(&two.client), 0);
    return checks_done("two_devices");
}
