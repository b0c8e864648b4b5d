/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file ota_wrapper.h
 * @brief HAL functions that the OTA part uses. The functions are described in the headers below.
 */
#ifndef OTAKIT_LINKKIT_OTA_WRAPPER_H
#define OTAKIT_LINKKIT_OTA_WRAPPER_H

#include "infra_types.h"
#include "wrappers_os.h"
#include "wrappers_product.h"

#endif /* OTAKIT_LINKKIT_OTA_WRAPPER_H */
