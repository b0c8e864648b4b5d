/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keeps a copy for this process; returns the length, or -1 for NULL or more than 32 bytes. */
#include "hal_posix.h"

int HAL_SetDeviceName(char *device_name)
{
    return otakit_hal_identity_set(&otakit_hal_identity_device_name, device_name);
}
