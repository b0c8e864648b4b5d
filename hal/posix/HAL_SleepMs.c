/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sleeps for the whole time, signals or not. */
#include "hal_posix.h"

#include <errno.h>
#include <time.h>

void HAL_SleepMs(uint32_t ms)
{
    struct timespec left;

    left.tv_sec = (time_t)(ms / 1000u);
    left.tv_nsec = (long)(ms % 1000u) * 1000000L;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
