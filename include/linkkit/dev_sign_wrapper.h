/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_sign_wrapper.h
 * @brief What the sign-in part uses.
 *
 * No HAL function is declared here, because programs that reach this header through dev_sign_api.h declare the
 * ones they use themselves. wrappers.h declares and describes them all.
 */
#ifndef OTAKIT_LINKKIT_DEV_SIGN_WRAPPER_H
#define OTAKIT_LINKKIT_DEV_SIGN_WRAPPER_H

#include "infra_types.h"
#include "infra_defs.h"

#endif /* OTAKIT_LINKKIT_DEV_SIGN_WRAPPER_H */
