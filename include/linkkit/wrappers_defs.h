/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_defs.h
 * @brief Types and constants of the HAL functions.
 */
#ifndef OTAKIT_LINKKIT_WRAPPERS_DEFS_H
#define OTAKIT_LINKKIT_WRAPPERS_DEFS_H

#include "infra_types.h"
#include "infra_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/** As a time-out of HAL_SemaphoreWait: forever. */
#define PLATFORM_WAIT_INFINITE (~0)

/** Priority of a thread; a port maps it onto what its system has. */
typedef enum {
    os_thread_priority_idle = -3,
    os_thread_priority_low = -2,
    os_thread_priority_belowNormal = -1,
    os_thread_priority_normal = 0,
    os_thread_priority_aboveNormal = 1,
    os_thread_priority_high = 2,
    os_thread_priority_realtime = 3,
    os_thread_priority_error = 0x84
} hal_os_thread_priority_t;

/** How HAL_ThreadCreate is to make a thread. */
typedef struct {
    hal_os_thread_priority_t priority;
    void *stack_addr; /**< memory for the stack, or NULL: the port takes its own */
    int stack_size;   /**< bytes; 0: the port's default */
    int detach_state; /**< not 0: the thread is detached */
    char *name;       /**< NUL-terminated, may be NULL */
} hal_os_thread_param_t;

/** Allocator for a port's TLS. */
typedef struct {
    void *(*malloc)(uint32_t size);
    void (*free)(void *ptr);
} ssl_hooks_t;

/** Allocator for a port's DTLS. */
typedef struct {
    void *(*malloc)(uint32_t size);
    void (*free)(void *ptr);
} dtls_hooks_t;

/** A DTLS peer. */
typedef struct {
    unsigned char *p_ca_cert_pem; /**< CA certificates in PEM, NUL-terminated */
    char *p_host;                 /**< host name, NUL-terminated */
    unsigned short port;
} coap_dtls_options_t;

/** A port's DTLS session. */
typedef void DTLSContext;

#define DTLS_ERROR_BASE (1 << 24)
#define DTLS_SUCCESS (0)
#define DTLS_INVALID_PARAM (DTLS_ERROR_BASE | 1)
#define DTLS_INVALID_CA_CERTIFICATE (DTLS_ERROR_BASE | 2)
#define DTLS_HANDSHAKE_IN_PROGRESS (DTLS_ERROR_BASE | 3)
#define DTLS_HANDSHAKE_FAILED (DTLS_ERROR_BASE | 4)
#define DTLS_FATAL_ALERT_MESSAGE (DTLS_ERROR_BASE | 5)
#define DTLS_PEER_CLOSE_NOTIFY (DTLS_ERROR_BASE | 6)
#define DTLS_SESSION_CREATE_FAILED (DTLS_ERROR_BASE | 7)
#define DTLS_READ_DATA_FAILED (DTLS_ERROR_BASE | 8)

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_WRAPPERS_DEFS_H */
