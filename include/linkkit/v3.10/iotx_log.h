/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iotx_log.h
 * @brief Generation V3.10: infra_log.h by its older name.
 */
#ifndef OTAKIT_LINKKIT_V310_IOTX_LOG_H
#define OTAKIT_LINKKIT_V310_IOTX_LOG_H

#include "infra_log.h"

#endif /* OTAKIT_LINKKIT_V310_IOTX_LOG_H */
