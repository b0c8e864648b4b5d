/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lets one waiter through, now or later. NULL is ignored. */
#include "hal_posix.h"

#include <limits.h>

void HAL_SemaphorePost(void *handle)
{
    struct otakit_hal_semaphore *sem = handle;

    if (sem != NULL) {
        pthread_mutex_lock(&sem->lock);
        if (sem->count < UINT_MAX) {
            sem->count++;
        }
        pthread_cond_signal(&sem->posted);
        pthread_mutex_unlock(&sem->lock);
    }
}
