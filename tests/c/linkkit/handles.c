/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Handles that are NULL, made up, or long released, given to every function: the documented code comes back, nothing
 * crashes, and nothing is written. Needs no network: no OTA session is opened for these. Not covered here: handles of
 * live sessions (the end-to-end tests).
 */
#define _POSIX_C_SOURCE 200809L

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "otakit.h"

/* Memory of ours that is no handle, as a confused program might pass it. */
static char not_a_handle[64];

static long ms_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A loop around a wait without a handle must not burn a processor. */
static void waits_all_the_same(void)
{
    char buffer[32];
    long begun = ms_now();

    CHECK_EQ(IOT_MQTT_Yield(NULL, 60), -2);
    CHECK_EQ(IOT_MQTT_Yield(not_a_handle, 60), -2);
    CHECK_EQ(ms_now() - begun >= 120, 1);
    begun = ms_now();
    CHECK_EQ(IOT_MQTT_Yield(NULL, 0), -2);
    CHECK_EQ(IOT_OTA_FetchYield(NULL, buffer, sizeof(buffer), 0), IOT_OTAE_INVALID_PARAM);
    CHECK_EQ(ms_now() - begun >= 20, 1);
    begun = ms_now();
    CHECK_EQ(IOT_OTA_FetchYield(NULL, buffer, sizeof(buffer), 1), IOT_OTAE_INVALID_PARAM);
    CHECK_EQ(ms_now() - begun >= 1000, 1);
}

static void ota_rejects(void *ota)
{
    char buffer[32];
    uint32_t word = 0x5A5A5A5A;
    uint64_t fetched = 1, total = 2;
    int code = IOT_OTAE_INVALID_PARAM;

    memset(buffer, 'x', sizeof(buffer));
    CHECK_EQ(IOT_OTA_ReportVersion(ota, "1.0"), code);
    CHECK_EQ(IOT_OTA_ReportProgress(ota, (IOT_OTA_Progress_t)50, "half"), code);
    CHECK_EQ(IOT_OTA_FetchYield(ota, buffer, sizeof(buffer), 1), code);
    CHECK_EQ(IOT_OTA_IsFetching(ota), 0);
    CHECK_EQ(IOT_OTA_IsFetchFinish(ota), 0);
    CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_FILE_SIZE, &word, 4), code);
    CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_VERSION, buffer, sizeof(buffer)), code);
    CHECK_EQ(IOT_OTA_GetLastError(ota), code);
    CHECK_EQ(otakit_linkkit_ota_size(ota, &fetched, &total) < 0, 1);
    CHECK_EQ(IOT_OTA_Deinit(ota), code);
    CHECK_EQ(word, 0x5A5A5A5A);
    CHECK_EQ(buffer[0], 'x');
    CHECK_EQ(buffer[31], 'x');
}

static void on_message(void *context, void *client, iotx_mqtt_event_msg_pt message)
{
    (void)context;
    (void)client;
    (void)message;
}

/* No client exists in this program, so NULL ("the client of this process") is wrong as well. */
static void mqtt_rejects(void *client)
{
    iotx_mqtt_topic_info_t info;
    iotx_mqtt_nwk_param_t param;
    char payload[] = "x";
    void *pointer = client;

    memset(&info, 0, sizeof(info));
    memset(&param, 0, sizeof(param));
    info.payload = payload;
    info.payload_len = 1;
    CHECK_EQ(IOT_MQTT_Yield(client, 10), NULL_VALUE_ERROR);
    CHECK_EQ(IOT_MQTT_CheckStateNormal(client), NULL_VALUE_ERROR);
    CHECK_EQ(IOT_MQTT_Unsubscribe(client, "/a/b"), NULL_VALUE_ERROR);
    CHECK_EQ(IOT_MQTT_Publish(client, "/a/b", &info), NULL_VALUE_ERROR);
    CHECK_EQ(IOT_MQTT_Publish_Simple(client, "/a/b", IOTX_MQTT_QOS0, payload, 1), NULL_VALUE_ERROR);
    CHECK_EQ(IOT_MQTT_Nwk_Event_Handler(client, IOTX_MQTT_SOC_READ, &param) < 0, 1);
    CHECK_EQ(IOT_MQTT_Destroy(&pointer), NULL_VALUE_ERROR);
}

static void arguments(void)
{
    void *info = NULL;

    CHECK_EQ(IOT_SetupConnInfo(NULL, "dn", "ds", &info), NULL_VALUE_ERROR);
    CHECK_EQ(IOT_SetupConnInfo("pk", NULL, "ds", &info), NULL_VALUE_ERROR);
    CHECK_EQ(IOT_SetupConnInfo("pk", "dn", NULL, &info), NULL_VALUE_ERROR);
    CHECK_EQ(IOT_SetupConnInfo("123456789012345678901", "dn", "ds", &info), NULL_VALUE_ERROR);
    CHECK_EQ(IOT_SetupConnInfo("pk", "dn", "ds", NULL), 0);
    CHECK_EQ(IOT_SetupConnInfo("pk", "dn", "ds", &info), 0);
    CHECK_EQ(info != NULL, 1);
    CHECK_EQ(IOT_OTA_Init(NULL, "dn", NULL) == NULL, 1);
    CHECK_EQ(IOT_OTA_Init("pk", NULL, NULL) == NULL, 1);
    CHECK_EQ(IOT_MQTT_Destroy(NULL), NULL_VALUE_ERROR);
}

int main(void)
{
    static void *const made_up[] = {not_a_handle, (void *)(uintptr_t)1, (void *)(uintptr_t)0xDEADBEEF,
                                    (void *)(uintptr_t)UINTPTR_MAX};
    size_t i;

    IOT_SetLogLevel(IOT_LOG_NONE);
    arguments();
    waits_all_the_same();
    ota_rejects(NULL);
    mqtt_rejects(NULL);
    for (i = 0; i < sizeof(made_up) / sizeof(made_up[0]); i++) {
        ota_rejects(made_up[i]);
        mqtt_rejects(made_up[i]);
    }
    /* Subscribing without a client is legal (it is kept for later), but not with a made-up one. */
    CHECK_EQ(IOT_MQTT_Subscribe(not_a_handle, "/a/b", IOTX_MQTT_QOS0, on_message, NULL), NULL_VALUE_ERROR);
    CHECK_EQ(IOT_MQTT_Subscribe_Sync(not_a_handle, "/a/b", IOTX_MQTT_QOS0, on_message, NULL, 500), NULL_VALUE_ERROR);
    return checks_done("handles");
}
