/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Starts a thread; 0, or -1. Of the parameters, `detach_state` counts, and `stack_size` where it is larger
 * than the system's default (sizes that suit a microcontroller are too small for a libc). `stack_used`
 * becomes 0. The handle of a thread that was not detached ends in HAL_ThreadDelete or HAL_ThreadDetach.
 */
#include "hal_posix.h"

int HAL_ThreadCreate(void **handle, void *(*work)(void *), void *arg, hal_os_thread_param_t *param,
                     int *stack_used)
{
    pthread_attr_t attr;
    pthread_t thread;
    size_t usual = 0;
    int failed;

    if (handle == NULL || work == NULL) {
        return -1;
    }
    *handle = NULL;
    if (stack_used != NULL) {
        *stack_used = 0;
    }
    if (pthread_attr_init(&attr) != 0) {
        return -1;
    }
    if (param != NULL) {
        if (param->detach_state) {
            pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        }
        if (param->stack_size > 0 && pthread_attr_getstacksize(&attr, &usual) == 0 &&
            (size_t)param->stack_size > usual) {
            pthread_attr_setstacksize(&attr, (size_t)param->stack_size);
        }
    }
    failed = pthread_create(&thread, &attr, work, arg);
    pthread_attr_destroy(&attr);
    if (failed) {
        return -1;
    }
    *handle = (void *)(uintptr_t)thread;
    return 0;
}
