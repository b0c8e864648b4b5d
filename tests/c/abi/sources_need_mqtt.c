/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every name that the MQTT example program of Link Kit 3.0.1 takes from its headers, used as such a program uses it.
 * Compiled only. It includes no C library header: strlen and memset come through dev_sign_api.h. Its declaration of
 * HAL_GetDeviceSecret has another array bound than the documented one, which must not disturb.
 */
#include "dev_sign_api.h"
#include "mqtt_api.h"

void *HAL_Malloc(uint32_t size);
void HAL_Free(void *ptr);
void HAL_Printf(const char *fmt, ...);
int HAL_Snprintf(char *str, const int len, const char *fmt, ...);
int HAL_GetProductKey(char product_key[IOTX_PRODUCT_KEY_LEN + 1]);
int HAL_GetDeviceName(char device_name[IOTX_DEVICE_NAME_LEN + 1]);
int HAL_GetDeviceSecret(char device_secret[IOTX_DEVICE_SECRET_LEN]);
uint64_t HAL_UptimeMs(void);

static void on_message(void *context, void *client, iotx_mqtt_event_msg_pt msg)
{
    iotx_mqtt_topic_info_t *topic = (iotx_mqtt_topic_info_pt)msg->msg;

    (void)context;
    (void)client;
    if (msg->event_type == IOTX_MQTT_EVENT_PUBLISH_RECEIVED) {
        HAL_Printf("%.*s", (int)topic->payload_len, topic->payload);
    }
}

/* Stands for main(), which an object without a program need not have. */
int linkkit_mqtt_program(void);

int linkkit_mqtt_program(void)
{
    static const char format[] = "/%s/%s/user/get";
    static char payload[] = "{\"message\":\"hello\"}";
    char key[IOTX_PRODUCT_KEY_LEN + 1] = {0};
    char name[IOTX_DEVICE_NAME_LEN + 1] = {0};
    char secret[IOTX_DEVICE_SECRET_LEN + 1] = {0};
    iotx_dev_meta_info_t meta;
    iotx_sign_mqtt_t sign;
    iotx_mqtt_topic_info_t message;
    iotx_mqtt_param_t params;
    void *client;
    char *topic;
    int size, result;

    HAL_GetProductKey(key);
    HAL_GetDeviceName(name);
    HAL_GetDeviceSecret(secret);
    memset(&meta, 0, sizeof(meta));
    memcpy(meta.product_key, key, strlen(key));
    memcpy(meta.device_name, name, strlen(name));
    memcpy(meta.device_secret, secret, strlen(secret));
    if (IOT_Sign_MQTT(IOTX_CLOUD_REGION_SHANGHAI, &meta, &sign) < 0) {
        return -1;
    }
    memset(&params, 0, sizeof(params));
    params.host = sign.hostname;
    params.port = sign.port;
    params.client_id = sign.clientid;
    params.username = sign.username;
    params.password = sign.password;
    params.handle_event.h_fp = on_message;
    client = IOT_MQTT_Construct(&params);
    size = (int)(strlen(format) + strlen(key) + strlen(name)) + 1;
    topic = HAL_Malloc((uint32_t)size);
    if (client == NULL || topic == NULL) {
        return -1;
    }
    HAL_Snprintf(topic, size, format, key, name);
    result = IOT_MQTT_Subscribe(client, topic, IOTX_MQTT_QOS0, on_message, NULL);
    memset(&message, 0, sizeof(message));
    message.qos = IOTX_MQTT_QOS0;
    message.payload = payload;
    message.payload_len = (uint32_t)strlen(payload);
    if (result >= 0) {
        result = IOT_MQTT_Publish(client, topic, &message);
    }
    if (result >= 0) {
        result = IOT_MQTT_Publish_Simple(client, topic, IOTX_MQTT_QOS0, payload, (int)strlen(payload));
    }
    IOT_MQTT_Yield(client, 200);
    IOT_MQTT_Destroy(&client);
    HAL_Free(topic);
    return result;
}
