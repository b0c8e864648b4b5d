/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CHECK(condition): ends the program with the line that failed, in every build type. */
#ifndef OTAKIT_TEST_CHECK_H
#define OTAKIT_TEST_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                    \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);          \
            exit(1);                                                                        \
        }                                                                                   \
    } while (0)

#endif
