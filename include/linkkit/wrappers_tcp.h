/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_tcp.h
 * @brief Porting layer: TCP connections. The general rules are in wrappers.h.
 *
 * All four functions come from one source: a firmware that provides one of them provides all. They are called by
 * worker threads of the library. One connection is used by one thread at a time, different connections by different
 * threads at the same time, so a port with one modem channel has to lock inside.
 */
#ifndef OTAKIT_LINKKIT_WRAPPERS_TCP_H
#define OTAKIT_LINKKIT_WRAPPERS_TCP_H

#include "infra_types.h"
#include "infra_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Resolves a host and connects to it.
 *
 * May block for both. A port should give up after some ten seconds; until it returns, a cancelled transfer keeps its
 * worker thread.
 *
 * @param host host name, or an address in text form
 * @param port TCP port, host byte order
 * @return a handle of the port's choice; 0 and (uintptr_t)-1 both mean failure. A port that hands out file
 *         descriptors must not hand out number 0. A port that sets errno to ENODATA with a failure tells that the name
 *         has no address, one that sets it to EAGAIN that no name server answered; none needs to.
 */
uintptr_t HAL_TCP_Establish(const char *host, uint16_t port);

/**
 * @brief Closes a connection and frees its handle. Called once per handle; must not block for long.
 * @param fd the handle
 * @return 0; negative on error. The handle is gone in both cases.
 */
int HAL_TCP_Destroy(uintptr_t fd);

/**
 * @brief Sends bytes. Must not raise SIGPIPE or anything like it when the peer has closed.
 * @param fd         the handle
 * @param buf        the bytes
 * @param len        how many, 1 or more
 * @param timeout_ms longest time to block; 0: only what can go at once
 * @return how many were taken, 1..len, in which case the library sends the rest with another call; 0 if none could go
 *         in time; negative if the connection failed, after which only HAL_TCP_Destroy follows
 */
int32_t HAL_TCP_Write(uintptr_t fd, const char *buf, uint32_t len, uint32_t timeout_ms);

/**
 * @brief Receives bytes.
 * @param fd         the handle
 * @param buf        receives them
 * @param len        room in buf, 1 or more
 * @param timeout_ms longest time to block; 0: only what is there
 * @return how many came, 1..len: a port may return as soon as any byte is there, or wait for all len until the time is
 *         over; 0 if none came in time; -1 if the peer has closed; -2 for any other error. Bytes that came before the
 *         end are returned first, the end by the next call. After a negative result only HAL_TCP_Destroy follows.
 */
int32_t HAL_TCP_Read(uintptr_t fd, char *buf, uint32_t len, uint32_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_WRAPPERS_TCP_H */
