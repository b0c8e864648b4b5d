/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_os.h
 * @brief Generation V3.10: HAL functions of the operating system.
 */
#ifndef OTAKIT_LINKKIT_V310_WRAPPERS_OS_H
#define OTAKIT_LINKKIT_V310_WRAPPERS_OS_H

#include "infra_defs.h"
#include <stdio.h>
#include "../wrappers_os.h"
#include "../wrappers_product.h"
#include "../wrappers_ota.h"

/* In this generation programs print by themselves. */
#define HAL_Printf printf

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Restarts the device. */
void HAL_Reboot(void);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_V310_WRAPPERS_OS_H */
