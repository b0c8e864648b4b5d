/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_import_product.h
 * @brief Generation V2.3: who the device is.
 */
#ifndef OTAKIT_LINKKIT_V23_IOT_IMPORT_PRODUCT_H
#define OTAKIT_LINKKIT_V23_IOT_IMPORT_PRODUCT_H

#include "../wrappers_product.h"

#define MAC_ADDR_LEN_MAX (10)
#define PID_STRLEN_MAX (64)
#define MID_STRLEN_MAX (64)
#define PID_STR_MAXLEN (64)
#define MID_STR_MAXLEN (64)
#define PRODUCT_KEY_MAXLEN (20 + 1)
#define DEVICE_NAME_MAXLEN (32 + 1)
#define DEVICE_ID_MAXLEN (64 + 1)
#define DEVICE_SECRET_MAXLEN (64 + 1)
#define PRODUCT_SECRET_MAXLEN (64 + 1)
#define FIRMWARE_VERSION_MAXLEN (32 + 1)
#define HAL_CID_LEN (64 + 1)
#define NIF_STRLEN_MAX (160)

#endif /* OTAKIT_LINKKIT_V23_IOT_IMPORT_PRODUCT_H */
