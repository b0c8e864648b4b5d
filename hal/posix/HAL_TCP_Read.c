/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Waits up to `timeout_ms` for the first bytes and returns how many came, at most `len`. 0: nothing came in
 * time. -1: the peer closed the connection. -2: it broke, or the handle is none.
 */
#include "hal_posix.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

int32_t HAL_TCP_Read(uintptr_t handle, char *buf, uint32_t len, uint32_t timeout_ms)
{
    uint64_t deadline = otakit_hal_now_ms() + timeout_ms;
    int fd = otakit_hal_descriptor(handle);

    if (fd < 0 || (buf == NULL && len > 0)) {
        return -2;
    }
    if (len == 0) {
        return 0;
    }
    if (len > INT32_MAX) {
        len = INT32_MAX;
    }
    for (;;) {
        ssize_t n = recv(fd, buf, len, MSG_DONTWAIT);
        int ready;

        if (n > 0) {
            otakit_hal_peer_read(fd, 1);
            return (int32_t)n;
        }
        if (n == 0) {
            otakit_hal_peer_read(fd, 0);
            return -1;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            otakit_hal_peer_read(fd, 0);
            return -2;
        }
        ready = otakit_hal_wait(fd, POLLIN, deadline);
        if (ready <= 0) {
            otakit_hal_peer_read(fd, 0);
            return ready == 0 ? 0 : -2;
        }
    }
}
