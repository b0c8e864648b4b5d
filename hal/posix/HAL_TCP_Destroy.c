/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ends a connection and its handle; 0, or -1 for what is no handle, and for a descriptor that the program has
 * closed, which is left alone. Once per handle. */
#include "hal_posix.h"

#include <sys/socket.h>
#include <unistd.h>

int HAL_TCP_Destroy(uintptr_t handle)
{
    int fd = otakit_hal_descriptor(handle);

    if (fd < 0) {
        return -1;
    }
    otakit_hal_peer_closed(fd);
    shutdown(fd, SHUT_RDWR);
    return close(fd) == 0 ? 0 : -1;
}
