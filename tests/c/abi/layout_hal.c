/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Types of wrappers_defs.h and all functions of wrappers.h. */
#include <stdarg.h>
#include "wrappers.h"

#include "abi_check.h"

/* Macros. */
ABI_VALUE(PLATFORM_WAIT_INFINITE, (~0));
ABI_VALUE(DTLS_ERROR_BASE, (1<<24));
ABI_VALUE(DTLS_SUCCESS, (0));
ABI_VALUE(DTLS_INVALID_PARAM, (DTLS_ERROR_BASE | 1));
ABI_VALUE(DTLS_INVALID_CA_CERTIFICATE, (DTLS_ERROR_BASE | 2));
ABI_VALUE(DTLS_HANDSHAKE_IN_PROGRESS, (DTLS_ERROR_BASE | 3));
ABI_VALUE(DTLS_HANDSHAKE_FAILED, (DTLS_ERROR_BASE | 4));
ABI_VALUE(DTLS_FATAL_ALERT_MESSAGE, (DTLS_ERROR_BASE | 5));
ABI_VALUE(DTLS_PEER_CLOSE_NOTIFY, (DTLS_ERROR_BASE | 6));
ABI_VALUE(DTLS_SESSION_CREATE_FAILED, (DTLS_ERROR_BASE | 7));
ABI_VALUE(DTLS_READ_DATA_FAILED, (DTLS_ERROR_BASE | 8));

ABI_SIZE(ssl_hooks_t, 16, 8);
ABI_MEMBER(ssl_hooks_t, malloc, 0, 8, 0, 4);
ABI_MEMBER_FUNCTION(ssl_hooks_t, malloc, void *(*)(uint32_t));
ABI_MEMBER(ssl_hooks_t, free, 8, 8, 4, 4);
ABI_MEMBER_FUNCTION(ssl_hooks_t, free, void (*)(void *));

ABI_SIZE(hal_os_thread_priority_t, 4, 4);
ABI_VALUE(os_thread_priority_idle, -3);
ABI_VALUE(os_thread_priority_low, -2);
ABI_VALUE(os_thread_priority_belowNormal, -1);
ABI_VALUE(os_thread_priority_normal, 0);
ABI_VALUE(os_thread_priority_aboveNormal, 1);
ABI_VALUE(os_thread_priority_high, 2);
ABI_VALUE(os_thread_priority_realtime, 3);
ABI_VALUE(os_thread_priority_error, 132);

ABI_SIZE(hal_os_thread_param_t, 32, 20);
ABI_MEMBER(hal_os_thread_param_t, priority, 0, 4, 0, 4);
ABI_MEMBER_TYPE(hal_os_thread_param_t, priority, hal_os_thread_priority_t);
ABI_MEMBER(hal_os_thread_param_t, stack_addr, 8, 8, 4, 4);
ABI_MEMBER_TYPE(hal_os_thread_param_t, stack_addr, void *);
ABI_MEMBER(hal_os_thread_param_t, stack_size, 16, 4, 8, 4);
ABI_MEMBER_TYPE(hal_os_thread_param_t, stack_size, int);
ABI_MEMBER(hal_os_thread_param_t, detach_state, 20, 4, 12, 4);
ABI_MEMBER_TYPE(hal_os_thread_param_t, detach_state, int);
ABI_MEMBER(hal_os_thread_param_t, name, 24, 8, 16, 4);
ABI_MEMBER_TYPE(hal_os_thread_param_t, name, char *);

ABI_SIZE(dtls_hooks_t, 16, 8);
ABI_MEMBER(dtls_hooks_t, malloc, 0, 8, 0, 4);
ABI_MEMBER_FUNCTION(dtls_hooks_t, malloc, void *(*)(uint32_t));
ABI_MEMBER(dtls_hooks_t, free, 8, 8, 4, 4);
ABI_MEMBER_FUNCTION(dtls_hooks_t, free, void (*)(void *));

ABI_SIZE(coap_dtls_options_t, 24, 12);
ABI_MEMBER(coap_dtls_options_t, p_ca_cert_pem, 0, 8, 0, 4);
ABI_MEMBER_TYPE(coap_dtls_options_t, p_ca_cert_pem, unsigned char *);
ABI_MEMBER(coap_dtls_options_t, p_host, 8, 8, 4, 4);
ABI_MEMBER_TYPE(coap_dtls_options_t, p_host, char *);
ABI_MEMBER(coap_dtls_options_t, port, 16, 2, 8, 2);
ABI_MEMBER_TYPE(coap_dtls_options_t, port, unsigned short);

/* Prototypes. */
ABI_FUNCTION(HAL_GetProductKey, int (*)(char *));
ABI_FUNCTION(HAL_GetProductSecret, int (*)(char *));
ABI_FUNCTION(HAL_GetDeviceName, int (*)(char *));
ABI_FUNCTION(HAL_GetDeviceSecret, int (*)(char *));
ABI_FUNCTION(HAL_SetDeviceName, int (*)(char *));
ABI_FUNCTION(HAL_SetDeviceSecret, int (*)(char *));
ABI_FUNCTION(HAL_SetProductKey, int (*)(char *));
ABI_FUNCTION(HAL_SetProductSecret, int (*)(char *));
ABI_FUNCTION(HAL_MutexCreate, void *(*)(void));
ABI_FUNCTION(HAL_MutexDestroy, void (*)(void *));
ABI_FUNCTION(HAL_MutexLock, void (*)(void *));
ABI_FUNCTION(HAL_MutexUnlock, void (*)(void *));
ABI_FUNCTION(HAL_Malloc, void *(*)(uint32_t));
ABI_FUNCTION(HAL_Free, void (*)(void *));
ABI_FUNCTION(HAL_UptimeMs, uint64_t (*)(void));
ABI_FUNCTION(HAL_SleepMs, void (*)(uint32_t));
ABI_FUNCTION(HAL_Srandom, void (*)(uint32_t));
ABI_FUNCTION(HAL_Random, uint32_t (*)(uint32_t));
ABI_FUNCTION(HAL_Printf, void (*)(const char *, ...));
ABI_FUNCTION(HAL_Snprintf, int (*)(char *, int, const char *, ...));
ABI_FUNCTION(HAL_Vsnprintf, int (*)(char *, int, const char *, va_list));
ABI_FUNCTION(HAL_ThreadCreate, int (*)(void **, void *(*)(void *), void *, hal_os_thread_param_t *, int *));
ABI_FUNCTION(HAL_ThreadDelete, void (*)(void *));
ABI_FUNCTION(HAL_SemaphoreCreate, void *(*)(void));
ABI_FUNCTION(HAL_SemaphoreDestroy, void (*)(void *));
ABI_FUNCTION(HAL_SemaphorePost, void (*)(void *));
ABI_FUNCTION(HAL_SemaphoreWait, int (*)(void *, uint32_t));
ABI_FUNCTION(HAL_Kv_Set, int (*)(const char *, const void *, int, int));
ABI_FUNCTION(HAL_Kv_Get, int (*)(const char *, void *, int *));
ABI_FUNCTION(HAL_Kv_Del, int (*)(const char *));
ABI_FUNCTION(HAL_Firmware_Persistence_Start, void (*)(void));
ABI_FUNCTION(HAL_Firmware_Persistence_Write, int (*)(char *, uint32_t));
ABI_FUNCTION(HAL_Firmware_Persistence_Stop, int (*)(void));
ABI_FUNCTION(HAL_Reboot, void (*)(void));
ABI_FUNCTION(HAL_GetFirmwareVersion, int (*)(char *));
ABI_FUNCTION(HAL_TCP_Establish, uintptr_t (*)(const char *, uint16_t));
ABI_FUNCTION(HAL_TCP_Destroy, int (*)(uintptr_t));
ABI_FUNCTION(HAL_TCP_Write, int32_t (*)(uintptr_t, const char *, uint32_t, uint32_t));
ABI_FUNCTION(HAL_TCP_Read, int32_t (*)(uintptr_t, char *, uint32_t, uint32_t));
ABI_FUNCTION(HAL_SSLHooks_set, int (*)(ssl_hooks_t *));
ABI_FUNCTION(HAL_SSL_Establish, uintptr_t (*)(const char *, uint16_t, const char *, uint32_t));
ABI_FUNCTION(HAL_SSL_Destroy, int32_t (*)(uintptr_t));
ABI_FUNCTION(HAL_SSL_Write, int (*)(uintptr_t, const char *, int, int));
ABI_FUNCTION(HAL_SSL_Read, int (*)(uintptr_t, char *, int, int));
