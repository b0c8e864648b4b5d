/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A process cannot know how its machine is to be restarted: says so on stderr and returns. */
#include "hal_posix.h"

#include <stdio.h>

void HAL_Reboot(void)
{
    fputs("HAL_Reboot: not provided by this firmware, going on\n", stderr);
}
