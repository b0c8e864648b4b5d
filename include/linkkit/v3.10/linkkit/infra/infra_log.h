/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_log.h
 * @brief Generation V3.10, the include layout of AliOS Things: infra_log.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_LOG_H
#define OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_LOG_H

#include "../../infra_log.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_LOG_H */
