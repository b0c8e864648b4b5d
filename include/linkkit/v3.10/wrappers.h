/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers.h
 * @brief Generation V3.10: all HAL functions.
 */
#ifndef OTAKIT_LINKKIT_V310_WRAPPERS_H
#define OTAKIT_LINKKIT_V310_WRAPPERS_H

#include "wrappers_defs.h"
#include "wrappers_tcp.h"
#include "wrappers_tls.h"
#include "wrappers_kv.h"
#include "wrappers_os.h"

#endif /* OTAKIT_LINKKIT_V310_WRAPPERS_H */
