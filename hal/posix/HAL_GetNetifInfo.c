/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The network interface matters to a radio module's vendor alone; without one: an empty string and 0. */
#include "hal_posix.h"

int HAL_GetNetifInfo(char *info)
{
    if (info == NULL) {
        return -1;
    }
    info[0] = '\0';
    return 0;
}
