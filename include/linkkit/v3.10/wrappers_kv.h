/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_kv.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_WRAPPERS_KV_H
#define OTAKIT_LINKKIT_V310_WRAPPERS_KV_H

#include "infra_defs.h"
#include "../wrappers_kv.h"

#endif /* OTAKIT_LINKKIT_V310_WRAPPERS_KV_H */
