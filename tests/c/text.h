/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Fixed fields of text, as the SDKs' structures have them.
 */
#ifndef OTAKIT_TEST_TEXT_H
#define OTAKIT_TEST_TEXT_H

#include <string.h>

/* The bytes of a text, as many as fit, then zeros: one that fills the field has no NUL at its end. What strncpy does, of
 * which compilers say, at this level of optimisation or that, that it is a mistake. */
static inline void text_fill(char *field, const char *text, size_t size)
{
    size_t length = strlen(text);

    if (length > size) {
        length = size;
    }
    memcpy(field, text, length);
    memset(field + length, 0, size - length);
}

#endif
