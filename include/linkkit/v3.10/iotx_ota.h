/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iotx_ota.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_IOTX_OTA_H
#define OTAKIT_LINKKIT_V310_IOTX_OTA_H

#include "ota_api.h"
#include "../iotx_ota.h"

#endif /* OTAKIT_LINKKIT_V310_IOTX_OTA_H */
