/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_tls.h
 * @brief Generation V3.10, the include layout of AliOS Things, with the folder above on the include path: wrappers_tls.h.
 */
#ifndef OTAKIT_LINKKIT_V310_WRAPPERS_WRAPPERS_TLS_H
#define OTAKIT_LINKKIT_V310_WRAPPERS_WRAPPERS_TLS_H

#include "../wrappers_tls.h"

#endif /* OTAKIT_LINKKIT_V310_WRAPPERS_WRAPPERS_TLS_H */
