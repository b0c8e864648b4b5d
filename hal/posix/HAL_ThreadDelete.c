/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Ends the calling thread (NULL or its own handle), or cancels another one and waits for its end.
 * Cancelling hits wherever the thread happens to wait, with its locks held: let a thread's function return
 * first.
 */
#include "hal_posix.h"

void HAL_ThreadDelete(void *handle)
{
    pthread_t thread = (pthread_t)(uintptr_t)handle;

    if (handle == NULL) {
        pthread_exit(NULL);
    }
    if (pthread_equal(thread, pthread_self())) {
        pthread_detach(thread);
        pthread_exit(NULL);
    }
    pthread_cancel(thread);
    pthread_join(thread, NULL);
}
