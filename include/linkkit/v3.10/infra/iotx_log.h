/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iotx_log.h
 * @brief Generation V3.10, the include layout of AliOS Things, with the folder above on the include path: iotx_log.h.
 */
#ifndef OTAKIT_LINKKIT_V310_INFRA_IOTX_LOG_H
#define OTAKIT_LINKKIT_V310_INFRA_IOTX_LOG_H

#include "../iotx_log.h"

#endif /* OTAKIT_LINKKIT_V310_INFRA_IOTX_LOG_H */
