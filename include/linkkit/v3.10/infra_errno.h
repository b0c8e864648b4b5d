/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_errno.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_INFRA_ERRNO_H
#define OTAKIT_LINKKIT_V310_INFRA_ERRNO_H

#include "infra_defs.h"
#include "../infra_errno.h"

#endif /* OTAKIT_LINKKIT_V310_INFRA_ERRNO_H */
