/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* vsnprintf; -1 for a negative size. */
#include "hal_posix.h"

#include <stdio.h>

int HAL_Vsnprintf(char *str, const int len, const char *fmt, va_list ap)
{
    return len < 0 ? -1 : vsnprintf(str, (size_t)len, fmt, ap);
}
