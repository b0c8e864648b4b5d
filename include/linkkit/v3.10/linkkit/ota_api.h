/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file ota_api.h
 * @brief Generation V3.10, the include layout of AliOS Things: ota_api.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_OTA_API_H
#define OTAKIT_LINKKIT_V310_LINKKIT_OTA_API_H

#include "../ota_api.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_OTA_API_H */
