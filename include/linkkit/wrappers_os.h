/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_os.h
 * @brief Porting layer: memory, time, text output, random numbers, threads. The general rules are in wrappers.h.
 */
#ifndef OTAKIT_LINKKIT_WRAPPERS_OS_H
#define OTAKIT_LINKKIT_WRAPPERS_OS_H

#include <stdarg.h>

#include "infra_types.h"
#include "wrappers_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- memory ---- */

/**
 * @brief Allocates memory, aligned for any C type. Any thread.
 * @param size bytes
 * @return the block, not necessarily zeroed; NULL if there is none
 */
void *HAL_Malloc(uint32_t size);

/**
 * @brief Frees a block of HAL_Malloc. Any thread.
 * @param ptr the block; NULL does nothing
 */
void HAL_Free(void *ptr);

/* ---- time ---- */

/**
 * @brief Milliseconds since some fixed moment. Never goes back and does not follow the clock on the wall. Any thread.
 * @return milliseconds; the full 64 bits, i.e. no wrap after 49 days
 */
uint64_t HAL_UptimeMs(void);

/**
 * @brief Lets the calling thread sleep. Any thread.
 * @param ms milliseconds, at least that long; 0 may return at once
 */
void HAL_SleepMs(uint32_t ms);

/* ---- text ---- */

/**
 * @brief Prints like printf. Any thread; the lines of two threads may mix but must not be damaged.
 *
 * Must not log through the library.
 *
 * @param fmt printf format; its arguments follow
 */
void HAL_Printf(const char *fmt, ...);

/**
 * @brief Formats like snprintf. Any thread.
 * @param str receives the text, always with NUL if len is above 0
 * @param len size of str in bytes
 * @param fmt printf format; its arguments follow
 * @return length of the whole text without NUL, which is len or more if it was cut; negative on error
 */
int HAL_Snprintf(char *str, const int len, const char *fmt, ...);

/**
 * @brief Formats like vsnprintf. Any thread.
 * @param str receives the text, always with NUL if len is above 0
 * @param len size of str in bytes
 * @param fmt printf format
 * @param ap  its arguments; the caller ends it
 * @return length of the whole text without NUL, which is len or more if it was cut; negative on error
 */
int HAL_Vsnprintf(char *str, const int len, const char *fmt, va_list ap);

/* ---- random numbers ---- */

/**
 * @brief Seeds HAL_Random. May do nothing where the source needs no seed. Any thread.
 * @param seed the seed
 */
void HAL_Srandom(uint32_t seed);

/**
 * @brief A random number. Not for secrets. Any thread.
 * @param region upper limit
 * @return 0..region-1; 0 if region is 0
 */
uint32_t HAL_Random(uint32_t region);

/* ---- mutexes: not recursive; unlocked by the thread that locked ---- */

/**
 * @brief Makes an unlocked mutex. Any thread.
 * @return the mutex, to be ended with HAL_MutexDestroy; NULL if there is no memory
 */
void *HAL_MutexCreate(void);

/**
 * @brief Frees a mutex that nobody holds or waits for.
 * @param mutex the mutex; NULL does nothing
 */
void HAL_MutexDestroy(void *mutex);

/**
 * @brief Locks; blocks until it can.
 * @param mutex the mutex
 */
void HAL_MutexLock(void *mutex);

/**
 * @brief Unlocks.
 * @param mutex the mutex, locked by the calling thread
 */
void HAL_MutexUnlock(void *mutex);

/* ---- semaphores ---- */

/**
 * @brief Makes a counting semaphore with count 0. Any thread.
 * @return the semaphore, to be ended with HAL_SemaphoreDestroy; NULL if there is no memory
 */
void *HAL_SemaphoreCreate(void);

/**
 * @brief Frees a semaphore that nobody waits for.
 * @param sem the semaphore; NULL does nothing
 */
void HAL_SemaphoreDestroy(void *sem);

/**
 * @brief Adds one to the count and wakes a waiting thread. Any thread; does not block.
 * @param sem the semaphore
 */
void HAL_SemaphorePost(void *sem);

/**
 * @brief Takes one from the count; blocks while it is 0.
 * @param sem        the semaphore
 * @param timeout_ms longest wait; PLATFORM_WAIT_INFINITE: no limit
 * @retval 0  taken
 * @retval -1 not in time, or an error
 */
int HAL_SemaphoreWait(void *sem, uint32_t timeout_ms);

/* ---- threads ---- */

/**
 * @brief Starts a thread.
 * @param thread_handle    receives its handle, for HAL_ThreadDelete
 * @param work_routine     what it runs; its result is not used
 * @param arg              handed to it
 * @param hal_os_thread_param how it is to be made; NULL: the port's defaults. Borrowed for the call, but the name,
 *                            which must outlive the thread.
 * @param stack_used       receives how much of stack_addr was taken, in bytes, or 0; may be NULL
 * @return 0; negative if it could not be started
 */
int HAL_ThreadCreate(void **thread_handle, void *(*work_routine)(void *), void *arg,
                     hal_os_thread_param_t *hal_os_thread_param, int *stack_used);

/**
 * @brief Ends a thread and frees its handle.
 * @param thread_handle the thread; NULL: the calling thread, in which case it does not return
 */
void HAL_ThreadDelete(void *thread_handle);

/* ---- the device ---- */

/** @brief Restarts the device. Does not return. The library never calls it. */
void HAL_Reboot(void);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_WRAPPERS_OS_H */
