/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_config.h
 * @brief Generation V3.10, the include layout of AliOS Things: infra_config.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_CONFIG_H
#define OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_CONFIG_H

#include "../../infra_config.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_INFRA_INFRA_CONFIG_H */
