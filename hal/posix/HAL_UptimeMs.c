/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Milliseconds of a clock that nobody can set. */
#include "hal_posix.h"

uint64_t HAL_UptimeMs(void)
{
    return otakit_hal_now_ms();
}
