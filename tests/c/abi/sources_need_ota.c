/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every name that the OTA example program of Link Kit 3.0.1 takes from its headers, used as such a program uses it.
 * Compiled only. Includes exactly the headers that such a program includes; it declares the HAL itself.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"

void *HAL_Malloc(uint32_t size);
void HAL_Free(void *ptr);
void HAL_Printf(const char *fmt, ...);
void HAL_SleepMs(uint32_t ms);
int HAL_GetProductKey(char product_key[IOTX_PRODUCT_KEY_LEN + 1]);
int HAL_GetDeviceName(char device_name[IOTX_DEVICE_NAME_LEN + 1]);
int HAL_GetDeviceSecret(char device_secret[IOTX_DEVICE_SECRET_LEN + 1]);
uint64_t HAL_UptimeMs(void);

#define MESSAGE_SIZE 2048

static char key[IOTX_PRODUCT_KEY_LEN + 1];
static char product_secret[IOTX_PRODUCT_SECRET_LEN + 1];
static char name[IOTX_DEVICE_NAME_LEN + 1];
static char secret[IOTX_DEVICE_SECRET_LEN + 1];

static void on_event(void *context, void *client, iotx_mqtt_event_msg_pt msg)
{
    uintptr_t packet_id = (uintptr_t)msg->msg;
    iotx_mqtt_topic_info_pt topic = (iotx_mqtt_topic_info_pt)msg->msg;

    (void)context;
    (void)client;
    switch (msg->event_type) {
    case IOTX_MQTT_EVENT_UNDEF:
    case IOTX_MQTT_EVENT_DISCONNECT:
    case IOTX_MQTT_EVENT_RECONNECT:
        HAL_Printf("connection event %d\r\n", msg->event_type);
        break;
    case IOTX_MQTT_EVENT_SUBCRIBE_SUCCESS:
    case IOTX_MQTT_EVENT_SUBCRIBE_TIMEOUT:
    case IOTX_MQTT_EVENT_SUBCRIBE_NACK:
    case IOTX_MQTT_EVENT_UNSUBCRIBE_SUCCESS:
    case IOTX_MQTT_EVENT_UNSUBCRIBE_TIMEOUT:
    case IOTX_MQTT_EVENT_UNSUBCRIBE_NACK:
    case IOTX_MQTT_EVENT_PUBLISH_SUCCESS:
    case IOTX_MQTT_EVENT_PUBLISH_TIMEOUT:
    case IOTX_MQTT_EVENT_PUBLISH_NACK:
        HAL_Printf("packet %u\r\n", (unsigned int)packet_id);
        break;
    case IOTX_MQTT_EVENT_PUBLISH_RECEIVED:
        HAL_Printf("%.*s: %.*s\r\n", (int)topic->topic_len, topic->ptopic, (int)topic->payload_len, topic->payload);
        break;
    default:
        break;
    }
}

static void *connect_client(void)
{
    iotx_conn_info_pt info = NULL;
    iotx_mqtt_param_t params;

    HAL_GetProductKey(key);
    HAL_GetDeviceName(name);
    HAL_GetDeviceSecret(secret);
    if (IOT_SetupConnInfo(key, name, secret, (void **)&info) != 0) {
        return NULL;
    }
    memset(&params, 0, sizeof(params));
    params.port = info->port;
    params.host = info->host_name;
    params.client_id = info->client_id;
    params.username = info->username;
    params.password = info->password;
    params.pub_key = info->pub_key;
    params.request_timeout_ms = 2000;
    params.clean_session = 0;
    params.keepalive_interval_ms = 60000;
    params.read_buf_size = MESSAGE_SIZE;
    params.write_buf_size = MESSAGE_SIZE;
    params.handle_event.h_fp = on_event;
    params.handle_event.pcontext = NULL;
    return IOT_MQTT_Construct(&params);
}

static uint32_t fetch(void *client, void *ota, FILE *out)
{
    char version[128], md5sum[33];
    uint32_t size_downloaded = 0, size_file = 0, percent = 0, last_percent, valid = 0;
    char *buf = (char *)HAL_Malloc(MESSAGE_SIZE);

    while (buf != NULL && !IOT_OTA_IsFetchFinish(ota)) {
        int len = IOT_OTA_FetchYield(ota, buf, MESSAGE_SIZE, 1);

        if (len < 0) {
            IOT_OTA_ReportProgress(ota, IOT_OTAP_FETCH_FAILED, NULL);
            break;
        }
        if (len > 0 && fwrite(buf, (size_t)len, 1, out) != 1) {
            break;
        }
        IOT_OTA_Ioctl(ota, IOT_OTAG_FETCHED_SIZE, &size_downloaded, 4);
        IOT_OTA_Ioctl(ota, IOT_OTAG_FILE_SIZE, &size_file, 4);
        IOT_OTA_Ioctl(ota, IOT_OTAG_MD5SUM, md5sum, 33);
        IOT_OTA_Ioctl(ota, IOT_OTAG_VERSION, version, 128);
        last_percent = percent;
        percent = size_file == 0 ? 0 : (uint32_t)((uint64_t)size_downloaded * 100 / size_file);
        if (percent != last_percent) {
            IOT_OTA_ReportProgress(ota, (IOT_OTA_Progress_t)percent, "on the way");
        }
        IOT_MQTT_Yield(client, 100);
    }
    IOT_OTA_Ioctl(ota, IOT_OTAG_CHECK_FIRMWARE, &valid, 4);
    HAL_Free(buf);
    return valid;
}

/* Stands for main(), which an object without a program need not have. */
int linkkit_ota_program(FILE *out);

int linkkit_ota_program(FILE *out)
{
    void *client, *ota = NULL;
    uint32_t valid = 0;

    IOT_SetLogLevel(IOT_LOG_DEBUG);
    (void)product_secret;
    client = connect_client();
    if (client != NULL) {
        ota = IOT_OTA_Init(key, name, client);
    }
    if (ota != NULL && IOT_OTA_ReportVersion(ota, "1.0.0") == 0) {
        HAL_SleepMs(1000);
        IOT_MQTT_Yield(client, 200);
        if (IOT_OTA_IsFetching(ota)) {
            valid = fetch(client, ota, out);
        }
    }
    IOT_OTA_Deinit(ota);
    IOT_MQTT_Destroy(&client);
    IOT_DumpMemoryStats(IOT_LOG_DEBUG);
    return valid ? EXIT_SUCCESS : EXIT_FAILURE;
}
