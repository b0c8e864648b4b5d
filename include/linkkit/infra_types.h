/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_types.h
 * @brief The integer types of the Link Kit C API: those of <stdint.h> and <stddef.h>.
 */
#ifndef OTAKIT_LINKKIT_INFRA_TYPES_H
#define OTAKIT_LINKKIT_INFRA_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "infra_config.h"

/** True, as an int. */
#define IOT_TRUE (1)
/** False, as an int. */
#define IOT_FALSE (0)

/** For the functions that these headers implement: C90 has no inline of its own, its compilers have this one. */
#if defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L)
#define LINKKIT_INLINE static inline
#else
#define LINKKIT_INLINE static __inline
#endif

#endif /* OTAKIT_LINKKIT_INFRA_TYPES_H */
