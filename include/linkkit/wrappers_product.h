/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_product.h
 * @brief Porting layer: the identity of the device. The general rules are in wrappers.h.
 *
 * Each HAL_Get* fills its array with a string and returns its length without NUL, which is above 0; 0 or less means
 * that there is no such value. Any thread may call; a call must not block.
 *
 * Each HAL_Set* keeps a copy of the string for HAL_Get*, at least until the device restarts, and returns its length;
 * 0 or less means that it could not.
 */
#ifndef OTAKIT_LINKKIT_WRAPPERS_PRODUCT_H
#define OTAKIT_LINKKIT_WRAPPERS_PRODUCT_H

#include "infra_types.h"
#include "infra_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Reads the product key.
 * @param product_key receives it: IOTX_PRODUCT_KEY_LEN + 1 bytes
 * @return its length; 0 or less if there is none
 */
int HAL_GetProductKey(char *product_key);

/**
 * @brief Reads the product secret, for dynamic registration.
 * @param product_secret receives it: IOTX_PRODUCT_SECRET_LEN + 1 bytes
 * @return its length; 0 or less if there is none
 */
int HAL_GetProductSecret(char *product_secret);

/**
 * @brief Reads the device name.
 * @param device_name receives it: IOTX_DEVICE_NAME_LEN + 1 bytes
 * @return its length; 0 or less if there is none
 */
int HAL_GetDeviceName(char *device_name);

/**
 * @brief Reads the device secret.
 * @param device_secret receives it: IOTX_DEVICE_SECRET_LEN + 1 bytes
 * @return its length; 0 or less if there is none
 */
int HAL_GetDeviceSecret(char *device_secret);

/**
 * @brief Reads the version of the firmware that runs.
 * @param version receives it: IOTX_FIRMWARE_VER_LEN bytes
 * @return its length; 0 or less if there is none
 */
int HAL_GetFirmwareVersion(char *version);

/**
 * @brief Reads the partner id, which most devices have none of.
 * @param pid_str receives it: IOTX_PARTNER_ID_LEN + 1 bytes
 * @return its length; 0 or less if there is none
 */
int HAL_GetPartnerID(char *pid_str);

/**
 * @brief Reads the module id, which most devices have none of.
 * @param mid_str receives it: IOTX_MODULE_ID_LEN + 1 bytes
 * @return its length; 0 or less if there is none
 */
int HAL_GetModuleID(char *mid_str);

/**
 * @brief Reads the device id.
 * @param device_id receives it: IOTX_DEVICE_ID_LEN + 1 bytes
 * @return its length; 0 or less if there is none
 */
int HAL_GetDeviceID(char *device_id);

/**
 * @brief Reads a description of the network interface.
 * @param nif_str receives it: IOTX_NETWORK_IF_LEN + 1 bytes
 * @return its length; 0 or less if there is none
 */
int HAL_GetNetifInfo(char *nif_str);

/**
 * @brief Sets the product key.
 * @param product_key up to IOTX_PRODUCT_KEY_LEN bytes
 * @return its length; 0 or less if it could not be kept
 */
int HAL_SetProductKey(char *product_key);

/**
 * @brief Sets the product secret.
 * @param product_secret up to IOTX_PRODUCT_SECRET_LEN bytes
 * @return its length; 0 or less if it could not be kept
 */
int HAL_SetProductSecret(char *product_secret);

/**
 * @brief Sets the device name.
 * @param device_name up to IOTX_DEVICE_NAME_LEN bytes
 * @return its length; 0 or less if it could not be kept
 */
int HAL_SetDeviceName(char *device_name);

/**
 * @brief Sets the device secret.
 * @param device_secret up to IOTX_DEVICE_SECRET_LEN bytes
 * @return its length; 0 or less if it could not be kept
 */
int HAL_SetDeviceSecret(char *device_secret);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_WRAPPERS_PRODUCT_H */
