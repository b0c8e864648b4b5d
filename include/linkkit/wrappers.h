/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers.h
 * @brief The porting layer: every function that the firmware may provide for the library. Includes all its parts.
 *
 * A firmware defines those HAL_* functions that its platform needs and links them in front of the defaults, which are
 * for POSIX systems; each function is replaced by itself. What holds for all of them:
 *
 * Strings      are NUL-terminated. Arguments are borrowed for the call unless a function says otherwise.
 * Time         is in milliseconds. A function with a time-out returns when that is over, with what it has.
 * Blocking     HAL_TCP_* and HAL_SSL_* may block, and are called by worker threads of the library only, never from
 *              inside a timed IOT_* call: a slow port delays its own transfer, not the firmware. HAL_SleepMs,
 *              HAL_SemaphoreWait and HAL_MutexLock block by their nature. All others return at once, or nearly so.
 * Threads      HAL_Printf, HAL_Snprintf, HAL_Vsnprintf, HAL_Malloc, HAL_Free, HAL_UptimeMs, HAL_SleepMs, HAL_Random,
 *              HAL_Srandom, mutexes, semaphores and identity functions may be called from any thread, several at a
 *              time. One connection is used by one thread at a time, different connections by different threads.
 *              HAL_Kv_* may be called from any thread, one at a time per key. HAL_Firmware_Persistence_* are called
 *              by one thread, the one that runs the update.
 * Re-entry     a HAL function must not call an IOT_* function.
 */
#ifndef OTAKIT_LINKKIT_WRAPPERS_H
#define OTAKIT_LINKKIT_WRAPPERS_H

#include "wrappers_defs.h"
#include "wrappers_os.h"
#include "wrappers_tcp.h"
#include "wrappers_tls.h"
#include "wrappers_kv.h"
#include "wrappers_product.h"
#include "wrappers_ota.h"

#endif /* OTAKIT_LINKKIT_WRAPPERS_H */
