/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_defs.h
 * @brief Generation V3.10, the include layout of AliOS Things, with the folder above on the include path: wrappers_defs.h.
 */
#ifndef OTAKIT_LINKKIT_V310_WRAPPERS_WRAPPERS_DEFS_H
#define OTAKIT_LINKKIT_V310_WRAPPERS_WRAPPERS_DEFS_H

#include "../wrappers_defs.h"

#endif /* OTAKIT_LINKKIT_V310_WRAPPERS_WRAPPERS_DEFS_H */
