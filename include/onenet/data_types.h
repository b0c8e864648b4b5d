/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file data_types.h
 * @brief The types of OneNET's C API: those of <stdint.h>, and a truth value of one byte.
 */
#ifndef OTAKIT_ONENET_DATA_TYPES_H
#define OTAKIT_ONENET_DATA_TYPES_H

#include <stddef.h>
#include <stdint.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A truth value: any value but 0 is true. */
typedef bool boolean;

#ifndef TRUE
#define TRUE true
#endif
#ifndef FALSE
#define FALSE false
#endif

/** Floating point of a known size. */
typedef float float32_t;
/** Floating point of a known size. */
typedef double float64_t;

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_ONENET_DATA_TYPES_H */
