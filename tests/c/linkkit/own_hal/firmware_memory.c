/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The other half: memory. It says on stderr that it was called.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void *HAL_Malloc(uint32_t size);
void HAL_Free(void *memory);

void *HAL_Malloc(uint32_t size)
{
    static int said;

    if (!said) {
        said = 1;
        fprintf(stderr, "own HAL_Malloc\n");
    }
    return malloc(size);
}

void HAL_Free(void *memory)
{
    static int said;

    if (!said) {
        said = 1;
        fprintf(stderr, "own HAL_Free\n");
    }
    free(memory);
}
