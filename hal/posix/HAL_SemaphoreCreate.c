/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A counting semaphore that starts at 0; NULL when memory is out. Its waits are on the monotonic clock. */
#include "hal_posix.h"

#include <stdlib.h>
#include <time.h>

void *HAL_SemaphoreCreate(void)
{
    struct otakit_hal_semaphore *sem = calloc(1, sizeof(*sem));
    pthread_condattr_t attr;
    int failed;

    if (sem == NULL) {
        return NULL;
    }
    if (pthread_condattr_init(&attr) != 0) {
        free(sem);
        return NULL;
    }
    failed = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 ||
             pthread_cond_init(&sem->posted, &attr) != 0;
    pthread_condattr_destroy(&attr);
    if (failed) {
        free(sem);
        return NULL;
    }
    if (pthread_mutex_init(&sem->lock, NULL) != 0) {
        pthread_cond_destroy(&sem->posted);
        free(sem);
        return NULL;
    }
    return sem;
}
