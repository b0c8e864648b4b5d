/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Built twice: with a firmware library between the OTA library and the defaults (FIRMWARE_HAL), and without. */
#include "check.h"
#include "library.h"

#include <string.h>

int main(void)
{
    CHECK(library_set_identity());
#ifdef FIRMWARE_HAL
    CHECK(library_connect() == 0x40000000u + 77);
    CHECK(strcmp(library_product_key(), "firmwareKey") == 0);
#else
    CHECK(library_connect() == 0); /* the default refuses an empty host */
    CHECK(strcmp(library_product_key(), "defaultKey") == 0);
#endif
    /* Not overridden: the default in both programs. */
    CHECK(strcmp(library_device_name(), "defaultName") == 0);
    return 0;
}
