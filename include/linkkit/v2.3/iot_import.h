/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_import.h
 * @brief Generation V2.3: everything that a firmware may provide. Programs that create threads bring HAL_ThreadCreate with them: its parameters have another layout than the default one takes.
 */
#ifndef OTAKIT_LINKKIT_V23_IOT_IMPORT_H
#define OTAKIT_LINKKIT_V23_IOT_IMPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stdint.h>

/* The parameters of a thread have another layout in this generation. */
#define hal_os_thread_param_t otakit_v301_thread_param_t
#define HAL_ThreadCreate otakit_v301_HAL_ThreadCreate
#include "../wrappers_os.h"
#include "../wrappers_kv.h"
#undef hal_os_thread_param_t
#undef HAL_ThreadCreate

#ifdef __cplusplus
extern "C" {
#endif

/** How a thread is made. */
typedef struct {
    hal_os_thread_priority_t priority;
    void *stack_addr;
    size_t stack_size;
    int detach_state;
    char *name;
} hal_os_thread_param_t;

/** @brief Starts a thread; the firmware's own. */
int HAL_ThreadCreate(void **thread_handle, void *(*work_routine)(void *), void *arg,
                     hal_os_thread_param_t *hal_os_thread_param, int *stack_used);
/** @brief Lets a thread end by itself. */
void HAL_ThreadDetach(void *thread_handle);
/** @brief As realloc and calloc. */
void *HAL_Realloc(void *ptr, uint32_t size);
void *HAL_Calloc(uint32_t nmemb, uint32_t size);
/** @brief Restarts the device. */
void HAL_Reboot(void);

/**
 * @brief Makes a timer that is not running; the firmware's, with a default for POSIX systems. Any thread.
 * @param name      NUL-terminated, may be NULL
 * @param func      what it calls, in a thread of its own; may call HAL_Timer_*
 * @param user_data handed to func
 * @return the timer, to be ended with HAL_Timer_Delete; NULL without func or memory
 */
void *HAL_Timer_Create(const char *name, void (*func)(void *), void *user_data);
/** @brief Calls the timer's function once, ms milliseconds from now; one that runs begins again. @return 0 or -1 */
int HAL_Timer_Start(void *timer, int ms);
/** @brief The function is not called any more until the next start; does not wait for a call that runs. @return 0 or -1 */
int HAL_Timer_Stop(void *timer);
/** @brief Ends and frees the timer; waits for a call of its function, unless inside it. @return 0 or -1 */
int HAL_Timer_Delete(void *timer);

#ifdef __cplusplus
}
#endif

#include "iot_export.h"
#include "iot_import_product.h"
#include "iot_import_tcp.h"
#include "iot_import_ota.h"

#endif /* OTAKIT_LINKKIT_V23_IOT_IMPORT_H */
