/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_list.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_INFRA_LIST_H
#define OTAKIT_LINKKIT_V310_INFRA_LIST_H

#include "infra_compat.h"
#include "../infra_list.h"

#endif /* OTAKIT_LINKKIT_V310_INFRA_LIST_H */
