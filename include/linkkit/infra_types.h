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

/* Markers of HAL ports: read, written, may be NULL; exported from a library. They expand to nothing. */
#ifndef _IN_
#define _IN_
#endif
#ifndef _OU_
#define _OU_
#endif
#ifndef _IN_OPT_
#define _IN_OPT_
#endif
#ifndef DLL_HAL_API
#define DLL_HAL_API
#endif

/** For the functions that these headers implement: C90 has no inline of its own, its compilers have this one. */
#if defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L)
#define LINKKIT_INLINE static inline
#else
#define LINKKIT_INLINE static __inline
#endif

#endif /* OTAKIT_LINKKIT_INFRA_TYPES_H */
