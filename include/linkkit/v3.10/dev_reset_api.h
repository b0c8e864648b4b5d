/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_reset_api.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_DEV_RESET_API_H
#define OTAKIT_LINKKIT_V310_DEV_RESET_API_H

#include "infra_defs.h"
#include "../dev_reset_api.h"

#endif /* OTAKIT_LINKKIT_V310_DEV_RESET_API_H */
