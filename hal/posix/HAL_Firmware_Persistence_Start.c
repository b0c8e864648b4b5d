/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Begins a firmware file; one that was not stopped is thrown away. A failure shows in the first Write. */
#include "hal_posix.h"

void HAL_Firmware_Persistence_Start(void)
{
    otakit_hal_persistence_start();
}
