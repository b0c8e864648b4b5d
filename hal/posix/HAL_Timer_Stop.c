/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The function is not called any more until the next start; a call that runs goes on. 0, or -1 for NULL. */
#include "hal_posix.h"

int HAL_Timer_Stop(void *handle)
{
    struct otakit_hal_timer *timer = handle;

    if (timer == NULL) {
        return -1;
    }
    pthread_mutex_lock(&timer->lock);
    timer->armed = 0;
    pthread_mutex_unlock(&timer->lock);
    return 0;
}
