/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "host_mqtt.h"

#include <stdio.h>
#include <string.h>

#include "mqtt_api.h"

typedef struct {
    char filter[160];
    int qos;
    iotx_mqtt_event_handle_func_fpt callback;
    void *context;
} subscription_t;

host_publish_t host_published[HOST_MAX];
int host_publish_count;

static subscription_t subscriptions[HOST_MAX];
static int subscription_count;
static struct {
    char topic[160];
    char payload[1024];
} queued;

int host_subscriptions(void)
{
    return subscription_count;
}

const char *host_filter(int index)
{
    return index < subscription_count ? subscriptions[index].filter : NULL;
}

int host_filter_qos(int index)
{
    return index < subscription_count ? subscriptions[index].qos : -1;
}

void host_queue(const char *topic, const char *payload)
{
    snprintf(queued.topic, sizeof(queued.topic), "%s", topic);
    snprintf(queued.payload, sizeof(queued.payload), "%s", payload);
}

int IOT_MQTT_Subscribe(void *handle, const char *filter, iotx_mqtt_qos_t qos, iotx_mqtt_event_handle_func_fpt callback,
                       void *context)
{
    subscription_t *new_one = &subscriptions[subscription_count];

    (void)handle;
    if (filter == NULL || callback == NULL || subscription_count == HOST_MAX) {
        return -1;
    }
    snprintf(new_one->filter, sizeof(new_one->filter), "%s", filter);
    new_one->qos = (int)qos;
    new_one->callback = callback;
    new_one->context = context;
    return ++subscription_count;
}

int IOT_MQTT_Unsubscribe(void *handle, const char *filter)
{
    int i;

    (void)handle;
    for (i = 0; i < subscription_count; i++) {
        if (strcmp(subscriptions[i].filter, filter) == 0) {
            memmove(&subscriptions[i], &subscriptions[i + 1], (size_t)(HOST_MAX - i - 1) * sizeof(subscription_t));
            subscription_count--;
            return 1;
        }
    }
    return -1;
}

int IOT_MQTT_Publish_Simple(void *handle, const char *topic, int qos, void *data, int length)
{
    host_publish_t *new_one = &host_published[host_publish_count];

    (void)handle;
    if (host_publish_count == HOST_MAX || length < 0 || (size_t)length >= sizeof(new_one->payload)) {
        return -1;
    }
    snprintf(new_one->topic, sizeof(new_one->topic), "%s", topic);
    memcpy(new_one->payload, data, (size_t)length);
    new_one->payload[length] = '\0';
    new_one->qos = qos;
    host_publish_count++;
    return qos == 0 ? 0 : host_publish_count;
}

int IOT_MQTT_Publish(void *handle, const char *topic, iotx_mqtt_topic_info_pt info)
{
    return IOT_MQTT_Publish_Simple(handle, topic, info->qos, (void *)(uintptr_t)info->payload, (int)info->payload_len);
}

int IOT_MQTT_Yield(void *handle, int timeout_ms)
{
    iotx_mqtt_topic_info_t info;
    iotx_mqtt_event_msg_t message;
    char topic[160];
    int i;

    (void)timeout_ms;
    if (queued.topic[0] == '\0') {
        return 0;
    }
    strcpy(topic, queued.topic);
    queued.topic[0] = '\0';
    memset(&info, 0, sizeof(info));
    info.qos = 1;
    info.ptopic = topic;
    info.topic_len = (uint16_t)strlen(topic);
    info.payload = queued.payload;
    info.payload_len = (uint32_t)strlen(queued.payload);
    message.event_type = IOTX_MQTT_EVENT_PUBLISH_RECEIVED;
    message.msg = &info;
    for (i = 0; i < subscription_count; i++) {
        if (strcmp(subscriptions[i].filter, topic) == 0) {
            subscriptions[i].callback(subscriptions[i].context, handle, &message);
        }
    }
    return 0;
}
