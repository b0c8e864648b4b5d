/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_compat.h
 * @brief Generation V3.10, the include layout of AliOS Things: infra_compat.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_COMPAT_H
#define OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_COMPAT_H

#include "../../infra_compat.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_COMPAT_H */
