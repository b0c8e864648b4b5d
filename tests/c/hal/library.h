/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef OTAKIT_TEST_LIBRARY_H
#define OTAKIT_TEST_LIBRARY_H

#include <stdint.h>

uintptr_t library_connect(void);
const char *library_product_key(void);
const char *library_device_name(void);
int library_set_identity(void);

#endif
