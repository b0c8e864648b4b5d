/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_defs.h
 * @brief Limits, identity structures, regions and error numbers shared by all parts of the Link Kit C API.
 *
 * A length limit named ..._LEN or ..._MAXLEN counts characters without the terminating NUL where the array
 * that uses it has one element more, and the whole array where it has not; each structure below shows which.
 */
#ifndef OTAKIT_LINKKIT_INFRA_DEFS_H
#define OTAKIT_LINKKIT_INFRA_DEFS_H

#include "infra_types.h"
#include "infra_errno.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What this ABI corresponds to. The cloud sees the version string, so the values are part of the wire format. */
#define IOTX_SDK_REVISION "20200423.http2-fix-storeid-missing-issue"
#define IOTX_SDK_VERSION "3.0.1"
#define IOTX_ALINK_VERSION "20"

/* Longest identity and version strings, in bytes without NUL. */
#define IOTX_PRODUCT_KEY_LEN (20)
#define IOTX_DEVICE_NAME_LEN (32)
#define IOTX_DEVICE_SECRET_LEN (64)
#define IOTX_DEVICE_ID_LEN (64)
#define IOTX_PRODUCT_SECRET_LEN (64)
#define IOTX_PARTNER_ID_LEN (64)
#define IOTX_MODULE_ID_LEN (64)
#define IOTX_NETWORK_IF_LEN (160)
#define IOTX_FIRMWARE_VER_LEN (64)
#define IOTX_FIRMWARE_VERSION_LEN (32)
#define IOTX_URI_MAX_LEN (135)
#define IOTX_DOMAIN_MAX_LEN (64)
#define IOTX_CUSTOMIZE_INFO_LEN (80)

/* Array sizes of the sign-in data, in bytes with NUL. */
#define DEV_SIGN_SOURCE_MAXLEN (200)
#define DEV_SIGN_HOSTNAME_MAXLEN (256)
#define DEV_SIGN_CLIENT_ID_MAXLEN (200)
#define DEV_SIGN_USERNAME_MAXLEN (64)
#define DEV_SIGN_PASSWORD_MAXLEN (65)

/* Network and Wi-Fi sizes that HAL ports use, in bytes; the time-out is in milliseconds. */
#define NETWORK_ADDR_LEN (16)
#define HAL_MAC_LEN (17 + 1)
#define STR_SHORT_LEN (32)
#ifndef ETH_ALEN
#define ETH_ALEN (6)
#endif
#define HAL_MAX_SSID_LEN (32 + 1)
#define HAL_MAX_PASSWD_LEN (64 + 1)
#define WLAN_CONNECTION_TIMEOUT_MS (30 * 1000)

/* How many regions the two enumerations below have. */
#define IOTX_MQTT_DOMAIN_NUMBER (6)
#define IOTX_HTTP_DOMAIN_NUMBER (6)

/** The identity of a device, as issued with it: NUL-terminated strings. */
typedef struct {
    char product_key[IOTX_PRODUCT_KEY_LEN + 1];
    char product_secret[IOTX_PRODUCT_SECRET_LEN + 1];
    char device_name[IOTX_DEVICE_NAME_LEN + 1];
    char device_secret[IOTX_DEVICE_SECRET_LEN + 1];
} iotx_dev_meta_info_t;

/** A region's host and port. */
typedef struct {
    const char *region; /**< host name, NUL-terminated */
    uint16_t port;      /**< TCP port, host byte order */
} iotx_region_item_t;

/** Region of the platform's MQTT broker. */
typedef enum {
    IOTX_CLOUD_REGION_SHANGHAI = 0,
    IOTX_CLOUD_REGION_SINGAPORE = 1,
    IOTX_CLOUD_REGION_JAPAN = 2,
    IOTX_CLOUD_REGION_USA_WEST = 3,
    IOTX_CLOUD_REGION_GERMANY = 4,
    IOTX_CLOUD_REGION_CUSTOM = 5, /**< the host set with IOTX_IOCTL_SET_MQTT_DOMAIN */
    IOTX_CLOUD_DOMAIN_MAX = 6
} iotx_mqtt_region_types_t;

/** Region of the platform's HTTP authentication service. */
typedef enum {
    IOTX_HTTP_REGION_SHANGHAI = 0,
    IOTX_HTTP_REGION_SINGAPORE = 1,
    IOTX_HTTP_REGION_JAPAN = 2,
    IOTX_HTTP_REGION_AMERICA = 3,
    IOTX_HTTP_REGION_GERMANY = 4,
    IOTX_HTTP_REGION_CUSTOM = 5, /**< the host set with IOTX_IOCTL_SET_HTTP_DOMAIN */
    IOTX_HTTP_REGION_MAX = 6
} iotx_http_region_types_t;

/** The options of IOT_Ioctl in one record. No public function takes it; its layout is kept for old ports. */
typedef struct {
    int domain_type;
    int dynamic_register;
    char cloud_custom_domain[IOTX_DOMAIN_MAX_LEN + 1];
    uint16_t mqtt_port_num;
    char http_custom_domain[IOTX_DOMAIN_MAX_LEN + 1];
    char mqtt_customzie_info[IOTX_CUSTOMIZE_INFO_LEN + 1];
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

#endif /* OTAKIT_LINKKIT_INFRA_DEFS_H */
