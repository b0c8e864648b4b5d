/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_errno.h
 * @brief Generation V3.10, the include layout of AliOS Things: infra_errno.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_ERRNO_H
#define OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_ERRNO_H

#include "../../infra_errno.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_ERRNO_H */
