/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Reads a key's value into `val`, which has room for `*buffer_len` bytes; 0 and the length in
 * `*buffer_len`, or -1: no such key, or too little room (`*buffer_len` then says how much it takes and
 * `val` is left alone).
 */
#include "hal_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, char *out, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, out, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return -1;
        }
        out += n;
        len -= (size_t)n;
    }
    return 0;
}

int HAL_Kv_Get(const char *key, void *val, int *buffer_len)
{
    struct stat info;
    char *path;
    int fd, result = -1;

    if (val == NULL || buffer_len == NULL || *buffer_len < 0) {
        return -1;
    }
    path = otakit_hal_kv_path(key, 0);
    if (path == NULL) {
        return -1;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= INT_MAX) {
        if (info.st_size <= *buffer_len) {
            result = read_all(fd, val, (size_t)info.st_size);
        }
        *buffer_len = (int)info.st_size;
    }
    close(fd);
    return result;
}
