/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * One half of a firmware's own HAL, kept in a static library that is linked after the OTA library, as Link Kit firmware
 * does. Only the OTA library names this function, so whether this object is taken shows which definition wins.
 */
#include <string.h>

int HAL_GetFirmwareVersion(char *version);

int HAL_GetFirmwareVersion(char *version)
{
    strcpy(version, "own-hal-7");
    return (int)strlen(version);
}
