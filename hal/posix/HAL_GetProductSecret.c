/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Copies what HAL_SetProductSecret stored (up to 64 bytes and a NUL); returns its length, 0 while nothing
 * is set.
 */
#include "hal_posix.h"

int HAL_GetProductSecret(char *product_secret)
{
    return otakit_hal_identity_get(&otakit_hal_identity_product_secret, product_secret);
}
