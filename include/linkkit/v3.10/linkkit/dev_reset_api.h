/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_reset_api.h
 * @brief Generation V3.10, the include layout of AliOS Things: dev_reset_api.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_DEV_RESET_API_H
#define OTAKIT_LINKKIT_V310_LINKKIT_DEV_RESET_API_H

#include "../dev_reset_api.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_DEV_RESET_API_H */
