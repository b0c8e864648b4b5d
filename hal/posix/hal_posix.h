/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Internal header of the POSIX defaults: what they share.
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
#include <sys/types.h>

/* The prototypes and contracts that firmware sees too. */
#include "wrappers.h"

/* Files of 2 GiB and more on 32-bit systems too: a build without the definition fails here. */
typedef char otakit_hal_file_offsets_have_64_bits[sizeof(off_t) >= 8 ? 1 : -1];

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

/* Functions that older versions of the SDK know, and wrappers.h does not. */
char *HAL_GetChipID(char *chip_id);
void *HAL_Realloc(void *ptr, uint32_t size);
void *HAL_Calloc(uint32_t count, uint32_t size);
void HAL_ThreadDetach(void *handle);
void *HAL_Timer_Create(const char *name, void (*func)(void *), void *user_data);
int HAL_Timer_Start(void *timer, int ms);
int HAL_Timer_Stop(void *timer);
int HAL_Timer_Delete(void *timer);

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

/* resolve.c: addresses of a host, or NULL with errno set: ENODATA when there is no such name or it has no address, EAGAIN
 * when no name server answered. Returns by the deadline; free with freeaddrinfo. */
struct addrinfo *otakit_hal_resolve(const char *host, uint16_t port, uint64_t deadline_ms);

/* poll.c: 1 ready (or broken: the next call tells), 0 the deadline passed, -1 error. */
int otakit_hal_wait(int fd, short events, uint64_t deadline_ms);
/* poll.c: what is left until the deadline, in the form that poll() takes. */
int otakit_hal_left(uint64_t deadline_ms);
/* poll.c: the descriptor inside a handle of HAL_TCP_Establish; -1 for none, and when it leads elsewhere by now. */
int otakit_hal_descriptor(uintptr_t handle);

/* The library's, see otakit.h. Weak: the defaults serve programs without the library too. */
#if defined(__GNUC__)
__attribute__((weak))
#endif
void otakit_tried_address(const char *address, int error);
#if defined(__GNUC__)
__attribute__((weak))
#endif
void otakit_unresolved(const char *reason);

/* peers.c: addresses in the order in which they are tried: not first the one that ended badly last time. */
void otakit_hal_peer_order(const char *host, uint16_t port, const struct addrinfo *addresses[], int count);
/* peers.c: `fd` is a connection to that host; a read brought data, or nothing or an error; it is closed. */
void otakit_hal_peer_connected(const char *host, uint16_t port, int fd);
void otakit_hal_peer_read(int fd, int data);
void otakit_hal_peer_closed(int fd);
/* peers.c: notes which socket a descriptor leads to; whether it still does. */
void otakit_hal_socket_opened(int fd);
int otakit_hal_socket_is_ours(int fd);

/* random.c */
void otakit_hal_random_seed(uint32_t seed);
uint64_t otakit_hal_random_next(void);

/* HAL_Semaphore*: a counter that can be waited for on the monotonic clock. */
struct otakit_hal_semaphore {
    pthread_mutex_t lock;
    pthread_cond_t posted;
    unsigned count;
};

/* HAL_Timer_*, timer.c: a timer and its thread, which begins with the first start. */
struct otakit_hal_timer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    void (*func)(void *);
    void *user_data;
    uint64_t due_ms;
    unsigned char has_thread, armed, over;
};
/* Starts the thread; 0, or -1. The lock is held. */
int otakit_hal_timer_run(struct otakit_hal_timer *timer);
/* Frees what HAL_Timer_Create made. */
void otakit_hal_timer_free(struct otakit_hal_timer *timer);

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
