/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Makes the whole file durable and gives it its name; 0, or -1 (the file of before then stays). Stop says that
 * no more bytes come, not that they are good: only the update's verdict tells whether to boot them.
 */
#include "hal_posix.h"

int HAL_Firmware_Persistence_Stop(void)
{
    return otakit_hal_persistence_stop();
}
