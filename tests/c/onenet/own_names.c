/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A Link Kit firmware that has an `ota_init` of its own, linked with a library that has OneNET's as well: its own counts.
 */
#include <stdio.h>

#include "ota_api.h"
#include "otakit.h"

int ota_init(void);
void ota_deinit(void);

int ota_init(void)
{
    return 4711;
}

void ota_deinit(void)
{
}

int main(void)
{
    ota_deinit();
    /* Both pull the library in. */
    printf("%s %d %d\n", otakit_version(), IOT_OTA_Deinit(NULL), ota_init());
    return ota_init() == 4711 ? 0 : 1;
}
