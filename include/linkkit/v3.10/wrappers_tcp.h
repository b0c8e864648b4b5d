/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_tcp.h
 * @brief Generation V3.10: as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V310_WRAPPERS_TCP_H
#define OTAKIT_LINKKIT_V310_WRAPPERS_TCP_H

#include "infra_defs.h"
#include "../wrappers_tcp.h"

#endif /* OTAKIT_LINKKIT_V310_WRAPPERS_TCP_H */
