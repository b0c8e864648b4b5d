/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_sign_api.h
 * @brief Generation V3.10, the include layout of AliOS Things: dev_sign_api.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_DEV_SIGN_API_H
#define OTAKIT_LINKKIT_V310_LINKKIT_DEV_SIGN_API_H

#include "../dev_sign_api.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_DEV_SIGN_API_H */
