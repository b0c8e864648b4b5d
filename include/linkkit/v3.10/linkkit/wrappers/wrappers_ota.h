/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_ota.h
 * @brief Generation V3.10, the include layout of AliOS Things: wrappers_ota.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_WRAPPERS_WRAPPERS_OTA_H
#define OTAKIT_LINKKIT_V310_LINKKIT_WRAPPERS_WRAPPERS_OTA_H

#include "../../wrappers_ota.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_WRAPPERS_WRAPPERS_OTA_H */
