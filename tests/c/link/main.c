/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that names no HAL function itself: only the library asks for them. */
#include <stddef.h>

#include "ota_api.h"

int main(void)
{
    return IOT_OTA_Init(NULL, NULL, NULL) == NULL ? 0 : 1;
}
