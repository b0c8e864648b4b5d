/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Appends; 0, or -1 (not started, or it did not reach the file: Stop will then fail too). */
#include "hal_posix.h"

int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length)
{
    return otakit_hal_persistence_write(buffer, length);
}
