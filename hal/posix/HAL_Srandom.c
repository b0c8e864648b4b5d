/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes HAL_Random repeatable. Not needed otherwise: the default seeds itself. */
#include "hal_posix.h"

void HAL_Srandom(uint32_t seed)
{
    otakit_hal_random_seed(seed);
}
