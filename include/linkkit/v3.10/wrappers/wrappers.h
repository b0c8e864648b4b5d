/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers.h
 * @brief Generation V3.10, the include layout of AliOS Things, with the folder above on the include path: wrappers.h.
 */
#ifndef OTAKIT_LINKKIT_V310_WRAPPERS_WRAPPERS_H
#define OTAKIT_LINKKIT_V310_WRAPPERS_WRAPPERS_H

#include "../wrappers.h"

#endif /* OTAKIT_LINKKIT_V310_WRAPPERS_WRAPPERS_H */
