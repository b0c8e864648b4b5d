/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Gives the mutex back. NULL is ignored. */
#include "hal_posix.h"

void HAL_MutexUnlock(void *mutex)
{
    if (mutex != NULL) {
        pthread_mutex_unlock(mutex);
    }
}
