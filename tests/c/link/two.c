/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Our library, and another archive with a Rust standard library of its own whose panics still unwind. */
#include <stddef.h>

#include "ota_api.h"

int second_catches_its_panic(int value);

int main(void)
{
    if (IOT_OTA_Init(NULL, NULL, NULL) != NULL) {
        return 1;
    }
    return second_catches_its_panic(-1) == 42 && second_catches_its_panic(7) == 7 ? 0 : 2;
}
