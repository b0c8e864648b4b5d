/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Zeroed memory of HAL_Malloc, so that it fits a firmware's own HAL_Free. NULL when the product overflows. */
#include "hal_posix.h"

#include <string.h>

void *HAL_Calloc(uint32_t count, uint32_t size)
{
    void *ptr;

    if (size != 0 && count > UINT32_MAX / size) {
        return NULL;
    }
    ptr = HAL_Malloc(count * size);
    if (ptr != NULL) {
        memset(ptr, 0, (size_t)count * size);
    }
    return ptr;
}
