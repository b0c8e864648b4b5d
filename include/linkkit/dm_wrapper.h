/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dm_wrapper.h
 * @brief HAL functions that the device model uses. The functions are described in the headers below.
 */
#ifndef OTAKIT_LINKKIT_DM_WRAPPER_H
#define OTAKIT_LINKKIT_DM_WRAPPER_H

#include <stdarg.h>
/* This generation's, unless the program has those of another. */
#if !defined(OTAKIT_LINKKIT_V310_INFRA_COMPAT_H) && !defined(OTAKIT_LINKKIT_V23_IOT_EXPORT_H)
#include "infra_compat.h"
#endif
#include "wrappers_defs.h"
#include "wrappers_os.h"
#include "wrappers_kv.h"
#include "wrappers_product.h"
#include "wrappers_ota.h"

#endif /* OTAKIT_LINKKIT_DM_WRAPPER_H */
