/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A firmware's HAL_SSL_*, as a modem with TLS of its own offers it: here without TLS, over the default HAL_TCP_*, so that
 * plain servers answer. Linked into an unchanged example of a build whose TLS is the firmware's. On stderr:
 *
 *   hal_ssl connect HOST PORT ca=LENGTH
 *   hal_ssl read=BYTES written=BYTES open=N
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "wrappers.h"

static unsigned long long bytes_read, bytes_written;
static long open_now;

static void print_counts(void)
{
    fprintf(stderr, "hal_ssl read=%llu written=%llu open=%ld\n", bytes_read, bytes_written, open_now);
}

uintptr_t HAL_SSL_Establish(const char *host, uint16_t port, const char *ca_crt, uint32_t ca_crt_len)
{
    uintptr_t handle;

    if (__atomic_fetch_add(&open_now, 1, __ATOMIC_SEQ_CST) == 0) {
        static int printing;

        if (!__atomic_exchange_n(&printing, 1, __ATOMIC_SEQ_CST)) {
            atexit(print_counts);
        }
    }
    fprintf(stderr, "hal_ssl connect %s %u ca=%u\n", host, (unsigned)port, ca_crt == NULL ? 0u : (unsigned)ca_crt_len);
    handle = HAL_TCP_Establish(host, port);
    if (handle == 0 || handle == (uintptr_t)-1) {
        __atomic_fetch_sub(&open_now, 1, __ATOMIC_SEQ_CST);
    }
    return handle;
}

int32_t HAL_SSL_Destroy(uintptr_t handle)
{
    __atomic_fetch_sub(&open_now, 1, __ATOMIC_SEQ_CST);
    return HAL_TCP_Destroy(handle);
}

int HAL_SSL_Write(uintptr_t handle, const char *buf, int len, int timeout_ms)
{
    int written = HAL_TCP_Write(handle, buf, (uint32_t)len, (uint32_t)timeout_ms);

    if (written > 0) {
        __atomic_fetch_add(&bytes_written, (unsigned long long)written, __ATOMIC_SEQ_CST);
    }
    return written;
}

int HAL_SSL_Read(uintptr_t handle, char *buf, int len, int timeout_ms)
{
    int got = HAL_TCP_Read(handle, buf, (uint32_t)len, (uint32_t)timeout_ms);

    if (got > 0) {
        __atomic_fetch_add(&bytes_read, (unsigned long long)got, __ATOMIC_SEQ_CST);
    }
    return got;
}
