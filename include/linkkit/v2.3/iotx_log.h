/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iotx_log.h
 * @brief Generation V2.3: the log macros.
 */
#ifndef OTAKIT_LINKKIT_V23_IOTX_LOG_H
#define OTAKIT_LINKKIT_V23_IOTX_LOG_H

#include "iot_import.h"
#include "../infra_log.h"

#endif /* OTAKIT_LINKKIT_V23_IOTX_LOG_H */
