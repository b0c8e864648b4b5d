/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stands for the OTA library: an archive, first on the link line, that only imports HAL functions. */
#include "library.h"

#include "hal_posix.h"

#include <string.h>

uintptr_t library_connect(void)
{
    return HAL_TCP_Establish("", 77);
}

const char *library_product_key(void)
{
    static char key[OTAKIT_HAL_PRODUCT_KEY_LEN + 1];

    memset(key, 0, sizeof(key));
    HAL_GetProductKey(key);
    return key;
}

const char *library_device_name(void)
{
    static char name[OTAKIT_HAL_DEVICE_NAME_LEN + 1];

    memset(name, 0, sizeof(name));
    HAL_GetDeviceName(name);
    return name;
}

int library_set_identity(void)
{
    char key[] = "defaultKey";
    char name[] = "defaultName";

    return HAL_SetProductKey(key) == 10 && HAL_SetDeviceName(name) == 11;
}
