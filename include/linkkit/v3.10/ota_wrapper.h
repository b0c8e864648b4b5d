/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file ota_wrapper.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_OTA_WRAPPER_H
#define OTAKIT_LINKKIT_V310_OTA_WRAPPER_H

#include "infra_defs.h"
#include "../ota_wrapper.h"

#endif /* OTAKIT_LINKKIT_V310_OTA_WRAPPER_H */
