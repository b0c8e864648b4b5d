/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iotx_ota_internal.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_IOTX_OTA_INTERNAL_H
#define OTAKIT_LINKKIT_V310_IOTX_OTA_INTERNAL_H

#include "ota_api.h"
#include "../iotx_ota_internal.h"

#endif /* OTAKIT_LINKKIT_V310_IOTX_OTA_INTERNAL_H */
