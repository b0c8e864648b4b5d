/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* snprintf; -1 for a negative size. */
#include "hal_posix.h"

#include <stdio.h>

int HAL_Snprintf(char *str, const int len, const char *fmt, ...)
{
    va_list ap;
    int written;

    if (len < 0) {
        return -1;
    }
    va_start(ap, fmt);
    written = vsnprintf(str, (size_t)len, fmt, ap);
    va_end(ap);
    return written;
}
