/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_tcp.h
 * @brief Generation V3.10, the include layout of AliOS Things: wrappers_tcp.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_WRAPPERS_WRAPPERS_TCP_H
#define OTAKIT_LINKKIT_V310_LINKKIT_WRAPPERS_WRAPPERS_TCP_H

#include "../../wrappers_tcp.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_WRAPPERS_WRAPPERS_TCP_H */
