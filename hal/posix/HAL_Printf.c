/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* printf, and out at once: a firmware's last words must not stay in a buffer. */
#include "hal_posix.h"

#include <stdio.h>

void HAL_Printf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    fflush(stdout);
}
