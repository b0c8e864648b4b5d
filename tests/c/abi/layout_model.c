/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* dev_model_api.h. */
#include "dev_model_api.h"

#include "abi_check.h"

ABI_SIZE(iotx_linkkit_dev_type_t, 4, 4);
ABI_VALUE(IOTX_LINKKIT_DEV_TYPE_MASTER, 0);
ABI_VALUE(IOTX_LINKKIT_DEV_TYPE_SLAVE, 1);
ABI_VALUE(IOTX_LINKKIT_DEV_TYPE_MAX, 2);

ABI_SIZE(iotx_linkkit_dev_meta_info_t, 184, 184);
ABI_MEMBER(iotx_linkkit_dev_meta_info_t, product_key, 0, 21, 0, 21);
ABI_MEMBER_ARRAY(iotx_linkkit_dev_meta_info_t, product_key, char);
ABI_MEMBER(iotx_linkkit_dev_meta_info_t, product_secret, 21, 65, 21, 65);
ABI_MEMBER_ARRAY(iotx_linkkit_dev_meta_info_t, product_secret, char);
ABI_MEMBER(iotx_linkkit_dev_meta_info_t, device_name, 86, 33, 86, 33);
ABI_MEMBER_ARRAY(iotx_linkkit_dev_meta_info_t, device_name, char);
ABI_MEMBER(iotx_linkkit_dev_meta_info_t, device_secret, 119, 65, 119, 65);
ABI_MEMBER_ARRAY(iotx_linkkit_dev_meta_info_t, device_secret, char);

ABI_SIZE(iotx_linkkit_msg_type_t, 4, 4);
ABI_VALUE(ITM_MSG_POST_PROPERTY, 0);
ABI_VALUE(ITM_MSG_DEVICEINFO_UPDATE, 1);
ABI_VALUE(ITM_MSG_DEVICEINFO_DELETE, 2);
ABI_VALUE(ITM_MSG_POST_RAW_DATA, 3);
ABI_VALUE(ITM_MSG_LOGIN, 4);
ABI_VALUE(ITM_MSG_LOGOUT, 5);
ABI_VALUE(ITM_MSG_DELETE_TOPO, 6);
ABI_VALUE(ITM_MSG_QUERY_TIMESTAMP, 7);
ABI_VALUE(ITM_MSG_QUERY_TOPOLIST, 8);
ABI_VALUE(ITM_MSG_QUERY_FOTA_DATA, 9);
ABI_VALUE(ITM_MSG_QUERY_COTA_DATA, 10);
ABI_VALUE(ITM_MSG_REQUEST_COTA, 11);
ABI_VALUE(ITM_MSG_REQUEST_FOTA_IMAGE, 12);
ABI_VALUE(ITM_MSG_REPORT_SUBDEV_FIRMWARE_VERSION, 13);
ABI_VALUE(ITM_MSG_PROPERTY_DESIRED_GET, 14);
ABI_VALUE(ITM_MSG_PROPERTY_DESIRED_DELETE, 15);
ABI_VALUE(IOTX_LINKKIT_MSG_MAX, 16);

/* Prototypes. */
ABI_FUNCTION(IOT_Linkkit_Open, int (*)(iotx_linkkit_dev_type_t, iotx_linkkit_dev_meta_info_t *));
ABI_FUNCTION(IOT_Linkkit_Connect, int (*)(int));
ABI_FUNCTION(IOT_Linkkit_Yield, void (*)(int));
ABI_FUNCTION(IOT_Linkkit_Close, int (*)(int));
ABI_FUNCTION(IOT_Linkkit_Report, int (*)(int, iotx_linkkit_msg_type_t, unsigned char *, int));
ABI_FUNCTION(IOT_Linkkit_Query, int (*)(int, iotx_linkkit_msg_type_t, unsigned char *, int));
ABI_FUNCTION(IOT_Linkkit_TriggerEvent, int (*)(int, char *, int, char *, int));
