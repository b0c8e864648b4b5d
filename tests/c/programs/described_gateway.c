/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A gateway as for Link Kit 2.2 and 2.3: no call that serves it, callbacks in the library's thread, one sub-device that is
 * created, registered, logged in, and posts.
 *
 *   described_gateway PK DN DS SUB_PK SUB_DN SUB_DS
 *
 * Prints what it hears. Ends with 0 when the cloud has called the service "Leave" of the sub-device; with 3 when a check of
 * its own failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iot_import.h"
#include "iot_export.h"
#include "linkkit_gateway_export.h"

#define EXPECT(condition)                                           \
    do {                                                            \
        if (!(condition)) {                                         \
            printf("line %d: not " #condition "\n", __LINE__);      \
            fflush(stdout);                                         \
            exit(3);                                                \
        }                                                           \
    } while (0)

typedef struct {
    const char *name;
    volatile int devid, complete;
} device_t;

static device_t gateway = {"gateway", 0, 0}, sub = {"sub", -1, 0};
static volatile int online, leaving, done_property, done_event;

static void line(const char *what, const char *text)
{
    printf("%s %s\n", what, text);
    fflush(stdout);
}

static int on_event(linkkit_event_t *event, void *ctx)
{
    EXPECT(ctx == &gateway);
    switch (event->event_type) {
        case LINKKIT_EVENT_CLOUD_CONNECTED: online = 1; break;
        case LINKKIT_EVENT_CLOUD_DISCONNECTED: online = 0; break;
        case LINKKIT_EVENT_SUBDEV_PERMITED:
            printf("join %s %d\n", event->event_data.subdev_permited.productKey,
                   event->event_data.subdev_permited.timeoutSec);
            fflush(stdout);
            break;
        case LINKKIT_EVENT_SUBDEV_DELETED:
            line("deleted", event->event_data.subdev_deleted.deviceName);
            EXPECT(event->event_data.subdev_deleted.productKey != NULL);
            break;
        case LINKKIT_EVENT_SUBDEV_SETUP: line("setup", event->event_data.subdev_install.subdevList); break;
        default: EXPECT(!"an event that is known");
    }
    return 0;
}

static int on_complete(void *ctx)
{
    ((device_t *)ctx)->complete = 1;
    return 0;
}

static int on_get(char *in, char *out, int out_len, void *ctx)
{
    line("get", in);
    snprintf(out, (size_t)out_len, "{\"Of\":\"%s\"}", ((device_t *)ctx)->name);
    return 0;
}

static int on_set(char *in, void *ctx)
{
    device_t *device = ctx;

    line("set", in);
    /* Waits for the answer inside a callback. */
    printf("posted back %d\n", linkkit_gateway_post_property_json_sync(device->devid, in, 5000));
    fflush(stdout);
    return strstr(in, "Bad") == NULL ? 0 : -1;
}

static int on_call(char *identifier, char *in, char *out, int out_len, void *ctx)
{
    (void)ctx;
    line("call", identifier);
    if (strcmp(identifier, "Leave") == 0) {
        leaving = 1;
    }
    snprintf(out, (size_t)out_len, "{\"got\":%s}", in);
    return strcmp(identifier, "Fail") == 0 ? -1 : 0;
}

static int on_raw(const void *in, int in_len, void *out, int out_len, void *ctx)
{
    (void)ctx;
    EXPECT(in_len <= out_len);
    memcpy(out, in, (size_t)in_len);
    return in_len;
}

static int on_raw_reply(const void *data, int len, void *ctx)
{
    (void)ctx;
    printf("raw reply %.*s\n", len, (const char *)data);
    fflush(stdout);
    return 0;
}

static void on_property_done(int retval, void *ctx)
{
    EXPECT(ctx == &sub);
    done_property = retval > 0 ? 1 : -1;
}

static void on_event_done(int retval, void *ctx)
{
    EXPECT(ctx == &sub);
    done_event = retval > 0 ? 1 : -1;
}

static void on_firmware(service_fota_callback_type_t type, const char *version)
{
    (void)type;
    line("firmware", version);
}

static int wait_for(volatile int *flag)
{
    int n;

    for (n = 0; n < 6000 && !*flag; n++) {
        HAL_SleepMs(10);
    }
    return *flag;
}

int main(int argc, char **argv)
{
    static linkkit_cbs_t callbacks = {.register_complete = on_complete,
                                      .get_property = on_get,
                                      .set_property = on_set,
                                      .call_service = on_call,
                                      .down_rawdata = on_raw,
                                      .post_rawdata_reply = on_raw_reply};
    linkkit_params_t *params;
    linkkit_devinfo_t info;
    linkkit_extinfo_t tags[2] = {{"colour", "\"red\""}, {"place", "roof"}};
    int size = 10240, wrong = 1;

    if (argc != 7) {
        return 2;
    }
    HAL_SetProductKey(argv[1]);
    HAL_SetDeviceName(argv[2]);
    HAL_SetDeviceSecret(argv[3]);
    IOT_SetLogLevel(IOT_LOG_DEBUG);

    EXPECT(linkkit_gateway_start(&callbacks, &gateway) == -1);
    params = linkkit_gateway_get_default_params();
    EXPECT(params != NULL && params == linkkit_gateway_get_default_params() && params->maxMsgSize == 20480);
    EXPECT(linkkit_gateway_setopt(params, LINKKIT_OPT_MAX_MSG_SIZE, &size, sizeof(int)) == 0);
    EXPECT(linkkit_gateway_setopt(params, LINKKIT_OPT_MAX_MSG_SIZE, &wrong, sizeof(int)) == -1);
    EXPECT(linkkit_gateway_setopt(params, LINKKIT_OPT_MAX_MSG_SIZE, &size, 2) == -1);
    EXPECT(linkkit_gateway_set_event_callback(params, on_event, &gateway) == 0);
    EXPECT(linkkit_gateway_init(params) == 0 && linkkit_gateway_init(params) == -1);
    EXPECT(linkkit_gateway_get_num_devices() == 0);
    EXPECT(linkkit_gateway_start(&callbacks, &gateway) == 0);
    EXPECT(gateway.complete && wait_for(&online) && linkkit_gateway_start(&callbacks, &gateway) == -1);
    EXPECT(linkkit_gateway_fota_init(on_firmware) == 0);

    sub.devid = linkkit_gateway_subdev_create(argv[4], argv[5], &callbacks, &sub);
    EXPECT(sub.devid >= 1 && linkkit_gateway_get_num_devices() == 2);
    EXPECT(linkkit_gateway_get_devinfo(sub.devid, &info) == 0 && info.devtype == 1 && info.login == 0 && info.online == 0);
    EXPECT(linkkit_gateway_subdev_register(argv[4], argv[5], argv[6]) == 0);
    EXPECT(linkkit_gateway_subdev_login(sub.devid) == 0 && sub.complete);
    EXPECT(linkkit_gateway_get_devinfo(sub.devid, &info) == 0 && info.login == 1 && info.online == 1);
    EXPECT(strcmp(info.productKey, argv[4]) == 0 && strcmp(info.deviceName, argv[5]) == 0);
    EXPECT(info.state == LINKKIT_STATE_ENABLED && linkkit_gateway_get_devinfo(99, &info) == -1);

    EXPECT(linkkit_gateway_post_property_json_sync(sub.devid, "{\"Level\":1}", 5000) == 0);
    EXPECT(linkkit_gateway_post_property_json_sync(sub.devid, "{", 5000) == -1);
    EXPECT(linkkit_gateway_post_property_json(sub.devid, "{\"Level\":2}", 5000, on_property_done, &sub) == 0);
    EXPECT(linkkit_gateway_trigger_event_json_sync(sub.devid, "Error", "{\"ErrorCode\":0}", 5000) == 0);
    EXPECT(linkkit_gateway_trigger_event_json(sub.devid, "Error", "{\"ErrorCode\":1}", 5000, on_event_done, &sub) == 0);
    EXPECT(wait_for(&done_property) == 1 && wait_for(&done_event) == 1);
    EXPECT(linkkit_gateway_post_extinfos(sub.devid, tags, 2, 0) == 0);
    EXPECT(linkkit_gateway_delete_extinfos(sub.devid, tags, 1, 0) == 0);
    EXPECT(linkkit_gateway_post_extinfos(sub.devid, tags, 0, 0) == -1);
    EXPECT(linkkit_gateway_post_rawdata(sub.devid, "raw", 3) == 0);
    line("ready", "");

    EXPECT(wait_for(&leaving));
    EXPECT(linkkit_gateway_subdev_logout(sub.devid) == 0);
    EXPECT(linkkit_gateway_subdev_unregister(argv[4], argv[5]) == 0);
    EXPECT(linkkit_gateway_subdev_destroy(sub.devid) == 0 && linkkit_gateway_subdev_destroy(sub.devid) == -1);
    EXPECT(linkkit_gateway_get_num_devices() == 1);
    EXPECT(linkkit_gateway_stop(0) == 0 && linkkit_gateway_stop(0) == -1);
    EXPECT(linkkit_gateway_exit() == 0 && linkkit_gateway_exit() == -1);
    return 0;
}
