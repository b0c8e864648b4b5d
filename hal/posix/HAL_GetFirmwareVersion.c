/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A placeholder: a firmware names its own version. Room for 64 bytes and a NUL is asked of the caller.
 * The value is the one that Link Kit's own POSIX port answers, so that tools which look for it still do.
 */
#include "hal_posix.h"

#include <string.h>

int HAL_GetFirmwareVersion(char *version)
{
    static const char placeholder[] = "app-1.0.0-20180101.1000";

    if (version == NULL) {
        return -1;
    }
    memcpy(version, placeholder, sizeof(placeholder));
    return (int)sizeof(placeholder) - 1;
}
