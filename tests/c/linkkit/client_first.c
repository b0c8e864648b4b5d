/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A client of the application's own, signed in as one device, constructed before the device model connects as another: the
 * model's update goes over the model's own connection.
 *
 *   client_first PK DN DS MODEL_DN MODEL_DS
 *
 * Prints `ready`, waits for an offer to MODEL_DN, downloads it, and prints how it ended. Ends with 0 when it was right.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "dev_model_api.h"
#include "dev_sign_api.h"
#include "infra_compat.h"
#include "mqtt_api.h"
#include "wrappers.h"

static int offered, own_messages;

static int on_fota(const int type, const char *version)
{
    (void)type;
    printf("firmware %s\n", version);
    offered = 1;
    return 0;
}

static void on_own_event(void *context, void *client, iotx_mqtt_event_msg_pt message)
{
    (void)context;
    (void)client;
    own_messages += message->event_type == IOTX_MQTT_EVENT_PUBLISH_RECEIVED;
}

int main(int argc, char **argv)
{
    iotx_linkkit_dev_meta_info_t model;
    iotx_dev_meta_info_t own;
    iotx_sign_mqtt_t sign;
    iotx_mqtt_param_t params;
    static unsigned char buffer[4096];
    void *client;
    uint64_t began;

    if (argc != 6) {
        return 2;
    }
    IOT_SetLogLevel(IOT_LOG_WARNING);
    memset(&own, 0, sizeof(own));
    snprintf(own.product_key, sizeof(own.product_key), "%s", argv[1]);
    snprintf(own.device_name, sizeof(own.device_name), "%s", argv[2]);
    snprintf(own.device_secret, sizeof(own.device_secret), "%s", argv[3]);
    CHECK_EQ(IOT_Sign_MQTT(IOTX_CLOUD_REGION_SHANGHAI, &own, &sign), 0);
    memset(&params, 0, sizeof(params));
    params.host = sign.hostname;
    params.port = sign.port;
    params.client_id = sign.clientid;
    params.username = sign.username;
    params.password = sign.password;
    params.keepalive_interval_ms = 60000;
    params.request_timeout_ms = 2000;
    params.read_buf_size = 2048;
    params.write_buf_size = 2048;
    params.handle_event.h_fp = on_own_event;
    client = IOT_MQTT_Construct(&params);
    CHECK_EQ(client != NULL, 1);

    memset(&model, 0, sizeof(model));
    snprintf(model.product_key, sizeof(model.product_key), "%s", argv[1]);
    snprintf(model.device_name, sizeof(model.device_name), "%s", argv[4]);
    snprintf(model.device_secret, sizeof(model.device_secret), "%s", argv[5]);
    IOT_RegisterCallback(ITE_FOTA, on_fota);
    CHECK_EQ(IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_MASTER, &model), 0);
    CHECK_EQ(IOT_Linkkit_Connect(0), 0);
    printf("ready\n");
    fflush(stdout);

    began = HAL_UptimeMs();
    while (!offered && HAL_UptimeMs() - began < 60000) {
        IOT_MQTT_Yield(client, 10);
        IOT_Linkkit_Yield(10);
    }
    CHECK_EQ(IOT_Linkkit_Query(0, ITM_MSG_QUERY_FOTA_DATA, buffer, sizeof(buffer)), 0);
    /* The application's own connection goes first: the model's is another. */
    CHECK_EQ(IOT_MQTT_Destroy(&client), 0);
    CHECK_EQ(IOT_Linkkit_Report(0, ITM_MSG_POST_PROPERTY, (unsigned char *)"{\"Last\":1}", 10) > 0, 1);
    IOT_Linkkit_Yield(200);
    CHECK_EQ(IOT_Linkkit_Close(0), 0);
    CHECK_EQ(own_messages, 0);
    return checks_done("client_first");
}
