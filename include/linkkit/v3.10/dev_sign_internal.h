/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_sign_internal.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_DEV_SIGN_INTERNAL_H
#define OTAKIT_LINKKIT_V310_DEV_SIGN_INTERNAL_H

#include "dev_sign_api.h"
#include "../dev_sign_internal.h"

#endif /* OTAKIT_LINKKIT_V310_DEV_SIGN_INTERNAL_H */
