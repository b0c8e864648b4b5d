/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A firmware whose memory runs out:
 *
 *   config_memory PK DN DS
 *
 * Connects and waits (20 s) for a remote configuration. Its five texts come in memory of HAL_Malloc: for each n the n-th
 * call of HAL_Malloc fails, and with it exactly one text (IOT_OTA_GetLastError: IOT_OTAE_NOMEM); asked again it comes. At the end every
 * block has been freed. Prints `calls N live 0`.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "ota_wrapper.h"

static int countdown; /* calls until the one that fails; 0: none */
static int live, calls;

void *HAL_Malloc(uint32_t size)
{
    void *memory;

    calls++;
    if (countdown > 0 && --countdown == 0) {
        return NULL;
    }
    memory = malloc(size);
    live += memory != NULL;
    return memory;
}

void HAL_Free(void *memory)
{
    live -= memory != NULL;
    free(memory);
}

static int fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    return 1;
}

static const IOT_OTA_CmdType_t texts[] = {IOT_OTAG_COTA_CONFIG_ID, IOT_OTAG_COTA_SIGN, IOT_OTAG_COTA_SIGN_METHOD,
                                          IOT_OTAG_COTA_URL, IOT_OTAG_COTA_GETTYPE};

enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

/* All texts, while the n-th HAL_Malloc fails (0: none). Returns how many failed, all as documented, or -1. */
static int ask(void *ota, int n)
{
    int i, failed = 0;

    countdown = n;
    for (i = 0; i < TEXTS; i++) {
        char *text = NULL;
        int ret = IOT_OTA_Ioctl(ota, texts[i], &text, (int)sizeof(text));

        if (i + 1 == n && ret == IOT_OTAE_GENERAL && IOT_OTA_GetLastError(ota) == IOT_OTAE_NOMEM && text == NULL) {
            failed++;
            ret = IOT_OTA_Ioctl(ota, texts[i], &text, (int)sizeof(text));
        }
        if (ret != 0 || text == NULL || text[0] == '\0') {
            return -1;
        }
        HAL_Free(text);
    }
    return failed;
}

int main(int argc, char **argv)
{
    void *client, *ota;
    int turns, n;

    if (argc != 4) {
        return fail("usage: config_memory PK DN DS");
    }
    IOT_SetLogLevel(IOT_LOG_NONE);
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
    if (ask(ota, 0) != 0) {
        return fail("no configuration came");
    }
    for (n = 1; n <= TEXTS; n++) {
        if (ask(ota, n) != 1) {
            return fail("a text without memory did not end as documented");
        }
    }
    if (IOT_OTA_Deinit(ota) != 0 || IOT_MQTT_Destroy(&client) != 0) {
        return fail("cannot stop");
    }
    printf("calls %d live %d\n", calls, live);
    return live != 0;
}
