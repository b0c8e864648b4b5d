/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frees a semaphore that nobody waits for. NULL is allowed. */
#include "hal_posix.h"

#include <stdlib.h>

void HAL_SemaphoreDestroy(void *handle)
{
    struct otakit_hal_semaphore *sem = handle;

    if (sem != NULL) {
        pthread_cond_destroy(&sem->posted);
        pthread_mutex_destroy(&sem->lock);
        free(sem);
    }
}
