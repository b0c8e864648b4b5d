/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Constants and structures of infra_types.h and infra_defs.h. */
#include "infra_defs.h"

#include "abi_check.h"

/* Macros. */
ABI_VALUE(IOT_TRUE, (1));
ABI_VALUE(IOT_FALSE, (0));

/* Macros. */
ABI_VALUE(IOTX_PRODUCT_KEY_LEN, (20));
ABI_VALUE(IOTX_DEVICE_NAME_LEN, (32));
ABI_VALUE(IOTX_DEVICE_SECRET_LEN, (64));
ABI_VALUE(IOTX_DEVICE_ID_LEN, (64));
ABI_VALUE(IOTX_PRODUCT_SECRET_LEN, (64));
ABI_VALUE(IOTX_PARTNER_ID_LEN, (64));
ABI_VALUE(IOTX_MODULE_ID_LEN, (64));
ABI_VALUE(IOTX_NETWORK_IF_LEN, (160));
ABI_VALUE(IOTX_FIRMWARE_VER_LEN, (64));
ABI_VALUE(IOTX_URI_MAX_LEN, (135));
ABI_VALUE(IOTX_DOMAIN_MAX_LEN, (64));
ABI_VALUE(IOTX_CUSTOMIZE_INFO_LEN, (80));
ABI_VALUE(DEV_SIGN_SOURCE_MAXLEN, (200));
ABI_VALUE(DEV_SIGN_HOSTNAME_MAXLEN, (256));
ABI_VALUE(DEV_SIGN_CLIENT_ID_MAXLEN, (200));
ABI_VALUE(DEV_SIGN_USERNAME_MAXLEN, (64));
ABI_VALUE(DEV_SIGN_PASSWORD_MAXLEN, (65));
ABI_VALUE(NETWORK_ADDR_LEN, (16));
ABI_VALUE(HAL_MAC_LEN, (17 + 1));
ABI_VALUE(STR_SHORT_LEN, (32));
ABI_VALUE(ETH_ALEN, (6));
ABI_VALUE(HAL_MAX_SSID_LEN, (32 + 1));
ABI_VALUE(HAL_MAX_PASSWD_LEN, (64 + 1));
ABI_VALUE(WLAN_CONNECTION_TIMEOUT_MS, (30 * 1000));
ABI_VALUE(IOTX_MQTT_DOMAIN_NUMBER, (6));
ABI_VALUE(IOTX_HTTP_DOMAIN_NUMBER, (6));

ABI_SIZE(iotx_dev_meta_info_t, 184, 184);
ABI_MEMBER(iotx_dev_meta_info_t, product_key, 0, 21, 0, 21);
ABI_MEMBER_ARRAY(iotx_dev_meta_info_t, product_key, char);
ABI_MEMBER(iotx_dev_meta_info_t, product_secret, 21, 65, 21, 65);
ABI_MEMBER_ARRAY(iotx_dev_meta_info_t, product_secret, char);
ABI_MEMBER(iotx_dev_meta_info_t, device_name, 86, 33, 86, 33);
ABI_MEMBER_ARRAY(iotx_dev_meta_info_t, device_name, char);
ABI_MEMBER(iotx_dev_meta_info_t, device_secret, 119, 65, 119, 65);
ABI_MEMBER_ARRAY(iotx_dev_meta_info_t, device_secret, char);

ABI_SIZE(iotx_region_item_t, 16, 8);
ABI_MEMBER(iotx_region_item_t, region, 0, 8, 0, 4);
ABI_MEMBER_TYPE(iotx_region_item_t, region, const char *);
ABI_MEMBER(iotx_region_item_t, port, 8, 2, 4, 2);
ABI_MEMBER_TYPE(iotx_region_item_t, port, uint16_t);

ABI_SIZE(iotx_mqtt_region_types_t, 4, 4);
ABI_VALUE(IOTX_CLOUD_REGION_SHANGHAI, 0);
ABI_VALUE(IOTX_CLOUD_REGION_SINGAPORE, 1);
ABI_VALUE(IOTX_CLOUD_REGION_JAPAN, 2);
ABI_VALUE(IOTX_CLOUD_REGION_USA_WEST, 3);
ABI_VALUE(IOTX_CLOUD_REGION_GERMANY, 4);
ABI_VALUE(IOTX_CLOUD_REGION_CUSTOM, 5);
ABI_VALUE(IOTX_CLOUD_DOMAIN_MAX, 6);

ABI_SIZE(iotx_http_region_types_t, 4, 4);
ABI_VALUE(IOTX_HTTP_REGION_SHANGHAI, 0);
ABI_VALUE(IOTX_HTTP_REGION_SINGAPORE, 1);
ABI_VALUE(IOTX_HTTP_REGION_JAPAN, 2);
ABI_VALUE(IOTX_HTTP_REGION_AMERICA, 3);
ABI_VALUE(IOTX_HTTP_REGION_GERMANY, 4);
ABI_VALUE(IOTX_HTTP_REGION_CUSTOM, 5);
ABI_VALUE(IOTX_HTTP_REGION_MAX, 6);

ABI_SIZE(sdk_impl_ctx_t, 224, 224);
ABI_MEMBER(sdk_impl_ctx_t, domain_type, 0, 4, 0, 4);
ABI_MEMBER_TYPE(sdk_impl_ctx_t, domain_type, int);
ABI_MEMBER(sdk_impl_ctx_t, dynamic_register, 4, 4, 4, 4);
ABI_MEMBER_TYPE(sdk_impl_ctx_t, dynamic_register, int);
ABI_MEMBER(sdk_impl_ctx_t, cloud_custom_domain, 8, 65, 8, 65);
ABI_MEMBER_ARRAY(sdk_impl_ctx_t, cloud_custom_domain, char);
ABI_MEMBER(sdk_impl_ctx_t, mqtt_port_num, 74, 2, 74, 2);
ABI_MEMBER_TYPE(sdk_impl_ctx_t, mqtt_port_num, uint16_t);
ABI_MEMBER(sdk_impl_ctx_t, http_custom_domain, 76, 65, 76, 65);
ABI_MEMBER_ARRAY(sdk_impl_ctx_t, http_custom_domain, char);
ABI_MEMBER(sdk_impl_ctx_t, mqtt_customzie_info, 141, 81, 141, 81);
ABI_MEMBER_ARRAY(sdk_impl_ctx_t, mqtt_customzie_info, char);

ABI_SIZE(iotx_sign_mqtt_t, 588, 588);
ABI_MEMBER(iotx_sign_mqtt_t, hostname, 0, 256, 0, 256);
ABI_MEMBER_ARRAY(iotx_sign_mqtt_t, hostname, char);
ABI_MEMBER(iotx_sign_mqtt_t, port, 256, 2, 256, 2);
ABI_MEMBER_TYPE(iotx_sign_mqtt_t, port, uint16_t);
ABI_MEMBER(iotx_sign_mqtt_t, clientid, 258, 200, 258, 200);
ABI_MEMBER_ARRAY(iotx_sign_mqtt_t, clientid, char);
ABI_MEMBER(iotx_sign_mqtt_t, username, 458, 64, 458, 64);
ABI_MEMBER_ARRAY(iotx_sign_mqtt_t, username, char);
ABI_MEMBER(iotx_sign_mqtt_t, password, 522, 65, 522, 65);
ABI_MEMBER_ARRAY(iotx_sign_mqtt_t, password, char);
