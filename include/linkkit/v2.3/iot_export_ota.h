/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_export_ota.h
 * @brief Generation V2.3: updates over the air with the basic API.
 */
#ifndef OTAKIT_LINKKIT_V23_IOT_EXPORT_OTA_H
#define OTAKIT_LINKKIT_V23_IOT_EXPORT_OTA_H

#include "iot_import.h"

/* The length has another type in this generation. */
#include "../ota_api.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IOT_OTA_Ioctl otakit_v23_IOT_OTA_Ioctl
/** @brief As in v3.0.1. */
int IOT_OTA_Ioctl(void *handle, IOT_OTA_CmdType_t type, void *buf, size_t buf_len);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_V23_IOT_EXPORT_OTA_H */
