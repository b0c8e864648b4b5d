/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Copies what HAL_SetDeviceSecret stored (up to 64 bytes and a NUL); returns its length, 0 while nothing is
 * set.
 */
#include "hal_posix.h"

int HAL_GetDeviceSecret(char *device_secret)
{
    return otakit_hal_identity_get(&otakit_hal_identity_device_secret, device_secret);
}
