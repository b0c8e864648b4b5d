/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_mem_stats.h
 * @brief The LITE_* allocation macros of Link Kit programs, over HAL_Malloc and HAL_Free.
 *
 * Blocks are not recorded; IOT_DumpMemoryStats reports the library's own use. The optional arguments (a magic
 * number and a module name) are accepted and ignored.
 */
#ifndef OTAKIT_LINKKIT_INFRA_MEM_STATS_H
#define OTAKIT_LINKKIT_INFRA_MEM_STATS_H

#include <string.h>

#include "infra_types.h"
/* This generation's, unless the program has those of another. */
#if !defined(OTAKIT_LINKKIT_V310_INFRA_COMPAT_H) && !defined(OTAKIT_LINKKIT_V23_IOT_EXPORT_H)
#include "infra_compat.h"
#endif
#include "wrappers_os.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What callers pass as the magic number in front of the module name. */
#define MEM_MAGIC (0x1234)

/**
 * @brief Allocates zeroed memory.
 * @param num  number of elements
 * @param size size of one, in bytes
 * @return the block, to be freed with LITE_free or HAL_Free; NULL if num * size is 0, does not fit 32 bits, or
 *         there is no memory.
 */
LINKKIT_INLINE void *linkkit_zalloc(size_t num, size_t size)
{
    void *block;

    if (num == 0 || size == 0 || num > (size_t)UINT32_MAX / size) {
        return NULL;
    }
    block = HAL_Malloc((uint32_t)(num * size));
    if (block != NULL) {
        memset(block, 0, num * size);
    }
    return block;
}

/* The first and the second of the arguments; the dummy that callers append keeps "..." from being empty. */
#define LINKKIT_ARG1(a, ...) (a)
#define LINKKIT_ARG2(a, b, ...) (b)

/** LITE_malloc(size, ...): a zeroed block of size bytes, or NULL. */
#define LITE_malloc(...) linkkit_zalloc(1, (size_t)LINKKIT_ARG1(__VA_ARGS__, 0))

/** LITE_calloc(num, size, ...): a zeroed block of num * size bytes, or NULL. */
#define LITE_calloc(...) \
    linkkit_zalloc((size_t)LINKKIT_ARG1(__VA_ARGS__, 0), (size_t)LINKKIT_ARG2(__VA_ARGS__, 0))

/** LITE_free(ptr): frees the block, if there is one, and sets the variable ptr to NULL. */
#define LITE_free(ptr) \
    do { \
        if ((ptr) != NULL) { \
            HAL_Free((void *)(ptr)); \
            (ptr) = NULL; \
        } \
    } while (0)

/** LITE_dump_malloc_free_stats(level): the same as IOT_DumpMemoryStats. */
#define LITE_dump_malloc_free_stats(level) IOT_DumpMemoryStats((IOT_LogLevel)(level))

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_INFRA_MEM_STATS_H */
