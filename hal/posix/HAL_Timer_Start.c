/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Calls the function once, `ms` from now, in a thread of the timer; a timer that runs begins again. 0; -1 for NULL, a negative
 * time, or when there is no thread.
 */
#include "hal_posix.h"

int HAL_Timer_Start(void *handle, int ms)
{
    struct otakit_hal_timer *timer = handle;
    int failed = 0;

    if (timer == NULL || ms < 0) {
        return -1;
    }
    pthread_mutex_lock(&timer->lock);
    if (!timer->has_thread) {
        failed = otakit_hal_timer_run(timer);
    }
    if (!failed) {
        timer->due_ms = otakit_hal_now_ms() + (uint64_t)ms;
        timer->armed = 1;
        pthread_cond_broadcast(&timer->changed);
    }
    pthread_mutex_unlock(&timer->lock);
    return failed ? -1 : 0;
}
