/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* 0 when passed, -1 after `timeout_ms` without (all bits set: waits for ever) or for NULL. */
#include "hal_posix.h"

#include <time.h>

int HAL_SemaphoreWait(void *handle, uint32_t timeout_ms)
{
    struct otakit_hal_semaphore *sem = handle;
    struct timespec until;
    int failed = 0;

    if (sem == NULL) {
        return -1;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ms / 1000u);
    until.tv_nsec += (long)(timeout_ms % 1000u) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&sem->lock);
    while (sem->count == 0 && !failed) {
        failed = timeout_ms == OTAKIT_HAL_INFINITE ? pthread_cond_wait(&sem->posted, &sem->lock)
                                                   : pthread_cond_timedwait(&sem->posted, &sem->lock, &until);
    }
    if (sem->count > 0) {
        sem->count--;
        failed = 0;
    }
    pthread_mutex_unlock(&sem->lock);
    return failed ? -1 : 0;
}
