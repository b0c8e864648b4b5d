/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Copies what HAL_SetDeviceName stored (up to 32 bytes and a NUL); returns its length, 0 while nothing is
 * set.
 */
#include "hal_posix.h"

int HAL_GetDeviceName(char *device_name)
{
    return otakit_hal_identity_get(&otakit_hal_identity_device_name, device_name);
}
