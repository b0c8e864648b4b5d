/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dynreg_api.h
 * @brief Generation V3.10, the include layout of AliOS Things: dynreg_api.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_DYNREG_API_H
#define OTAKIT_LINKKIT_V310_LINKKIT_DYNREG_API_H

#include "../dynreg_api.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_DYNREG_API_H */
