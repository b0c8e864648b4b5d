/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Ends the timer and frees it. Waits for a call of its function that runs, unless it is called inside it: then the timer is freed
 * when the function returns. 0, or -1 for NULL.
 */
#include "hal_posix.h"

int HAL_Timer_Delete(void *handle)
{
    struct otakit_hal_timer *timer = handle;
    pthread_t thread;

    if (timer == NULL) {
        return -1;
    }
    pthread_mutex_lock(&timer->lock);
    timer->armed = 0;
    timer->over = 1;
    if (!timer->has_thread) {
        pthread_mutex_unlock(&timer->lock);
        otakit_hal_timer_free(timer);
        return 0;
    }
    thread = timer->thread;
    if (pthread_equal(thread, pthread_self())) {
        /* The thread frees the timer. */
        pthread_detach(thread);
        timer->has_thread = 0;
        pthread_mutex_unlock(&timer->lock);
        return 0;
    }
    pthread_cond_broadcast(&timer->changed);
    pthread_mutex_unlock(&timer->lock);
    pthread_join(thread, NULL);
    otakit_hal_timer_free(timer);
    return 0;
}
