/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_tls.h
 * @brief Porting layer: TLS connections, for builds in which the firmware does TLS. General rules in wrappers.h.
 *
 * A build in which the library does TLS itself, over HAL_TCP_*, needs none of these. All come from one source. They
 * are called by worker threads of the library; one connection is used by one thread at a time.
 */
#ifndef OTAKIT_LINKKIT_WRAPPERS_TLS_H
#define OTAKIT_LINKKIT_WRAPPERS_TLS_H

#include "infra_types.h"
#include "infra_defs.h"
#include "wrappers_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Resolves a host, connects, shakes hands, and checks the certificate chain, its dates and the host name.
 *
 * May block for all of it; the rule of HAL_TCP_Establish holds. A peer that does not pass each check is a failure:
 * the library cannot check again.
 *
 * @param host       host name; sent as server name, and must match the certificate
 * @param port       TCP port, host byte order
 * @param ca_crt     CA certificates in PEM, NUL-terminated; NULL: those of the platform
 * @param ca_crt_len size of ca_crt in bytes, its NUL included; 0 with NULL
 * @return a handle of the port's choice; 0 and (uintptr_t)-1 both mean failure
 */
uintptr_t HAL_SSL_Establish(const char *host, uint16_t port, const char *ca_crt, uint32_t ca_crt_len);

/**
 * @brief Closes a connection and frees its handle. Called once per handle; must not block for long.
 * @param handle the handle
 * @return 0; negative on error. The handle is gone in both cases.
 */
int32_t HAL_SSL_Destroy(uintptr_t handle);

/**
 * @brief Sends bytes. Must not raise SIGPIPE or anything like it when the peer has closed.
 * @param handle     the handle
 * @param buf        the bytes
 * @param len        how many, 1 or more
 * @param timeout_ms longest time to block, 0 or more
 * @return as HAL_TCP_Write
 */
int HAL_SSL_Write(uintptr_t handle, const char *buf, int len, int timeout_ms);

/**
 * @brief Receives bytes.
 * @param handle     the handle
 * @param buf        receives them
 * @param len        room in buf, 1 or more
 * @param timeout_ms longest time to block, 0 or more
 * @return as HAL_TCP_Read
 */
int HAL_SSL_Read(uintptr_t handle, char *buf, int len, int timeout_ms);

/**
 * @brief Sets the allocator of the port's TLS. Called before the first HAL_SSL_Establish, if at all.
 * @param hooks both functions set; copied
 * @return 0; not 0 if hooks or one of the functions is NULL
 */
int HAL_SSLHooks_set(ssl_hooks_t *hooks);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_WRAPPERS_TLS_H */
