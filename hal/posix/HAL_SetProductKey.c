/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keeps a copy for this process; returns the length, or -1 for NULL or more than 20 bytes. */
#include "hal_posix.h"

int HAL_SetProductKey(char *product_key)
{
    return otakit_hal_identity_set(&otakit_hal_identity_product_key, product_key);
}
