/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file ota_wrapper.h
 * @brief Generation V3.10, the include layout of AliOS Things: ota_wrapper.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_OTA_WRAPPER_H
#define OTAKIT_LINKKIT_V310_LINKKIT_OTA_WRAPPER_H

#include "../ota_wrapper.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_OTA_WRAPPER_H */
