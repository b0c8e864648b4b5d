/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A program written against the V3.10 headers: one update with the basic API, then one with the device model.
 *
 *   generation_v310 PK DN DS
 *
 * Prints `basic ready` and `model ready` when an offer may be made. Exit code 0 when every check holds.
 */
#define _POSIX_C_SOURCE 200809L

#include "infra_compat.h"
#include "dev_sign_api.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "dev_model_api.h"
#include "wrappers.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../linkkit/check.h"
#include "../text.h"

static unsigned long stored;
static int model_over, model_result = -1;

void HAL_Firmware_Persistence_Start(void)
{
    stored = 0;
}

int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length)
{
    (void)buffer;
    stored += length;
    return 0;
}

int HAL_Firmware_Persistence_Stop(void)
{
    return 0;
}

int HAL_GetFirmwareVersion(char *version)
{
    strcpy(version, "1.0.0");
    return 5;
}

static void on_event(void *context, void *client, iotx_mqtt_event_msg_pt message)
{
    (void)context;
    (void)client;
    (void)message;
}

static int pushed;
static void *pushed_handle;

static int on_pushed(void *handle)
{
    pushed++;
    pushed_handle = handle;
    return 0;
}

static int on_state(const int code, const char *message)
{
    (void)code;
    (void)message;
    return 0;
}

static int on_cloud_error(const int code, const char *data, const char *detail)
{
    (void)code;
    (void)data;
    (void)detail;
    return 0;
}

/* What the sign-in holds, in this generation's layout. */
static void sign(const char *pk, const char *dn, const char *ds)
{
    iotx_dev_meta_info_t meta;
    struct {
        iotx_sign_mqtt_t sign;
        char guard[8];
    } out;

    memset(&meta, 0, sizeof(meta));
    memset(&out, 0x5A, sizeof(out));
    text_fill(meta.product_key, pk, sizeof(meta.product_key) - 1);
    text_fill(meta.device_name, dn, sizeof(meta.device_name) - 1);
    text_fill(meta.device_secret, ds, sizeof(meta.device_secret) - 1);
    CHECK_EQ(IOT_Sign_MQTT(IOTX_CLOUD_REGION_SHANGHAI, &meta, &out.sign), 0);
    CHECK_EQ(strlen(out.sign.password), 64);
    CHECK_EQ(strncmp(out.sign.hostname, pk, strlen(pk)), 0);
    CHECK_EQ(strncmp(out.sign.username, dn, strlen(dn)), 0);
    CHECK_EQ(memcmp(out.guard, "ZZZZZZZZ", sizeof(out.guard)), 0);
}

static void basic(const char *pk, const char *dn, const char *ds)
{
    iotx_conn_info_pt conn = NULL;
    iotx_mqtt_param_t params;
    char chunk[4096], version[33] = "";
    uint32_t total = 0, valid = 0;
    unsigned long bytes = 0;
    void *client, *ota;
    time_t started = time(NULL);

    CHECK_EQ(IOT_SetupConnInfo(pk, dn, ds, (void **)&conn), 0);
    memset(&params, 0, sizeof(params));
    params.port = conn->port;
    params.host = conn->host_name;
    params.client_id = conn->client_id;
    params.username = conn->username;
    params.password = conn->password;
    params.pub_key = conn->pub_key;
    params.request_timeout_ms = 2000;
    params.keepalive_interval_ms = 60000;
    params.read_buf_size = 4096;
    params.write_buf_size = 4096;
    params.handle_event.h_fp = on_event;
    client = IOT_MQTT_Construct(&params);
    CHECK_EQ(client != NULL, 1);
    ota = IOT_OTA_Init(pk, dn, client);
    CHECK_EQ(ota != NULL, 1);
    CHECK_EQ(IOT_OTA_SetOnPushedCallback(ota, on_pushed), 0);
    CHECK_EQ(IOT_OTA_SetOnPushedCallback(ota, NULL), -1);
    printf("basic ready\n");
    fflush(stdout);
    while (!IOT_OTA_IsFetching(ota) && difftime(time(NULL), started) < 60) {
        IOT_MQTT_Yield(client, 100);
    }
    CHECK_EQ(pushed, 1);
    CHECK_EQ(pushed_handle == ota, 1);
    while (!IOT_OTA_IsFetchFinish(ota) && difftime(time(NULL), started) < 60) {
        int n = IOT_OTA_FetchYield(ota, chunk, sizeof(chunk), 1);

        if (n < 0) {
            break;
        }
        bytes += (unsigned long)n;
    }
    CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_FILE_SIZE, &total, 4), 0);
    CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_VERSION, version, sizeof(version)), 0);
    CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_CHECK_FIRMWARE, &valid, 4), 0);
    CHECK_EQ(bytes, total);
    CHECK_EQ(valid, 1);
    CHECK_EQ(strcmp(version, "2.0.0"), 0);
    CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_RESET_STATE, NULL, 0), 0);
    CHECK_EQ(IOT_OTA_IsFetching(ota), 0);
    CHECK_EQ(IOT_OTA_IsFetchFinish(ota), 0);
    CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_FILE_SIZE, &total, 4), IOT_OTAE_INVALID_STATE);
    CHECK_EQ(IOT_OTA_Deinit(ota), 0);
    CHECK_EQ(IOT_MQTT_Destroy(&client), 0);
}

static int on_fota(const int type, const char *version)
{
    unsigned char buffer[1024];

    (void)version;
    model_result = IOT_Linkkit_Query(0, ITM_MSG_QUERY_FOTA_DATA, buffer, sizeof(buffer));
    model_over = type == 0;
    return 0;
}

static int on_timestamp(const char *utc)
{
    (void)utc;
    return 0;
}

static int on_service(const int devid, const char *id, const int id_len, const char *request, const int request_len,
                      char **response, int *response_len)
{
    (void)devid;
    (void)id;
    (void)id_len;
    (void)request;
    (void)request_len;
    (void)response;
    (void)response_len;
    return 0;
}

static void model(const char *pk, const char *dn, const char *ds)
{
    iotx_linkkit_dev_meta_info_t meta;
    time_t started = time(NULL);

    memset(&meta, 0, sizeof(meta));
    text_fill(meta.product_key, pk, sizeof(meta.product_key) - 1);
    text_fill(meta.device_name, dn, sizeof(meta.device_name) - 1);
    text_fill(meta.device_secret, ds, sizeof(meta.device_secret) - 1);
    IOT_RegisterCallback(ITE_FOTA, on_fota);
    IOT_RegisterCallback(ITE_TIMESTAMP_REPLY, on_timestamp);
    IOT_RegisterCallback(ITE_SERVICE_REQUEST, on_service);
    CHECK_EQ(IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_MASTER, &meta), 0);
    CHECK_EQ(IOT_Linkkit_Connect(0), 0);
    CHECK_EQ(IOT_Linkkit_Query(0, ITM_MSG_QUERY_TIMESTAMP, NULL, 0), 0);
    CHECK_EQ(IOT_Linkkit_Report(0, ITM_MSG_POST_PROPERTY, (unsigned char *)"{\"a\":1}", 7) > 0, 1);
    CHECK_EQ(IOT_Linkkit_Report(0, IOTX_LINKKIT_MSG_MAX, (unsigned char *)"{}", 2), -1);
    CHECK_EQ(IOT_Linkkit_Report(0, ITM_MSG_POST_HISTORY_DATA, (unsigned char *)"[]", 2) > 0, 1);
    CHECK_EQ(IOT_Linkkit_Yield(0), -1);
    CHECK_EQ(IOT_Linkkit_Yield(10), 0);
    CHECK_EQ(iotx_event_callback(ITE_FOTA) != NULL, 1);
    CHECK_EQ(iotx_event_callback(ITE_COTA) == NULL, 1);
    printf("model ready\n");
    fflush(stdout);
    while (!model_over && difftime(time(NULL), started) < 60) {
        IOT_Linkkit_Yield(50);
    }
    CHECK_EQ(model_result, 0);
    CHECK_EQ(stored > 0, 1);
    IOT_Linkkit_Yield(100);
    CHECK_EQ(IOT_Linkkit_Close(0), 0);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    IOT_SetLogLevel(IOT_LOG_ERROR);
    char name[IOTX_DEVICE_NAME_LEN + 1] = "";
    int timeout = 1000;

    IOT_RegisterCallback(ITE_STATE_EVERYTHING, on_state);
    IOT_RegisterCallback(ITE_CLOUD_ERROR, on_cloud_error);
    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_SET_PRODUCT_KEY, argv[1]), 0);
    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_SET_DEVICE_NAME, argv[2]), 0);
    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_SET_DEVICE_SECRET, argv[3]), 0);
    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_GET_DEVICE_NAME, name), 0);
    CHECK_EQ(strcmp(name, argv[2]), 0);
    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_FOTA_TIMEOUT_MS, &timeout), 0);
    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_SUB_USER_TOPIC, &timeout), -1);
    sign(argv[1], argv[2], argv[3]);
    basic(argv[1], argv[2], argv[3]);
    model(argv[1], argv[2], argv[3]);
    return checks_done("generation_v310");
}
