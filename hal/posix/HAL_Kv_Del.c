/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Removes a key, durably; 0, or -1 (there was none). */
#include "hal_posix.h"

#include <stdlib.h>
#include <unistd.h>

int HAL_Kv_Del(const char *key)
{
    char *path = otakit_hal_kv_path(key, 0);
    int failed;

    if (path == NULL) {
        return -1;
    }
    failed = unlink(path);
    if (!failed) {
        otakit_hal_sync_parent(path);
    }
    free(path);
    return failed ? -1 : 0;
}
