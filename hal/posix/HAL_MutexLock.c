/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Waits for the mutex. NULL is ignored. */
#include "hal_posix.h"

void HAL_MutexLock(void *mutex)
{
    if (mutex != NULL) {
        pthread_mutex_lock(mutex);
    }
}
