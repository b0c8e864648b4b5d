/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_sign_internal.h
 * @brief The headers that dev_sign_api.h brings along.
 *
 * Programs rely on <stdio.h> and <string.h> coming from here: they include dev_sign_api.h alone and call strlen.
 */
#ifndef OTAKIT_LINKKIT_DEV_SIGN_INTERNAL_H
#define OTAKIT_LINKKIT_DEV_SIGN_INTERNAL_H

#include <stdio.h>
#include <string.h>

#include "infra_config.h"
#include "infra_defs.h"
#include "dev_sign_api.h"
#include "dev_sign_wrapper.h"

#endif /* OTAKIT_LINKKIT_DEV_SIGN_INTERNAL_H */
