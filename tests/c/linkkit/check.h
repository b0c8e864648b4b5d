/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The least that a stand-alone C test needs: compare, say what differed, count.
 */
#ifndef OTAKIT_TEST_CHECK_H
#define OTAKIT_TEST_CHECK_H

#include <stdio.h>

static int checks_made;
static int checks_failed;

#define CHECK_EQ(expression, expected)                                                                              \
    do {                                                                                                            \
        long long got_ = (long long)(expression), want_ = (long long)(expected);                                    \
        checks_made++;                                                                                              \
        if (got_ != want_) {                                                                                        \
            checks_failed++;                                                                                        \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #expression, got_, want_);        \
        }                                                                                                           \
    } while (0)

/* Prints the closing line; the value is the program's exit code. */
static int checks_done(const char *program)
{
    printf("%s: %d checks, %d failed\n", program, checks_made, checks_failed);
    return checks_failed == 0 ? 0 : 1;
}

#endif
