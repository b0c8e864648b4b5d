/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * malloc. A firmware that brings its own HAL_Malloc brings HAL_Free (and HAL_Realloc) too: they belong
 * together.
 */
#include "hal_posix.h"

#include <stdlib.h>

void *HAL_Malloc(uint32_t size)
{
    return malloc(size);
}
