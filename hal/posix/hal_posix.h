/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Internal header of the POSIX defaults: the HAL_* prototypes and what the defaults share.
 *
 * Each HAL_* function is alone in its object file, so that a linker takes exactly those that a firmware
 * lacks. What several of them share lives in objects of its own, under the prefix otakit_hal_.
 */
#ifndef OTAKIT_HAL_POSIX_H
#define OTAKIT_HAL_POSIX_H

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* How long HAL_TCP_Establish may take, name resolution included. */
#ifndef OTAKIT_HAL_ESTABLISH_MS
#define OTAKIT_HAL_ESTABLISH_MS 10000
#endif

/* How long one address is tried alone before the next one joins. */
#ifndef OTAKIT_HAL_NEXT_ADDRESS_MS
#define OTAKIT_HAL_NEXT_ADDRESS_MS 250
#endif

/* Longest values without the NUL; a caller's buffer has room for one byte more. */
#define OTAKIT_HAL_PRODUCT_KEY_LEN 20
#define OTAKIT_HAL_DEVICE_NAME_LEN 32
#define OTAKIT_HAL_SECRET_LEN 64
#define OTAKIT_HAL_DEVICE_ID_LEN 64

/* A "wait for ever" in milliseconds. */
#define OTAKIT_HAL_INFINITE UINT32_MAX

#if defined(__GNUC__)
#define OTAKIT_HAL_FORMAT(text, first) __attribute__((format(printf, text, first)))
#else
#define OTAKIT_HAL_FORMAT(text, first)
#endif

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

typedef struct {
    hal_os_thread_priority_t priority;
    void *stack_addr;
    int stack_size;
    int detach_state;
    char *name;
} hal_os_thread_param_t;

/* Network */
uintptr_t HAL_TCP_Establish(const char *host, uint16_t port);
int HAL_TCP_Destroy(uintptr_t fd);
int32_t HAL_TCP_Write(uintptr_t fd, const char *buf, uint32_t len, uint32_t timeout_ms);
int32_t HAL_TCP_Read(uintptr_t fd, char *buf, uint32_t len, uint32_t timeout_ms);

/* Identity */
int HAL_GetProductKey(char *product_key);
int HAL_GetProductSecret(char *product_secret);
int HAL_GetDeviceName(char *device_name);
int HAL_GetDeviceSecret(char *device_secret);
int HAL_SetProductKey(char *product_key);
int HAL_SetProductSecret(char *product_secret);
int HAL_SetDeviceName(char *device_name);
int HAL_SetDeviceSecret(char *device_secret);
int HAL_GetFirmwareVersion(char *version);
int HAL_GetPartnerID(char *partner_id);
int HAL_GetModuleID(char *module_id);
int HAL_GetDeviceID(char *device_id);
char *HAL_GetChipID(char *chip_id);
int HAL_GetNetifInfo(char *info);

/* Operating system */
void *HAL_Malloc(uint32_t size);
void *HAL_Realloc(void *ptr, uint32_t size);
void *HAL_Calloc(uint32_t count, uint32_t size);
void HAL_Free(void *ptr);
uint64_t HAL_UptimeMs(void);
void HAL_SleepMs(uint32_t ms);
void HAL_Srandom(uint32_t seed);
uint32_t HAL_Random(uint32_t region);
void HAL_Printf(const char *fmt, ...) OTAKIT_HAL_FORMAT(1, 2);
int HAL_Snprintf(char *str, const int len, const char *fmt, ...) OTAKIT_HAL_FORMAT(3, 4);
int HAL_Vsnprintf(char *str, const int len, const char *fmt, va_list ap) OTAKIT_HAL_FORMAT(3, 0);
void *HAL_MutexCreate(void);
void HAL_MutexDestroy(void *mutex);
void HAL_MutexLock(void *mutex);
void HAL_MutexUnlock(void *mutex);
void *HAL_SemaphoreCreate(void);
void HAL_SemaphoreDestroy(void *sem);
void HAL_SemaphorePost(void *sem);
int HAL_SemaphoreWait(void *sem, uint32_t timeout_ms);
int HAL_ThreadCreate(void **handle, void *(*work)(void *), void *arg, hal_os_thread_param_t *param,
                     int *stack_used);
void HAL_ThreadDetach(void *handle);
void HAL_ThreadDelete(void *handle);
void HAL_Reboot(void);

/* Storage */
int HAL_Kv_Set(const char *key, const void *val, int len, int sync);
int HAL_Kv_Get(const char *key, void *val, int *buffer_len);
int HAL_Kv_Del(const char *key);
void HAL_Firmware_Persistence_Start(void);
int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length);
int HAL_Firmware_Persistence_Stop(void);

/* clock.c: milliseconds that never jump. */
uint64_t otakit_hal_now_ms(void);

/* identity.c: the process-wide identity, behind one lock. */
struct otakit_hal_identity_field;
extern struct otakit_hal_identity_field otakit_hal_identity_product_key;
extern struct otakit_hal_identity_field otakit_hal_identity_product_secret;
extern struct otakit_hal_identity_field otakit_hal_identity_device_name;
extern struct otakit_hal_identity_field otakit_hal_identity_device_secret;
/* Copies the value with its NUL; returns its length, or -1 for a NULL buffer. */
int otakit_hal_identity_get(const struct otakit_hal_identity_field *field, char *out);
/* Takes a copy; returns its length, or -1 for NULL or a value that is too long. */
int otakit_hal_identity_set(struct otakit_hal_identity_field *field, const char *value);

/* resolve.c: addresses of a host, or NULL. Returns by the deadline; free with freeaddrinfo. */
struct addrinfo *otakit_hal_resolve(const char *host, uint16_t port, uint64_t deadline_ms);

/* poll.c: 1 ready (or broken: the next call tells), 0 the deadline passed, -1 error. */
int otakit_hal_wait(int fd, short events, uint64_t deadline_ms);
/* poll.c: what is left until the deadline, in the form that poll() takes. */
int otakit_hal_left(uint64_t deadline_ms);
/* poll.c: the descriptor inside a handle of HAL_TCP_Establish, or -1. */
int otakit_hal_descriptor(uintptr_t handle);

/* random.c */
void otakit_hal_random_seed(uint32_t seed);
uint64_t otakit_hal_random_next(void);

/* HAL_Semaphore*: a counter that can be waited for on the monotonic clock. */
struct otakit_hal_semaphore {
    pthread_mutex_t lock;
    pthread_cond_t posted;
    unsigned count;
};

/* file.c: the path of a key's file (malloc'ed), creating the directory when `create`; NULL on failure. */
char *otakit_hal_kv_path(const char *key, int create);
/* file.c: writes all, whatever the number of calls; 0 or -1. */
int otakit_hal_write_all(int fd, const void *data, size_t len);
/* file.c: makes a rename or removal in the directory of `path` durable. */
void otakit_hal_sync_parent(const char *path);

/* persistence.c: one firmware file at a time. */
void otakit_hal_persistence_start(void);
int otakit_hal_persistence_write(const char *data, size_t len);
int otakit_hal_persistence_stop(void);

#endif
