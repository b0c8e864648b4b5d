/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Copies what HAL_SetProductKey stored (up to 20 bytes and a NUL); returns its length, 0 while nothing is
 * set.
 */
#include "hal_posix.h"

int HAL_GetProductKey(char *product_key)
{
    return otakit_hal_identity_get(&otakit_hal_identity_product_key, product_key);
}
