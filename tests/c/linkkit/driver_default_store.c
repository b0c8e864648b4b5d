/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * In place of driver_store.c: downloads go to the default HAL's file.
 */
#include "driver_model.h"

const entry_t store_commands[] = {{NULL, 0, NULL}};

void store_cleanup(void)
{
}
