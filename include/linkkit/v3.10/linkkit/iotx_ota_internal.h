/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iotx_ota_internal.h
 * @brief Generation V3.10, the include layout of AliOS Things: iotx_ota_internal.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_IOTX_OTA_INTERNAL_H
#define OTAKIT_LINKKIT_V310_LINKKIT_IOTX_OTA_INTERNAL_H

#include "../iotx_ota_internal.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_IOTX_OTA_INTERNAL_H */
