/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_mem_stats.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_INFRA_MEM_STATS_H
#define OTAKIT_LINKKIT_V310_INFRA_MEM_STATS_H

#include "infra_compat.h"
#include "../infra_mem_stats.h"

#endif /* OTAKIT_LINKKIT_V310_INFRA_MEM_STATS_H */
