/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_defs.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_WRAPPERS_DEFS_H
#define OTAKIT_LINKKIT_V310_WRAPPERS_DEFS_H

#include "infra_defs.h"
#include "../wrappers_defs.h"

#endif /* OTAKIT_LINKKIT_V310_WRAPPERS_DEFS_H */
