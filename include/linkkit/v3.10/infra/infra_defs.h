/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_defs.h
 * @brief Generation V3.10, the include layout of AliOS Things, with the folder above on the include path: infra_defs.h.
 */
#ifndef OTAKIT_LINKKIT_V310_INFRA_INFRA_DEFS_H
#define OTAKIT_LINKKIT_V310_INFRA_INFRA_DEFS_H

#include "../infra_defs.h"

#endif /* OTAKIT_LINKKIT_V310_INFRA_INFRA_DEFS_H */
