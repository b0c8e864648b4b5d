/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Stores `len` bytes under a key, in a file of its own in $OTAKIT_KV_DIR (or ./otakit_kv); 0, or -1. The
 * file is replaced at once and durably, whatever `sync` says: after a power cut the key has its old value
 * or its new one.
 */
#include "hal_posix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int HAL_Kv_Set(const char *key, const void *val, int len, int sync)
{
    static const char suffix[] = ".XXXXXX";
    char *path, *temporary;
    size_t path_len;
    int fd, failed;

    (void)sync;
    if (len < 0 || (val == NULL && len > 0)) {
        return -1;
    }
    path = otakit_hal_kv_path(key, 1);
    if (path == NULL) {
        return -1;
    }
    path_len = strlen(path);
    temporary = malloc(path_len + sizeof(suffix));
    if (temporary == NULL) {
        free(path);
        return -1;
    }
    memcpy(temporary, path, path_len);
    memcpy(temporary + path_len, suffix, sizeof(suffix));
    /* mkstemp makes it readable for the owner alone: values may be secrets. */
    fd = mkstemp(temporary);
    failed = fd < 0;
    if (fd >= 0) {
        failed = otakit_hal_write_all(fd, val, (size_t)len) != 0 || fsync(fd) != 0;
        failed = close(fd) != 0 || failed;
        failed = failed || rename(temporary, path) != 0;
        if (failed) {
            unlink(temporary);
        } else {
            otakit_hal_sync_parent(path);
        }
    }
    free(temporary);
    free(path);
    return failed ? -1 : 0;
}
