/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A timer that is not running; NULL without a function or without memory. The name is not used. */
#include "hal_posix.h"

#include <stdlib.h>
#include <time.h>

void *HAL_Timer_Create(const char *name, void (*func)(void *), void *user_data)
{
    struct otakit_hal_timer *timer;
    pthread_condattr_t attr;
    int failed;

    (void)name;
    if (func == NULL || (timer = calloc(1, sizeof(*timer))) == NULL) {
        return NULL;
    }
    timer->func = func;
    timer->user_data = user_data;
    if (pthread_mutex_init(&timer->lock, NULL) != 0) {
        free(timer);
        return NULL;
    }
    failed = pthread_condattr_init(&attr);
    if (!failed) {
        failed = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) || pthread_cond_init(&timer->changed, &attr);
        pthread_condattr_destroy(&attr);
    }
    if (failed) {
        pthread_mutex_destroy(&timer->lock);
        free(timer);
        return NULL;
    }
    return timer;
}
