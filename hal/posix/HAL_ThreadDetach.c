/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lets a running thread clean up by itself at its end; the handle is void afterwards. */
#include "hal_posix.h"

void HAL_ThreadDetach(void *handle)
{
    if (handle != NULL) {
        pthread_detach((pthread_t)(uintptr_t)handle);
    }
}
