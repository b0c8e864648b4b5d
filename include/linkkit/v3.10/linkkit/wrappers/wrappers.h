/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers.h
 * @brief Generation V3.10, the include layout of AliOS Things: wrappers.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_WRAPPERS_WRAPPERS_H
#define OTAKIT_LINKKIT_V310_LINKKIT_WRAPPERS_WRAPPERS_H

#include "../../wrappers.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_WRAPPERS_WRAPPERS_H */
