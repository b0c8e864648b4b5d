/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module's id is given by the platform to a vendor; without one: an empty string and 0. */
#include "hal_posix.h"

int HAL_GetModuleID(char *module_id)
{
    if (module_id == NULL) {
        return -1;
    }
    module_id[0] = '\0';
    return 0;
}
