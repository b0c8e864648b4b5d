/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A program that cleans up while it ends. Languages with destructors have taken down a thread's own data by then.
 *
 *   at_exit WHEN PK DN DS PATH
 *
 * handler-first   in an atexit handler that was registered before the library was used
 * handler-last    in one that was registered afterwards
 * destructor      in a function that the linker has called at the end
 * key             in the destructor of a thread's own data, by the thread that used the library
 *
 * In the first and the third the library's threads have stopped already, so that none calls a HAL that is taken down: what needs
 * the network says that it failed.
 *
 * Exit code 7 when every check holds.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "dev_sign_api.h"
#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "otakit.h"

static const char *when, *path;
static char **identity;
static void *client, *session;
static pthread_key_t key;

static void clean_up(void)
{
    otakit_image_t image = {"http://127.0.0.1:1/image", NULL, 9, NULL, NULL, NULL};
    int connected = strcmp(when, "handler-last") == 0 || strcmp(when, "key") == 0;
    char zeros[65];

    memset(zeros, '0', 64);
    zeros[64] = '\0';
    image.sha256 = zeros;
    CHECK_EQ(strlen(otakit_strerror(OTAKIT_ERR_STORE)) > 0, 1);
    CHECK_EQ(IOT_OTA_IsFetching(session), 0);
    CHECK_EQ(IOT_OTA_IsFetchFinish(session), 0);
    CHECK_EQ(IOT_OTA_GetLastError(session), 0);
    CHECK_EQ(IOT_OTA_ReportProgress(session, (IOT_OTA_Progress_t)5, "bye") >= 0, connected);
    CHECK_EQ(IOT_OTA_ReportVersion(session, "1.0.1") >= 0, connected);
    /* What is refused is told. */
    CHECK_EQ(IOT_OTA_ReportVersion(session, NULL) < 0, 1);
    CHECK_EQ(IOT_MQTT_CheckStateNormal(client), connected);
    CHECK_EQ(IOT_MQTT_Subscribe(client, NULL, IOTX_MQTT_QOS0, NULL, NULL) < 0, 1);
    CHECK_EQ(IOT_MQTT_Publish_Simple(client, "/a", IOTX_MQTT_QOS1, (void *)"bye", 3) >= 0, connected);
    CHECK_EQ(IOT_MQTT_Yield(client, 50), 0);
    CHECK_EQ(otakit_set_option(0, 1), OTAKIT_OK);
    CHECK_EQ(otakit_set_option(1, 10), OTAKIT_OK);
    CHECK_EQ(otakit_download_file(&image, path, NULL, NULL, NULL), connected ? OTAKIT_ERR_CONNECT : OTAKIT_ERR_CANCELLED);
    CHECK_EQ(otakit_wait_workers(5000), OTAKIT_OK);
    CHECK_EQ(IOT_OTA_Deinit(session), 0);
    CHECK_EQ(IOT_OTA_Deinit(session) < 0, 1);
    CHECK_EQ(IOT_MQTT_Destroy(&client), 0);
    _exit(checks_done("at_exit") == 0 && fflush(stdout) == 0 ? 7 : 1);
}

static void clean_up_key(void *value)
{
    (void)value;
    clean_up();
}

__attribute__((destructor)) static void clean_up_last(void)
{
    if (when != NULL && strcmp(when, "destructor") == 0) {
        clean_up();
    }
}

static void use(void)
{
    iotx_sign_mqtt_t sign;
    iotx_mqtt_param_t param;
    iotx_dev_meta_info_t meta;
    uint16_t port = 0;

    memset(&meta, 0, sizeof(meta));
    memset(&param, 0, sizeof(param));
    strcpy(meta.product_key, identity[0]);
    strcpy(meta.device_name, identity[1]);
    strcpy(meta.device_secret, identity[2]);
    CHECK_EQ(IOT_Sign_MQTT(IOTX_CLOUD_REGION_SHANGHAI, &meta, &sign), 0);
    port = sign.port;
    param.host = sign.hostname;
    param.port = port;
    param.client_id = sign.clientid;
    param.username = sign.username;
    param.password = sign.password;
    param.request_timeout_ms = 2000;
    param.keepalive_interval_ms = 60000;
    client = IOT_MQTT_Construct(&param);
    CHECK_EQ(client != NULL, 1);
    session = IOT_OTA_Init(identity[0], identity[1], client);
    CHECK_EQ(session != NULL, 1);
    CHECK_EQ(IOT_MQTT_Yield(client, 100), 0);
}

static void *use_and_end(void *nothing)
{
    pthread_setspecific(key, &key);
    use();
    return nothing;
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (argc != 6) {
        return 2;
    }
    when = argv[1];
    identity = argv + 2;
    path = argv[5];
    if (strcmp(when, "handler-first") == 0) {
        atexit(clean_up);
    }
    if (strcmp(when, "key") == 0) {
        pthread_key_create(&key, clean_up_key);
        pthread_create(&thread, NULL, use_and_end, NULL);
        pthread_join(thread, NULL);
        return 3;
    }
    use();
    if (strcmp(when, "handler-last") == 0) {
        atexit(clean_up);
    }
    return 3;
}
