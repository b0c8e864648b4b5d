/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "hal_posix.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

int otakit_hal_left(uint64_t deadline_ms)
{
    uint64_t now = otakit_hal_now_ms();

    if (now >= deadline_ms) {
        return 0;
    }
    return deadline_ms - now > INT_MAX ? INT_MAX : (int)(deadline_ms - now);
}

int otakit_hal_wait(int fd, short events, uint64_t deadline_ms)
{
    for (;;) {
        struct pollfd one = {fd, events, 0};
        int left = otakit_hal_left(deadline_ms);
        int n = poll(&one, 1, left);

        if (n > 0) {
            return (one.revents & POLLNVAL) ? -1 : 1;
        }
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        if (left == 0) {
            return 0;
        }
    }
}

int otakit_hal_descriptor(uintptr_t handle)
{
    /* 0, 1 and 2 are never handed out, so nobody's stdin is read for a connection that failed. */
    return handle > 2 && handle <= INT_MAX && otakit_hal_socket_is_ours((int)handle) ? (int)handle : -1;
}
