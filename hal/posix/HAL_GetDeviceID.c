/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* "<product key>.<device name>", whoever provides the two; empty (and 0) while either is missing. */
#include "hal_posix.h"

#include <stdio.h>

int HAL_GetDeviceID(char *device_id)
{
    /* Larger than the documented limits: a firmware's own function may be careless. */
    char key[160] = "";
    char name[160] = "";
    int len;

    if (device_id == NULL) {
        return -1;
    }
    device_id[0] = '\0';
    if (HAL_GetProductKey(key) <= 0 || HAL_GetDeviceName(name) <= 0) {
        return 0;
    }
    len = snprintf(device_id, OTAKIT_HAL_DEVICE_ID_LEN + 1, "%.*s.%.*s", OTAKIT_HAL_PRODUCT_KEY_LEN, key,
                   OTAKIT_HAL_DEVICE_NAME_LEN, name);
    return len;
}
