/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A program with the include layout of AliOS Things, over MQTT: it publishes to itself and waits for the message.
 *
 *   alios PK DN DS
 */
#include "linkkit/infra/infra_types.h"
#include "linkkit/infra/infra_defs.h"
#include "linkkit/infra/infra_compat.h"
#include "linkkit/infra/infra_config.h"
#include "linkkit/dev_model_api.h"
#include "linkkit/dev_sign_api.h"
#include "linkkit/mqtt_api.h"
#include "linkkit/wrappers/wrappers.h"

#ifdef INFRA_MEM_STATS
#include "linkkit/infra/infra_mem_stats.h"
#endif

#include <stdio.h>
#include <string.h>

static int arrived;

/* The markers of HAL ports. */
static int measure(_IN_ const char *text, _OU_ int *length, _IN_OPT_ void *unused)
{
    (void)unused;
    *length = (int)strlen(text);
    return *length <= IOTX_FIRMWARE_VERSION_LEN ? 0 : -1;
}

static void on_message(void *context, void *client, iotx_mqtt_event_msg_pt message)
{
    iotx_mqtt_topic_info_t *info = (iotx_mqtt_topic_info_pt)message->msg;

    (void)context;
    (void)client;
    if (message->event_type == IOTX_MQTT_EVENT_PUBLISH_RECEIVED) {
        arrived += info->payload_len == 5 && memcmp(info->payload, "hello", 5) == 0;
    }
}

int main(int argc, char **argv)
{
    iotx_mqtt_param_t params;
    char topic[128];
    void *client;
    uint64_t began;
    int length = 0;

    if (argc != 4 || measure(IOTX_SDK_VERSION, &length, NULL) != 0 || length == 0) {
        return 2;
    }
    HAL_SetProductKey(argv[1]);
    HAL_SetDeviceName(argv[2]);
    HAL_SetDeviceSecret(argv[3]);
    memset(&params, 0, sizeof(params));
    client = IOT_MQTT_Construct(&params);
    if (client == NULL) {
        return 1;
    }
    HAL_Snprintf(topic, sizeof(topic), "/%s/%s/user/get", argv[1], argv[2]);
    if (IOT_MQTT_Subscribe_Sync(client, topic, IOTX_MQTT_QOS1, on_message, NULL, 5000) < 0) {
        return 1;
    }
    if (IOT_MQTT_Publish_Simple(client, topic, IOTX_MQTT_QOS1, (void *)"hello", 5) < 0) {
        return 1;
    }
    began = HAL_UptimeMs();
    while (!arrived && HAL_UptimeMs() - began < 30000) {
        IOT_MQTT_Yield(client, 50);
    }
    IOT_MQTT_Destroy(&client);
    printf("arrived %d\n", arrived);
    return arrived == 1 ? 0 : 1;
}
