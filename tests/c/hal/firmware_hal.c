/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A firmware that brings two HAL functions of its own, in a library, and leaves the others to the defaults. */
#include "hal_posix.h"

#include <string.h>

uintptr_t HAL_TCP_Establish(const char *host, uint16_t port)
{
    (void)host;
    return 0x40000000u + port;
}

int HAL_GetProductKey(char *product_key)
{
    strcpy(product_key, "firmwareKey");
    return (int)strlen(product_key);
}
