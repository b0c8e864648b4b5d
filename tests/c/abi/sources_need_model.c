/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The names that the device-model example programs of Link Kit 3.0.1 (device and gateway) take from its headers, used
 * as such programs use them. Compiled only.
 */
#include "infra_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infra_types.h"
#include "infra_defs.h"
#include "infra_compat.h"
#include "infra_log.h"
#include "infra_mem_stats.h"
#include "dev_model_api.h"
#include "dm_wrapper.h"

static int on_plain(void)
{
    return 0;
}

static int on_initialized(const int devid)
{
    return devid;
}

static int on_fota(const int type, const char *version)
{
    static char buffer[128];

    log_info("model", "firmware %s", version);
    return type == 0 ? IOT_Linkkit_Query(0, ITM_MSG_QUERY_FOTA_DATA, (unsigned char *)buffer, (int)sizeof(buffer)) : -1;
}

static int on_cota(const int type, const char *config_id, int config_size, const char *get_type, const char *sign,
                   const char *sign_method, const char *url)
{
    static char buffer[128];

    HAL_Printf("%d %s %d %s %s %s %s\r\n", type, config_id, config_size, get_type, sign, sign_method, url);
    return IOT_Linkkit_Query(0, ITM_MSG_QUERY_COTA_DATA, (unsigned char *)buffer, (int)sizeof(buffer));
}

static int on_set(const int devid, const char *request, const int length)
{
    return IOT_Linkkit_Report(devid, ITM_MSG_POST_PROPERTY, (unsigned char *)request, length);
}

static int on_service(const int devid, const char *id, const int id_len, const char *request, const int request_len,
                      char **response, int *response_len)
{
    *response = (char *)HAL_Malloc(3);
    *response_len = *response == NULL ? 0 : HAL_Snprintf(*response, 3, "{}");
    HAL_Printf("%d %.*s %.*s\r\n", devid, id_len, id, request_len, request);
    return 0;
}

static int on_reply(const int devid, const int msgid, const int code, const char *reply, const int length)
{
    HAL_Printf("%d %d %d %.*s\r\n", devid, msgid, code, length, reply);
    return 0;
}

static int on_event_reply(const int devid, const int msgid, const int code, const char *id, const int id_len,
                          const char *message, const int length)
{
    HAL_Printf("%d %d %d %.*s %.*s\r\n", devid, msgid, code, id_len, id, length, message);
    return 0;
}

static int on_time(const char *utc)
{
    HAL_Printf("%s\r\n", utc);
    return 0;
}

static int on_join(const char *product_key, const int seconds)
{
    HAL_Printf("%s %d\r\n", product_key, seconds);
    return 0;
}

static void *serve(void *argument)
{
    uint64_t end = HAL_UptimeMs() + 1000;

    while (HAL_UptimeMs() < end) {
        IOT_Linkkit_Yield(*(int *)argument);
        HAL_SleepMs(10);
    }
    return NULL;
}

/* Stands for main(), which an object without a program need not have. */
int linkkit_model_program(void);

int linkkit_model_program(void)
{
    iotx_linkkit_dev_meta_info_t meta, sub;
    int region = IOTX_CLOUD_REGION_SHANGHAI, off = 0, on = 1, step = 100, stack_used = 0, devid;
    char payload[] = "{}", event[] = "Error";
    void *thread = NULL;

    IOT_SetLogLevel(IOT_LOG_DEBUG);
    memset(&meta, 0, sizeof(meta));
    HAL_GetProductKey(meta.product_key);
    HAL_GetProductSecret(meta.product_secret);
    HAL_GetDeviceName(meta.device_name);
    HAL_GetDeviceSecret(meta.device_secret);
    sub = meta;

    IOT_RegisterCallback(ITE_CONNECT_SUCC, on_plain);
    IOT_RegisterCallback(ITE_DISCONNECTED, on_plain);
    IOT_RegisterCallback(ITE_INITIALIZE_COMPLETED, on_initialized);
    IOT_RegisterCallback(ITE_FOTA, on_fota);
    IOT_RegisterCallback(ITE_COTA, on_cota);
    IOT_RegisterCallback(ITE_PROPERTY_SET, on_set);
    IOT_RegisterCallback(ITE_SERVICE_REQUEST, on_service);
    IOT_RegisterCallback(ITE_REPORT_REPLY, on_reply);
    IOT_RegisterCallback(ITE_TRIGGER_EVENT_REPLY, on_event_reply);
    IOT_RegisterCallback(ITE_TIMESTAMP_REPLY, on_time);
    IOT_RegisterCallback(ITE_PERMIT_JOIN, on_join);

    IOT_Ioctl(IOTX_IOCTL_SET_DOMAIN, &region);
    IOT_Ioctl(IOTX_IOCTL_SET_DYNAMIC_REGISTER, &off);
    IOT_Ioctl(IOTX_IOCTL_RECV_EVENT_REPLY, &on);
    if (IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_MASTER, &meta) < 0 || IOT_Linkkit_Connect(0) < 0) {
        return EXIT_FAILURE;
    }
    HAL_ThreadCreate(&thread, serve, &step, NULL, &stack_used);
    devid = IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_SLAVE, &sub);
    IOT_Linkkit_Report(devid, ITM_MSG_LOGIN, NULL, 0);
    IOT_Linkkit_Report(0, ITM_MSG_DEVICEINFO_UPDATE, (unsigned char *)payload, (int)strlen(payload));
    IOT_Linkkit_Post(0, ITM_MSG_DEVICEINFO_DELETE, (unsigned char *)payload, (int)strlen(payload));
    IOT_Linkkit_TriggerEvent(0, event, (int)strlen(event), payload, (int)strlen(payload));
    HAL_ThreadDelete(thread);
    IOT_Linkkit_Close(0);
    IOT_DumpMemoryStats(IOT_LOG_DEBUG);
    IOT_SetLogLevel(IOT_LOG_NONE);
    IOT_CloseLog();
    return EXIT_SUCCESS;
}
