/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* realloc: for memory of the default HAL_Malloc only, whose sizes it needs. */
#include "hal_posix.h"

#include <stdlib.h>

void *HAL_Realloc(void *ptr, uint32_t size)
{
    return realloc(ptr, size);
}
