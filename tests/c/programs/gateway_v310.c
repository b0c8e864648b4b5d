/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A gateway as for V3.10: identity by IOT_Ioctl, a thread that yields, one sub-device that joins, goes on line, posts and leaves.
 *
 *   gateway_v310 PK DN DS SUB_PK SUB_DN
 */
#include "infra_config.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "infra_types.h"
#include "infra_defs.h"
#include "infra_compat.h"
#include "infra_log.h"
#include "dev_model_api.h"
#include "wrappers.h"

#include "../text.h"

static volatile int running = 1, reply_id, answered, on_line;

static int on_connected(void)
{
    log_info("gateway", "connected");
    return 0;
}

static int on_disconnected(void)
{
    return 0;
}

static int on_property_set(const int devid, const char *request, const int request_len)
{
    (void)devid;
    (void)request;
    (void)request_len;
    return 0;
}

static int on_report_reply(const int devid, const int msgid, const int code, const char *reply, const int reply_len)
{
    (void)reply;
    (void)reply_len;
    if (devid > 0) {
        answered = code;
        reply_id = msgid;
    }
    return 0;
}

static int on_timestamp(const char *timestamp)
{
    (void)timestamp;
    return 0;
}

static int on_initialized(const int devid)
{
    if (devid > 0) {
        on_line = devid;
    }
    return 0;
}

static int on_permit_join(const char *product_key, const int seconds)
{
    HAL_Printf("join %s %d\n", product_key, seconds);
    return 0;
}

static int on_cloud_error(const int code, const char *data, const char *detail)
{
    HAL_Printf("error %d %s %s\n", code, data, detail);
    return 0;
}

static int on_state(const int code, const char *message)
{
    HAL_Printf("state -0x%04x %s\n", (unsigned)-code, message);
    return 0;
}

static void *yields(void *unused)
{
    (void)unused;
    while (running) {
        if (IOT_Linkkit_Yield(50) < 0) {
            HAL_SleepMs(20);
        }
    }
    return NULL;
}

static int join(const char *product_key, const char *device_name)
{
    iotx_linkkit_dev_meta_info_t meta;
    int devid;

    memset(&meta, 0, sizeof(meta));
    text_fill(meta.product_key, product_key, sizeof(meta.product_key) - 1);
    text_fill(meta.device_name, device_name, sizeof(meta.device_name) - 1);
    devid = IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_SLAVE, &meta);
    if (devid < 0 || IOT_Linkkit_Connect(devid) < 0 || IOT_Linkkit_Report(devid, ITM_MSG_LOGIN, NULL, 0) < 0) {
        return -1;
    }
    return devid;
}

int main(int argc, char **argv)
{
    iotx_linkkit_dev_meta_info_t master;
    hal_os_thread_param_t param;
    char text[] = "{\"Counter\":1}";
    int region = IOTX_CLOUD_REGION_SHANGHAI, off = 0, on = 1, stack_used = 0, devid, posted;
    void *thread = NULL;
    uint64_t began;

    if (argc != 6) {
        return 2;
    }
    IOT_SetLogLevel(IOT_LOG_DEBUG);
    IOT_Ioctl(IOTX_IOCTL_SET_PRODUCT_KEY, argv[1]);
    IOT_Ioctl(IOTX_IOCTL_SET_DEVICE_NAME, argv[2]);
    IOT_Ioctl(IOTX_IOCTL_SET_DEVICE_SECRET, argv[3]);
    IOT_RegisterCallback(ITE_STATE_EVERYTHING, on_state);
    IOT_RegisterCallback(ITE_CONNECT_SUCC, on_connected);
    IOT_RegisterCallback(ITE_DISCONNECTED, on_disconnected);
    IOT_RegisterCallback(ITE_PROPERTY_SET, on_property_set);
    IOT_RegisterCallback(ITE_REPORT_REPLY, on_report_reply);
    IOT_RegisterCallback(ITE_TIMESTAMP_REPLY, on_timestamp);
    IOT_RegisterCallback(ITE_INITIALIZE_COMPLETED, on_initialized);
    IOT_RegisterCallback(ITE_PERMIT_JOIN, on_permit_join);
    IOT_RegisterCallback(ITE_CLOUD_ERROR, on_cloud_error);
    memset(&master, 0, sizeof(master));
    text_fill(master.product_key, argv[1], sizeof(master.product_key) - 1);
    text_fill(master.device_name, argv[2], sizeof(master.device_name) - 1);
    text_fill(master.device_secret, argv[3], sizeof(master.device_secret) - 1);
    IOT_Ioctl(IOTX_IOCTL_SET_DOMAIN, &region);
    IOT_Ioctl(IOTX_IOCTL_SET_DYNAMIC_REGISTER, &off);
    IOT_Ioctl(IOTX_IOCTL_RECV_EVENT_REPLY, &on);
    if (IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_MASTER, &master) < 0 || IOT_Linkkit_Connect(0) < 0) {
        return 1;
    }
    memset(&param, 0, sizeof(param));
    param.stack_size = 6144;
    param.name = "yields";
    if (HAL_ThreadCreate(&thread, yields, NULL, &param, &stack_used) < 0) {
        return 1;
    }
    devid = join(argv[4], argv[5]);
    if (devid < 1) {
        return 3;
    }
    if (on_line != devid) {
        return 4;
    }
    posted = IOT_Linkkit_Report(devid, ITM_MSG_POST_PROPERTY, (unsigned char *)text, (int)strlen(text));
    began = HAL_UptimeMs();
    while (reply_id != posted && HAL_UptimeMs() - began < 30000) {
        HAL_SleepMs(20);
    }
    HAL_Printf("posted %d, answered %d\n", posted > 0 && reply_id == posted, answered);
    if (IOT_Linkkit_Report(devid, ITM_MSG_LOGOUT, NULL, 0) < 0 || IOT_Linkkit_Close(devid) < 0) {
        return 5;
    }
    running = 0;
    HAL_SleepMs(200);
    IOT_Linkkit_Close(0);
    IOT_DumpMemoryStats(IOT_LOG_DEBUG);
    IOT_SetLogLevel(IOT_LOG_NONE);
    return answered == 200 ? 0 : 6;
}
