/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A firmware's own function; the marker shows in the program's symbols whether this object was taken. */
#include <stdint.h>
#include <stdlib.h>

void *HAL_Malloc(uint32_t size);

int firmware_has_malloc = 1;

void *HAL_Malloc(uint32_t size)
{
    return malloc(size);
}
