/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dm_wrapper.h
 * @brief Generation V3.10, the include layout of AliOS Things: dm_wrapper.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_DM_WRAPPER_H
#define OTAKIT_LINKKIT_V310_LINKKIT_DM_WRAPPER_H

#include "../dm_wrapper.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_DM_WRAPPER_H */
