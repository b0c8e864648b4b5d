/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_types.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_INFRA_TYPES_H
#define OTAKIT_LINKKIT_V310_INFRA_TYPES_H

#include "../infra_types.h"

#endif /* OTAKIT_LINKKIT_V310_INFRA_TYPES_H */
