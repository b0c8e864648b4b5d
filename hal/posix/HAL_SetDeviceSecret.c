/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keeps a copy for this process; returns the length, or -1 for NULL or more than 64 bytes. */
#include "hal_posix.h"

int HAL_SetDeviceSecret(char *device_secret)
{
    return otakit_hal_identity_set(&otakit_hal_identity_device_secret, device_secret);
}
