/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_mem_stats.h
 * @brief Generation V3.10, the include layout of AliOS Things: infra_mem_stats.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_MEM_STATS_H
#define OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_MEM_STATS_H

#include "../../infra_mem_stats.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_MEM_STATS_H */
