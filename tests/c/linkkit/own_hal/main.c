/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Built twice: with the firmware's HAL library behind the OTA library, and without.
 *
 *   own_hal|default_hal PK DN DS
 *
 * Connects, starts OTA, reports a version, waits (20 s) for a remote configuration and prints its URL, which the library
 * hands out in memory of HAL_Malloc.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "ota_wrapper.h"

static int fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    return 1;
}

int main(int argc, char **argv)
{
    void *client;
    void *ota;
    char *url = NULL;
    int turns;

    if (argc != 4) {
        return fail("usage: own_hal PK DN DS");
    }
    IOT_SetLogLevel(IOT_LOG_WARNING);
    if (HAL_SetProductKey(argv[1]) < 0 || HAL_SetDeviceName(argv[2]) < 0 || HAL_SetDeviceSecret(argv[3]) < 0) {
        return fail("identity refused");
    }
    client = IOT_MQTT_Construct(NULL);
    if (client == NULL) {
        return fail("cannot connect");
    }
    ota = IOT_OTA_Init(argv[1], argv[2], client);
    if (ota == NULL || IOT_OTA_ReportVersion(ota, "1.0.0") != 0) {
        return fail("cannot start");
    }
    for (turns = 0; turns < 200 && !IOT_OTA_IsFetching(ota); turns++) {
        IOT_MQTT_Yield(client, 100);
    }
    if (IOT_OTA_Ioctl(ota, IOT_OTAG_COTA_URL, &url, sizeof(url)) != 0 || url == NULL) {
        return fail("no configuration came");
    }
    printf("config %s\n", url);
    HAL_Free(url);
    if (IOT_OTA_Deinit(ota) != 0 || IOT_MQTT_Destroy(&client) != 0) {
        return fail("cannot stop");
    }
    return 0;
}
