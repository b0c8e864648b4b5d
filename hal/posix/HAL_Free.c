/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* free: for what HAL_Malloc, HAL_Calloc and HAL_Realloc returned. NULL is allowed. */
#include "hal_posix.h"

#include <stdlib.h>

void HAL_Free(void *ptr)
{
    free(ptr);
}
