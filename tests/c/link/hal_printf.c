/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A firmware's own function; the marker shows in the program's symbols whether this object was taken. */
void HAL_Printf(const char *fmt, ...);

int firmware_has_printf = 1;

void HAL_Printf(const char *fmt, ...)
{
    (void)fmt;
}
