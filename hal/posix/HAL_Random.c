/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A number below `region`; 0 when `region` is 0. */
#include "hal_posix.h"

uint32_t HAL_Random(uint32_t region)
{
    return region == 0 ? 0 : (uint32_t)(otakit_hal_random_next() % region);
}
