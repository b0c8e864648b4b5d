/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Compile-time checks of values, layouts and prototypes. A file that uses them needs C11 and checks by compiling. */
#ifndef OTAKIT_TESTS_ABI_CHECK_H
#define OTAKIT_TESTS_ABI_CHECK_H

#include <stddef.h>
#include <stdint.h>

#define ABI_IS_64 (sizeof(void *) == 8)

/* A macro or enumerator has this value. */
#define ABI_VALUE(name, value) _Static_assert((name) == (value), #name " is not " #value)

/* A type has this size: on 64-bit, on 32-bit targets. */
#define ABI_SIZE(type, size64, size32) \
    _Static_assert(sizeof(type) == (ABI_IS_64 ? (size64) : (size32)), "size of " #type)

/* A member stands at this offset and has this size: both on 64-bit, both on 32-bit targets. */
#define ABI_MEMBER(type, member, offset64, size64, offset32, size32) \
    _Static_assert(offsetof(type, member) == (ABI_IS_64 ? (offset64) : (offset32)) && \
                       sizeof(((type *)0)->member) == (ABI_IS_64 ? (size64) : (size32)), \
                   "place of " #type "." #member)

/* A member has exactly this type. */
#define ABI_MEMBER_TYPE(type, member, wanted) \
    _Static_assert(_Generic(&((type *)0)->member, wanted *: 1, default: 0), "type of " #type "." #member)

/* A member is an array of exactly this type of element. */
#define ABI_MEMBER_ARRAY(type, member, element) \
    _Static_assert(_Generic(&((type *)0)->member[0], element *: 1, default: 0), "elements of " #type "." #member)

/* A member is exactly this type of pointer to a function (last, for its commas). */
#define ABI_MEMBER_FUNCTION(type, member, ...) \
    _Static_assert(_Generic(((type *)0)->member, __VA_ARGS__: 1, default: 0), "function of " #type "." #member)

/* A function is declared with exactly this type of pointer to it (last, for its commas). */
#define ABI_FUNCTION(name, ...) _Static_assert(_Generic(&name, __VA_ARGS__: 1, default: 0), "prototype of " #name)

#endif /* OTAKIT_TESTS_ABI_CHECK_H */
