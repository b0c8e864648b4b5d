/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The thread behind HAL_Timer_*. */
#include "hal_posix.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

void otakit_hal_timer_free(struct otakit_hal_timer *timer)
{
    pthread_cond_destroy(&timer->changed);
    pthread_mutex_destroy(&timer->lock);
    free(timer);
}

static void *run(void *argument)
{
    struct otakit_hal_timer *timer = argument;
    int is_own;

    pthread_mutex_lock(&timer->lock);
    while (!timer->over) {
        if (!timer->armed) {
            pthread_cond_wait(&timer->changed, &timer->lock);
        } else if (otakit_hal_now_ms() < timer->due_ms) {
            struct timespec until;

            until.tv_sec = (time_t)(timer->due_ms / 1000u);
            until.tv_nsec = (long)(timer->due_ms % 1000u) * 1000000L;
            pthread_cond_timedwait(&timer->changed, &timer->lock, &until);
        } else {
            timer->armed = 0;
            pthread_mutex_unlock(&timer->lock);
            timer->func(timer->user_data);
            pthread_mutex_lock(&timer->lock);
        }
    }
    /* Deleted inside its own function: nobody joins this thread. */
    is_own = !timer->has_thread;
    pthread_mutex_unlock(&timer->lock);
    if (is_own) {
        otakit_hal_timer_free(timer);
    }
    return NULL;
}

int otakit_hal_timer_run(struct otakit_hal_timer *timer)
{
    sigset_t all, before;
    int failed;

    /* Signals are for the program's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&timer->thread, NULL, run, timer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    timer->has_thread = !failed;
    return failed ? -1 : 0;
}
