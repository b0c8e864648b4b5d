/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frees an unlocked mutex. NULL is allowed. */
#include "hal_posix.h"

#include <stdlib.h>

void HAL_MutexDestroy(void *mutex)
{
    if (mutex != NULL) {
        pthread_mutex_destroy(mutex);
        free(mutex);
    }
}
