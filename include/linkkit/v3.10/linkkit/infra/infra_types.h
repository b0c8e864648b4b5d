/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_types.h
 * @brief Generation V3.10, the include layout of AliOS Things: infra_types.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_TYPES_H
#define OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_TYPES_H

#include "../../infra_types.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_TYPES_H */
