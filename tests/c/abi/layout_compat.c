/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* infra_compat.h. */
#include "infra_compat.h"

#include "abi_check.h"

/* Macros. */
ABI_VALUE(VERSION_NUM_SIZE, 4);
ABI_VALUE(RANDOM_NUM_SIZE, 4);
ABI_VALUE(MAC_ADDRESS_SIZE, 8);
ABI_VALUE(CHIP_CODE_SIZE, 4);
ABI_VALUE(AOS_ACTIVE_INFO_LEN, (81));
ABI_VALUE(IOTX_CLOUD_DOMAIN_SH, IOTX_CLOUD_REGION_SHANGHAI);
ABI_VALUE(IOTX_CLOUD_DOMAIN_SG, IOTX_CLOUD_REGION_SINGAPORE);
ABI_VALUE(IOTX_CLOUD_DOMAIN_JP, IOTX_CLOUD_REGION_JAPAN);
ABI_VALUE(IOTX_CLOUD_DOMAIN_US, IOTX_CLOUD_REGION_USA_WEST);
ABI_VALUE(IOTX_CLOUD_DOMAIN_GER, IOTX_CLOUD_REGION_GERMANY);
ABI_VALUE(IOTX_IOCTL_SET_DOMAIN, IOTX_IOCTL_SET_REGION);
ABI_VALUE(IOTX_IOCTL_GET_DOMAIN, IOTX_IOCTL_GET_REGION);
ABI_VALUE(IOT_LOG_EMERG, IOT_LOG_NONE);
ABI_VALUE(NETWORK_ADDR_LEN, (16));

ABI_SIZE(IOT_LogLevel, 4, 4);
ABI_VALUE(IOT_LOG_NONE, 0);
ABI_VALUE(IOT_LOG_CRIT, 1);
ABI_VALUE(IOT_LOG_ERROR, 2);
ABI_VALUE(IOT_LOG_WARNING, 3);
ABI_VALUE(IOT_LOG_INFO, 4);
ABI_VALUE(IOT_LOG_DEBUG, 5);

ABI_SIZE(iotx_ioctl_event_t, 4, 4);
ABI_VALUE(ITE_AWSS_STATUS, 0);
ABI_VALUE(ITE_CONNECT_SUCC, 1);
ABI_VALUE(ITE_CONNECT_FAIL, 2);
ABI_VALUE(ITE_DISCONNECTED, 3);
ABI_VALUE(ITE_RAWDATA_ARRIVED, 4);
ABI_VALUE(ITE_SERVICE_REQUEST, 5);
ABI_VALUE(ITE_PROPERTY_SET, 6);
ABI_VALUE(ITE_PROPERTY_GET, 7);
ABI_VALUE(ITE_REPORT_REPLY, 8);
ABI_VALUE(ITE_TRIGGER_EVENT_REPLY, 9);
ABI_VALUE(ITE_TIMESTAMP_REPLY, 10);
ABI_VALUE(ITE_TOPOLIST_REPLY, 11);
ABI_VALUE(ITE_PERMIT_JOIN, 12);
ABI_VALUE(ITE_INITIALIZE_COMPLETED, 13);
ABI_VALUE(ITE_FOTA, 14);
ABI_VALUE(ITE_COTA, 15);
ABI_VALUE(ITE_MQTT_CONNECT_SUCC, 16);

ABI_SIZE(iotx_conn_info_t, 48, 24);
ABI_MEMBER(iotx_conn_info_t, port, 0, 2, 0, 2);
ABI_MEMBER_TYPE(iotx_conn_info_t, port, uint16_t);
ABI_MEMBER(iotx_conn_info_t, init, 2, 1, 2, 1);
ABI_MEMBER_TYPE(iotx_conn_info_t, init, uint8_t);
ABI_MEMBER(iotx_conn_info_t, host_name, 8, 8, 4, 4);
ABI_MEMBER_TYPE(iotx_conn_info_t, host_name, char *);
ABI_MEMBER(iotx_conn_info_t, client_id, 16, 8, 8, 4);
ABI_MEMBER_TYPE(iotx_conn_info_t, client_id, char *);
ABI_MEMBER(iotx_conn_info_t, username, 24, 8, 12, 4);
ABI_MEMBER_TYPE(iotx_conn_info_t, username, char *);
ABI_MEMBER(iotx_conn_info_t, password, 32, 8, 16, 4);
ABI_MEMBER_TYPE(iotx_conn_info_t, password, char *);
ABI_MEMBER(iotx_conn_info_t, pub_key, 40, 8, 20, 4);
ABI_MEMBER_TYPE(iotx_conn_info_t, pub_key, const char *);

ABI_SIZE(iotx_ioctl_option_t, 4, 4);
ABI_VALUE(IOTX_IOCTL_SET_REGION, 0);
ABI_VALUE(IOTX_IOCTL_GET_REGION, 1);
ABI_VALUE(IOTX_IOCTL_SET_MQTT_DOMAIN, 2);
ABI_VALUE(IOTX_IOCTL_SET_HTTP_DOMAIN, 3);
ABI_VALUE(IOTX_IOCTL_SET_DYNAMIC_REGISTER, 4);
ABI_VALUE(IOTX_IOCTL_GET_DYNAMIC_REGISTER, 5);
ABI_VALUE(IOTX_IOCTL_RECV_PROP_REPLY, 6);
ABI_VALUE(IOTX_IOCTL_RECV_EVENT_REPLY, 7);
ABI_VALUE(IOTX_IOCTL_SEND_PROP_SET_REPLY, 8);
ABI_VALUE(IOTX_IOCTL_SET_SUBDEV_SIGN, 9);
ABI_VALUE(IOTX_IOCTL_GET_SUBDEV_LOGIN, 10);
ABI_VALUE(IOTX_IOCTL_SET_OTA_DEV_ID, 11);
ABI_VALUE(IOTX_IOCTL_QUERY_DEVID, 12);
ABI_VALUE(IOTX_IOCTL_SET_CUSTOMIZE_INFO, 13);

ABI_SIZE(impl_linkkit_ioctl_cmd_t, 4, 4);
ABI_VALUE(IMPL_LINKKIT_IOCTL_SWITCH_PROPERTY_POST_REPLY, 0);
ABI_VALUE(IMPL_LINKKIT_IOCTL_SWITCH_EVENT_POST_REPLY, 1);
ABI_VALUE(IMPL_LINKKIT_IOCTL_SWITCH_PROPERTY_SET_REPLY, 2);
ABI_VALUE(IMPL_LINKKIT_IOCTL_MAX, 3);

ABI_SIZE(AES_DIR_t, 4, 4);
ABI_VALUE(HAL_AES_ENCRYPTION, 0);
ABI_VALUE(HAL_AES_DECRYPTION, 1);

ABI_SIZE(NetworkAddr, 18, 18);
ABI_MEMBER(NetworkAddr, addr, 0, 16, 0, 16);
ABI_MEMBER_ARRAY(NetworkAddr, addr, unsigned char);
ABI_MEMBER(NetworkAddr, port, 16, 2, 16, 2);
ABI_MEMBER_TYPE(NetworkAddr, port, unsigned short);

ABI_SIZE(enum iotx_event_t, 4, 4);
ABI_VALUE(IOTX_AWSS_START, 4096);
ABI_VALUE(IOTX_AWSS_ENABLE, 4097);
ABI_VALUE(IOTX_AWSS_LOCK_CHAN, 4098);
ABI_VALUE(IOTX_AWSS_CS_ERR, 4099);
ABI_VALUE(IOTX_AWSS_PASSWD_ERR, 4100);
ABI_VALUE(IOTX_AWSS_GOT_SSID_PASSWD, 4101);
ABI_VALUE(IOTX_AWSS_CONNECT_ADHA, 4102);
ABI_VALUE(IOTX_AWSS_CONNECT_ADHA_FAIL, 4103);
ABI_VALUE(IOTX_AWSS_CONNECT_AHA, 4104);
ABI_VALUE(IOTX_AWSS_CONNECT_AHA_FAIL, 4105);
ABI_VALUE(IOTX_AWSS_SETUP_NOTIFY, 4106);
ABI_VALUE(IOTX_AWSS_CONNECT_ROUTER, 4107);
ABI_VALUE(IOTX_AWSS_CONNECT_ROUTER_FAIL, 4108);
ABI_VALUE(IOTX_AWSS_GOT_IP, 4109);
ABI_VALUE(IOTX_AWSS_SUC_NOTIFY, 4110);
ABI_VALUE(IOTX_AWSS_BIND_NOTIFY, 4111);
ABI_VALUE(IOTX_AWSS_ENABLE_TIMEOUT, 4112);
ABI_VALUE(IOTX_CONN_CLOUD, 8192);
ABI_VALUE(IOTX_CONN_CLOUD_FAIL, 8193);
ABI_VALUE(IOTX_CONN_CLOUD_SUC, 8194);
ABI_VALUE(IOTX_RESET, 12288);

/* Prototypes. */
ABI_FUNCTION(IOT_SetLogLevel, void (*)(IOT_LogLevel));
ABI_FUNCTION(IOT_DumpMemoryStats, void (*)(IOT_LogLevel));
ABI_FUNCTION(iotx_event_regist_cb, int (*)(void (*)(int)));
ABI_FUNCTION(iotx_event_post, int (*)(int));
ABI_FUNCTION(aos_get_version_info, unsigned int (*)(unsigned char *, unsigned char *, unsigned char *,
             unsigned char *, unsigned char *, unsigned int));
ABI_FUNCTION(iotx_register_for_ITE_AWSS_STATUS, int (*)(int (*)(int)));
ABI_FUNCTION(iotx_register_for_ITE_CONNECT_SUCC, int (*)(int (*)(void)));
ABI_FUNCTION(iotx_register_for_ITE_CONNECT_FAIL, int (*)(int (*)(void)));
ABI_FUNCTION(iotx_register_for_ITE_DISCONNECTED, int (*)(int (*)(void)));
ABI_FUNCTION(iotx_register_for_ITE_RAWDATA_ARRIVED, int (*)(int (*)(int, const unsigned char *, int)));
ABI_FUNCTION(iotx_register_for_ITE_SERVICE_REQUEST, int (*)(int (*)(int, const char *, int, const char *,
             int, char **, int *)));
ABI_FUNCTION(iotx_register_for_ITE_PROPERTY_SET, int (*)(int (*)(int, const char *, int)));
ABI_FUNCTION(iotx_register_for_ITE_PROPERTY_DESIRED_GET_REPLY, int (*)(int (*)(const char *, int)));
ABI_FUNCTION(iotx_register_for_ITE_PROPERTY_GET, int (*)(int (*)(int, const char *, int, char **, int *)));
ABI_FUNCTION(iotx_register_for_ITE_REPORT_REPLY, int (*)(int (*)(int, int, int, const char *, int)));
ABI_FUNCTION(iotx_register_for_ITE_TRIGGER_EVENT_REPLY, int (*)(int (*)(int, int, int, const char *, int,
             const char *, int)));
ABI_FUNCTION(iotx_register_for_ITE_TIMESTAMP_REPLY, int (*)(int (*)(const char *)));
ABI_FUNCTION(iotx_register_for_ITE_TOPOLIST_REPLY, int (*)(int (*)(int, int, int, const char *, int)));
ABI_FUNCTION(iotx_register_for_ITE_PERMIT_JOIN, int (*)(int (*)(const char *, int)));
ABI_FUNCTION(iotx_register_for_ITE_INITIALIZE_COMPLETED, int (*)(int (*)(int)));
ABI_FUNCTION(iotx_register_for_ITE_FOTA, int (*)(int (*)(int, const char *)));
ABI_FUNCTION(iotx_register_for_ITE_COTA, int (*)(int (*)(int, const char *, int, const char *,
             const char *, const char *, const char *)));
ABI_FUNCTION(iotx_register_for_ITE_MQTT_CONNECT_SUCC, int (*)(int (*)(void)));
ABI_FUNCTION(iotx_event_callback, void *(*)(int));
ABI_FUNCTION(IOT_SetupConnInfo, int (*)(const char *, const char *, const char *, void **));
ABI_FUNCTION(IOT_Ioctl, int (*)(int, void *));
