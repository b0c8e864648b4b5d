/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A program as for the SmartLiving SDK, against the headers of V2.3, V3.10 or v3.0.1: it hears of bindings, answers them, and
 * posts back what is set.
 *
 *   smart_living PK DN DS
 *
 * Prints `ready`, then what the platform tells. Ends with 0 after a `Reset`.
 */
#ifdef SMART_LIVING_V23
#include "iot_import.h"
#include "iot_export_linkkit.h"
#else
#include "infra_types.h"
#include "infra_defs.h"
#include "infra_compat.h"
#include "dev_model_api.h"
#include "wrappers.h"
#endif

#include <stdio.h>
#include <string.h>

#include "../text.h"

static int initialized, over;

static int on_connected(void)
{
    return 0;
}

static int on_disconnected(void)
{
    return 0;
}

static int on_initialized(const int devid)
{
    initialized = devid == 0;
    return 0;
}

static int on_service(const int devid, const char *serviceid, const int serviceid_len, const char *request,
                      const int request_len, char **response, int *response_len)
{
    (void)devid;
    (void)request;
    (void)request_len;
    (void)response;
    (void)response_len;
    printf("service %.*s\n", serviceid_len, serviceid);
    fflush(stdout);
    return 0;
}

static int on_property_set(const int devid, const char *request, const int request_len)
{
    return IOT_Linkkit_Report(devid, ITM_MSG_POST_PROPERTY, (unsigned char *)request, request_len) > 0 ? 0 : -1;
}

static int on_cloud_error(const int code, const char *data, const char *detail)
{
    (void)detail;
    printf("error %d %s\n", code, data);
    fflush(stdout);
    return 0;
}

static int on_bind_state(const int code, const char *message)
{
    printf("state %d %s\n", code, message);
    return 0;
}

static int on_offline_reset(void)
{
    printf("offline reset\n");
    return 0;
}

static int on_notice(const int devid, const char *request, const int request_len)
{
    int first, again;

    printf("notice %d %.*s\n", devid, request_len, request);
    first = IOT_Linkkit_Report(devid, ITM_MSG_EVENT_NOTIFY_REPLY, (unsigned char *)request, request_len);
    again = IOT_Linkkit_Report(devid, ITM_MSG_EVENT_NOTIFY_REPLY, (unsigned char *)request, request_len);
    printf("answered %d %d\n", first, again);
    fflush(stdout);
    over = strstr(request, "\"Reset\"") != NULL;
    return 0;
}

int main(int argc, char **argv)
{
    iotx_linkkit_dev_meta_info_t meta;
    int dynamic_register = 0, replies = 1;
    uint64_t began;

    if (argc != 4) {
        return 2;
    }
    IOT_RegisterCallback(ITE_CONNECT_SUCC, on_connected);
    IOT_RegisterCallback(ITE_DISCONNECTED, on_disconnected);
    IOT_RegisterCallback(ITE_SERVICE_REQUEST, on_service);
    IOT_RegisterCallback(ITE_PROPERTY_SET, on_property_set);
    IOT_RegisterCallback(ITE_INITIALIZE_COMPLETED, on_initialized);
    IOT_RegisterCallback(ITE_CLOUD_ERROR, on_cloud_error);
    IOT_RegisterCallback(ITE_EVENT_NOTIFY, on_notice);
    IOT_RegisterCallback(ITE_STATE_DEV_BIND, on_bind_state);
    IOT_RegisterCallback(ITE_OFFLINE_RESET, on_offline_reset);

    memset(&meta, 0, sizeof(meta));
    text_fill(meta.product_key, argv[1], sizeof(meta.product_key) - 1);
    text_fill(meta.device_name, argv[2], sizeof(meta.device_name) - 1);
    text_fill(meta.device_secret, argv[3], sizeof(meta.device_secret) - 1);
    IOT_Ioctl(IOTX_IOCTL_SET_DYNAMIC_REGISTER, &dynamic_register);
    IOT_Ioctl(IOTX_IOCTL_RECV_EVENT_REPLY, &replies);
    if (IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_MASTER, &meta) != 0 || IOT_Linkkit_Connect(0) != 0 || !initialized) {
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    began = HAL_UptimeMs();
    while (!over && HAL_UptimeMs() - began < 60000) {
        IOT_Linkkit_Yield(30);
    }
    IOT_Linkkit_Close(0);
    IOT_DumpMemoryStats(IOT_LOG_DEBUG);
    return over ? 0 : 1;
}
