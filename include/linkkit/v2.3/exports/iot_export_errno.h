/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_export_errno.h
 * @brief Generation V2.3: the header one level up.
 */
#ifndef OTAKIT_LINKKIT_V23_EXPORTS_IOT_EXPORT_ERRNO_H
#define OTAKIT_LINKKIT_V23_EXPORTS_IOT_EXPORT_ERRNO_H

#include "../iot_export_errno.h"

#endif /* OTAKIT_LINKKIT_V23_EXPORTS_IOT_EXPORT_ERRNO_H */
