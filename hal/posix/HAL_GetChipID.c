/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* POSIX knows no chip id: an empty string. Returns its argument. */
#include "hal_posix.h"

char *HAL_GetChipID(char *chip_id)
{
    if (chip_id != NULL) {
        chip_id[0] = '\0';
    }
    return chip_id;
}
