/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* linkkit_export.h and linkkit_gateway_export.h. */
#include "linkkit_export.h"
#include "linkkit_gateway_export.h"

#include "abi_check.h"

ABI_SIZE(linkkit_ops_t, 72, 36);
ABI_MEMBER(linkkit_ops_t, on_connect, 0, 8, 0, 4);
ABI_MEMBER(linkkit_ops_t, on_disconnect, 8, 8, 4, 4);
ABI_MEMBER(linkkit_ops_t, raw_data_arrived, 16, 8, 8, 4);
ABI_MEMBER(linkkit_ops_t, thing_create, 24, 8, 12, 4);
ABI_MEMBER(linkkit_ops_t, thing_enable, 32, 8, 16, 4);
ABI_MEMBER(linkkit_ops_t, thing_disable, 40, 8, 20, 4);
ABI_MEMBER(linkkit_ops_t, thing_call_service, 48, 8, 24, 4);
ABI_MEMBER(linkkit_ops_t, thing_prop_changed, 56, 8, 28, 4);
ABI_MEMBER(linkkit_ops_t, linkit_data_arrived, 64, 8, 32, 4);
ABI_VALUE(linkkit_loglevel_debug, 5);
ABI_VALUE(linkkit_cloud_domain_germany, 4);
ABI_VALUE(linkkit_cloud_domain_max, 5);
ABI_VALUE(linkkit_extended_info_operate_delete, 1);
ABI_VALUE(linkkit_opt_property_set_reply, 2);
ABI_VALUE(linkkit_method_set_service_output_value, 2);
ABI_VALUE(linkkit_method_get_service_output_value, 3);
ABI_VALUE(service_cota_callback_type_new_version_detected, 10);
ABI_VALUE(service_fota_callback_type_new_version_detected, 10);

ABI_SIZE(linkkit_event_t, 24, 12);
ABI_MEMBER(linkkit_event_t, event_data, 8, 16, 4, 8);
ABI_MEMBER(linkkit_event_t, event_data.subdev_deleted.deviceName, 16, 8, 8, 4);
ABI_MEMBER(linkkit_event_t, event_data.subdev_permited.timeoutSec, 16, 4, 8, 4);
ABI_MEMBER(linkkit_event_t, event_data.subdev_install.subdevList, 8, 8, 4, 4);
ABI_SIZE(linkkit_params_t, 32, 24);
ABI_MEMBER(linkkit_params_t, threadStackSize, 12, 4, 12, 4);
ABI_MEMBER(linkkit_params_t, event_cb, 16, 8, 16, 4);
ABI_MEMBER(linkkit_params_t, ctx, 24, 8, 20, 4);
ABI_SIZE(linkkit_cbs_t, 48, 24);
ABI_MEMBER(linkkit_cbs_t, register_complete, 0, 8, 0, 4);
ABI_MEMBER(linkkit_cbs_t, get_property, 8, 8, 4, 4);
ABI_MEMBER(linkkit_cbs_t, set_property, 16, 8, 8, 4);
ABI_MEMBER(linkkit_cbs_t, call_service, 24, 8, 12, 4);
ABI_MEMBER(linkkit_cbs_t, down_rawdata, 32, 8, 16, 4);
ABI_MEMBER(linkkit_cbs_t, post_rawdata_reply, 40, 8, 20, 4);
ABI_SIZE(linkkit_devinfo_t, 32, 24);
ABI_MEMBER(linkkit_devinfo_t, devtype, 16, 4, 8, 4);
ABI_MEMBER(linkkit_devinfo_t, online, 28, 4, 20, 4);
ABI_SIZE(linkkit_extinfo_t, 16, 8);
ABI_VALUE(LINKKIT_EVENT_SUBDEV_SETUP, 4);
ABI_VALUE(LINKKIT_OPT_PROPERTY_SET_REPLY, 7);
ABI_VALUE(LINKKIT_STATE_REMOVED, 2);
ABI_VALUE(LINKKIT_OTA_EVENT_NEW_VERSION_DETECTED, 1);
