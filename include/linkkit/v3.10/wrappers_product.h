/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_product.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_WRAPPERS_PRODUCT_H
#define OTAKIT_LINKKIT_V310_WRAPPERS_PRODUCT_H

#include "infra_defs.h"
#include "../wrappers_product.h"

#endif /* OTAKIT_LINKKIT_V310_WRAPPERS_PRODUCT_H */
