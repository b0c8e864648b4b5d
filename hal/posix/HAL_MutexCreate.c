/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A mutex that its owner must not lock twice; NULL when memory is out. */
#include "hal_posix.h"

#include <stdlib.h>

void *HAL_MutexCreate(void)
{
    pthread_mutex_t *mutex = malloc(sizeof(*mutex));

    if (mutex != NULL && pthread_mutex_init(mutex, NULL) != 0) {
        free(mutex);
        mutex = NULL;
    }
    return mutex;
}
