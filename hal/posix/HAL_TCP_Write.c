/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Writes all of `len` bytes, waiting up to `timeout_ms` for room. Returns how many were written: less than
 * `len` when the time was up. -1: the peer closed the connection. -2: it broke, or the handle is none.
 * Raises no SIGPIPE.
 */
#include "hal_posix.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* where SO_NOSIGPIPE, set at connect, does it */
#endif

int32_t HAL_TCP_Write(uintptr_t handle, const char *buf, uint32_t len, uint32_t timeout_ms)
{
    uint64_t deadline = otakit_hal_now_ms() + timeout_ms;
    int fd = otakit_hal_descriptor(handle);
    uint32_t done = 0;

    if (fd < 0 || (buf == NULL && len > 0)) {
        return -2;
    }
    if (len > INT32_MAX) {
        len = INT32_MAX;
    }
    while (done < len) {
        ssize_t n = send(fd, buf + done, len - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        int ready;

        if (n >= 0) {
            done += (uint32_t)n;
            continue;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno == EPIPE || errno == ECONNRESET) {
            return -1;
        }
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            return -2;
        }
        ready = otakit_hal_wait(fd, POLLOUT, deadline);
        if (ready < 0) {
            return -2;
        }
        if (ready == 0) {
            break;
        }
    }
    return (int32_t)done;
}
