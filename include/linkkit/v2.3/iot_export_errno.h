/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_export_errno.h
 * @brief Generation V2.3: error numbers, as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V23_IOT_EXPORT_ERRNO_H
#define OTAKIT_LINKKIT_V23_IOT_EXPORT_ERRNO_H

/* Spelt so in this generation. */
#define ERROR_DEVICE_NOT_EXSIT ERROR_DEVICE_NOT_EXIST
#include "../infra_errno.h"

#endif /* OTAKIT_LINKKIT_V23_IOT_EXPORT_ERRNO_H */
