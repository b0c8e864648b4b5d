/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_defs.h
 * @brief Generation V3.10: limits, identity and sign-in data. Only what differs from v3.0.1 is defined here.
 */
#ifndef OTAKIT_LINKKIT_V310_INFRA_DEFS_H
#define OTAKIT_LINKKIT_V310_INFRA_DEFS_H

#include "infra_types.h"

/* These three have another layout or value in this generation. */
#define iotx_sign_mqtt_t otakit_v301_sign_mqtt_t
#define sdk_impl_ctx_t otakit_v301_sdk_impl_ctx_t
#include "../infra_defs.h"
#undef iotx_sign_mqtt_t
#undef sdk_impl_ctx_t

#undef IOTX_SDK_REVISION
#undef IOTX_FIRMWARE_VER_LEN
#undef DEV_SIGN_HOSTNAME_MAXLEN
#define IOTX_FIRMWARE_VER_LEN (32)
#define DEV_SIGN_HOSTNAME_MAXLEN (64)

#ifdef __cplusplus
extern "C" {
#endif

/** A subscription to be made at the connection; see IOTX_IOCTL_SUB_USER_TOPIC, which this library does not have. */
typedef struct {
    const char *topic;
    void *callback;
} iotx_user_subscribe_context;

/** The options of IOT_Ioctl in one record. No public function takes it; its layout is kept for old ports. */
typedef struct {
    int domain_type;
    int dynamic_register;
    char cloud_custom_domain[IOTX_DOMAIN_MAX_LEN + 1];
    uint16_t mqtt_port_num;
    char http_custom_domain[IOTX_DOMAIN_MAX_LEN + 1];
    char mqtt_customzie_info[IOTX_CUSTOMIZE_INFO_LEN + 1];
    char product_key[IOTX_PRODUCT_KEY_LEN + 1];
    char product_secret[IOTX_PRODUCT_SECRET_LEN + 1];
    char device_name[IOTX_DEVICE_NAME_LEN + 1];
    char device_secret[IOTX_DEVICE_SECRET_LEN + 1];
} sdk_impl_ctx_t;

/** Result of IOT_Sign_MQTT: what a device needs for its MQTT CONNECT. NUL-terminated strings. */
typedef struct {
    char hostname[DEV_SIGN_HOSTNAME_MAXLEN];
    uint16_t port; /**< TCP port, host byte order */
    char clientid[DEV_SIGN_CLIENT_ID_MAXLEN];
    char username[DEV_SIGN_USERNAME_MAXLEN];
    char password[DEV_SIGN_PASSWORD_MAXLEN];
} iotx_sign_mqtt_t;

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_V310_INFRA_DEFS_H */
