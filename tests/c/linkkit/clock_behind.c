/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * To be preloaded: a device whose clock was never set. It says the second day of 1970; time that has passed is right.
 */
#define _GNU_SOURCE

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t which, struct timespec *now)
{
    int failed = (int)syscall(SYS_clock_gettime, which, now);

    if (failed == 0 && which == CLOCK_REALTIME) {
        now->tv_sec = 86400;
    }
    return failed;
}
