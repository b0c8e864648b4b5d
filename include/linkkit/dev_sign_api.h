/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_sign_api.h
 * @brief Computes the MQTT sign-in data of a device.
 */
#ifndef OTAKIT_LINKKIT_DEV_SIGN_API_H
#define OTAKIT_LINKKIT_DEV_SIGN_API_H

#include "dev_sign_internal.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Computes broker host, port, client id, user name and password for a device.
 *
 * Pure computation: no network, no callback; does not block. Any thread may call it. The password is the
 * upper-case hexadecimal HMAC-SHA256 of the identity under the device secret.
 *
 * @param region  region of the broker. IOTX_CLOUD_REGION_CUSTOM takes the host that was set with
 *                IOT_Ioctl(IOTX_IOCTL_SET_MQTT_DOMAIN).
 * @param meta    the device: product_key, device_name and device_secret are read, product_secret is not.
 *                Borrowed for the call. Each string must end within its array.
 * @param signout receives the result. Owned by the caller; written only on success.
 *
 * @retval 0                                     done
 * @retval FAIL_RETURN                           region out of range, meta or signout NULL, or a string of meta
 *                                               that has no NUL within its array
 * @retval ERROR_DEV_SIGN_CUSTOM_DOMAIN_IS_NULL  custom region without a host
 * @retval ERROR_DEV_SIGN_SOURCE_TOO_SHORT       the text to be signed does not fit DEV_SIGN_SOURCE_MAXLEN
 * @retval ERROR_DEV_SIGN_USERNAME_TOO_SHORT     the user name does not fit its array
 * @retval ERROR_DEV_SIGN_CLIENT_ID_TOO_SHORT    the client id does not fit its array
 * @retval ERROR_DEV_SIGN_HOST_NAME_TOO_SHORT    the host name does not fit its array
 */
int32_t IOT_Sign_MQTT(iotx_mqtt_region_types_t region, iotx_dev_meta_info_t *meta, iotx_sign_mqtt_t *signout);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_DEV_SIGN_API_H */
