/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A firmware's HAL_TCP_* (a modem, say), here over sockets, counting. It is linked into an unchanged example program,
 * so that everything that program sends and receives has to come through here. Each attempt and the end are lines on
 * stderr:
 *
 *   hal_tcp connect HOST PORT
 *   hal_tcp establish=N open=N read=BYTES written=BYTES
 *
 * The host hang.test takes a minute to be not found, as with a modem that has lost its network.
 * SHIM_LOCAL_ONLY=1: any other host than 127.0.0.1 and localhost is refused without asking the network.
 * SHIM_FILL=1: a read waits until the whole buffer is full or the time is over, as the reference's own HAL does.
 * Without it a read returns with the first bytes.
 */
#define _POSIX_C_SOURCE 200809L

#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long established, open_now;
static unsigned long long bytes_read, bytes_written;

static void count(long opened, long closed, long read_, long written)
{
    pthread_mutex_lock(&lock);
    established += opened;
    open_now += opened - closed;
    bytes_read += (unsigned long long)read_;
    bytes_written += (unsigned long long)written;
    pthread_mutex_unlock(&lock);
}

static void print_counts(void)
{
    pthread_mutex_lock(&lock);
    fprintf(stderr, "hal_tcp establish=%ld open=%ld read=%llu written=%llu\n", established, open_now, bytes_read,
            bytes_written);
    pthread_mutex_unlock(&lock);
}

static int is_set(const char *variable)
{
    const char *value = getenv(variable);

    return value != NULL && *value == '1';
}

static long long clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Descriptor 0 would read as "no connection", so handles are descriptors plus one. */
uintptr_t HAL_TCP_Establish(const char *host, uint16_t port)
{
    static int printing;
    struct addrinfo hints, *found = NULL, *each;
    char service[8];
    int fd = -1;

    pthread_mutex_lock(&lock);
    if (!printing) {
        printing = 1;
        atexit(print_counts);
    }
    pthread_mutex_unlock(&lock);

    fprintf(stderr, "hal_tcp connect %s %u\n", host, (unsigned)port);
    if (strcmp(host, "hang.test") == 0) {
        struct timespec minute = {60, 0};

        nanosleep(&minute, NULL);
        return (uintptr_t)-1;
    }
    if (is_set("SHIM_LOCAL_ONLY") && strcmp(host, "127.0.0.1") != 0 && strcmp(host, "localhost") != 0) {
        return (uintptr_t)-1;
    }
    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    snprintf(service, sizeof(service), "%u", (unsigned)port);
    if (getaddrinfo(host, service, &hints, &found) != 0) {
        return (uintptr_t)-1;
    }
    for (each = found; each != NULL && fd < 0; each = each->ai_next) {
        fd = socket(each->ai_family, each->ai_socktype, each->ai_protocol);
        if (fd >= 0 && connect(fd, each->ai_addr, each->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    if (fd < 0) {
        return (uintptr_t)-1;
    }
    count(1, 0, 0, 0);
    return (uintptr_t)(fd + 1);
}

int HAL_TCP_Destroy(uintptr_t connection)
{
    if (connection == (uintptr_t)-1 || connection == 0) {
        return -1;
    }
    count(0, 1, 0, 0);
    shutdown((int)connection - 1, SHUT_RDWR);
    return close((int)connection - 1);
}

static int wait_for(int fd, short what, long long deadline)
{
    struct pollfd p;
    long long left = deadline - clock_ms();

    p.fd = fd;
    p.events = what;
    p.revents = 0;
    return poll(&p, 1, left > 0 ? (int)left : 0);
}

int32_t HAL_TCP_Write(uintptr_t connection, const char *bytes, uint32_t length, uint32_t timeout_ms)
{
    int fd = (int)connection - 1;
    long long deadline = clock_ms() + timeout_ms;
    uint32_t sent = 0;

    while (sent < length && wait_for(fd, POLLOUT, deadline) > 0) {
        ssize_t n = send(fd, bytes + sent, length - sent, MSG_NOSIGNAL);

        if (n <= 0) {
            return -1;
        }
        sent += (uint32_t)n;
    }
    count(0, 0, 0, (long)sent);
    return (int32_t)sent;
}

int32_t HAL_TCP_Read(uintptr_t connection, char *bytes, uint32_t length, uint32_t timeout_ms)
{
    int fd = (int)connection - 1;
    long long deadline = clock_ms() + timeout_ms;
    uint32_t got = 0;
    int32_t problem = 0;

    while (got < length && wait_for(fd, POLLIN, deadline) > 0) {
        ssize_t n = recv(fd, bytes + got, length - got, 0);

        if (n <= 0) {
            problem = n == 0 ? -1 : -2; /* closed by the peer, or broken */
            break;
        }
        got += (uint32_t)n;
        if (!is_set("SHIM_FILL")) {
            break;
        }
    }
    count(0, 0, (long)got, 0);
    return got > 0 ? (int32_t)got : problem;
}
