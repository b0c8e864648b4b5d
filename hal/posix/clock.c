/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "hal_posix.h"

#include <time.h>

uint64_t otakit_hal_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}
