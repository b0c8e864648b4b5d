/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_sign_wrapper.h
 * @brief Generation V3.10, the include layout of AliOS Things: dev_sign_wrapper.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_DEV_SIGN_WRAPPER_H
#define OTAKIT_LINKKIT_V310_LINKKIT_DEV_SIGN_WRAPPER_H

#include "../dev_sign_wrapper.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_DEV_SIGN_WRAPPER_H */
