/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iotx_ota.h
 * @brief Generation V3.10, the include layout of AliOS Things: iotx_ota.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_IOTX_OTA_H
#define OTAKIT_LINKKIT_V310_LINKKIT_IOTX_OTA_H

#include "../iotx_ota.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_IOTX_OTA_H */
