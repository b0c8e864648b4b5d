/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_log.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_INFRA_LOG_H
#define OTAKIT_LINKKIT_V310_INFRA_LOG_H

#include "infra_compat.h"
#include "../infra_log.h"

#endif /* OTAKIT_LINKKIT_V310_INFRA_LOG_H */
