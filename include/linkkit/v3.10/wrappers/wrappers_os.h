/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_os.h
 * @brief Generation V3.10, the include layout of AliOS Things, with the folder above on the include path: wrappers_os.h.
 */
#ifndef OTAKIT_LINKKIT_V310_WRAPPERS_WRAPPERS_OS_H
#define OTAKIT_LINKKIT_V310_WRAPPERS_WRAPPERS_OS_H

#include "../wrappers_os.h"

#endif /* OTAKIT_LINKKIT_V310_WRAPPERS_WRAPPERS_OS_H */
