/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Connects to a host name, an IPv4 or an IPv6 literal; returns a handle, or 0. Blocks for 10 seconds at
 * most.
 *
 * IPv6 and IPv4 addresses take turns. An address gets a quarter of a second alone (or until it refuses),
 * then the next one joins, and the first connection that stands is kept: a dead IPv6 route costs no more
 * than that. A host whose last connection ended badly is begun with the address behind that one.
 */
#include "hal_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Addresses beyond this number are not tried. */
#define ADDRESSES_MAX 16

/* The resolver's order within a family is kept, its first family goes first. */
static int interleave(const struct addrinfo *list, const struct addrinfo *out[ADDRESSES_MAX])
{
    const struct addrinfo *same = list, *other = list;
    int first = list->ai_family;
    int count = 0;

    while (count < ADDRESSES_MAX && (same != NULL || other != NULL)) {
        while (same != NULL && same->ai_family != first) {
            same = same->ai_next;
        }
        if (same != NULL) {
            out[count++] = same;
            same = same->ai_next;
        }
        while (other != NULL && other->ai_family == first) {
            other = other->ai_next;
        }
        if (other != NULL && count < ADDRESSES_MAX) {
            out[count++] = other;
            other = other->ai_next;
        }
    }
    return count;
}

/* Tells the library, where it is linked, which address was tried and what came of it. */
static void tell(const struct sockaddr *address, socklen_t len, int error)
{
    char host[64], port[8], text[sizeof(host) + sizeof(port) + 4]; /* the numeric form, with a zone */

    if (otakit_tried_address == NULL ||
        getnameinfo(address, len, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return;
    }
    snprintf(text, sizeof(text), address->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    otakit_tried_address(text, error);
}

/* A socket that is not one of the three standard descriptors and does not leak into a child. */
static int open_socket(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);

    if (fd >= 0 && fd < 3) {
        int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        close(fd);
        fd = moved;
    }
    if (fd >= 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Of several addresses, the failure of one that this device could try says more than that of one which it has no network
 * for, as an address of IPv6 where there is IPv4 alone. */
static void keep(int *error, int failed)
{
    int none = failed == ENETUNREACH || failed == EADDRNOTAVAIL || failed == EAFNOSUPPORT;

    if (*error == 0 || !none) {
        *error = failed;
    }
}

/* Begins to connect: a descriptor whose writability tells the outcome, or -1 with `*error` set. */
static int begin(const struct addrinfo *address, int *error)
{
    int fd = open_socket(address);

    if (fd < 0 || (connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS &&
                   errno != EINTR)) {
        int failed = errno;

        keep(error, failed);
        tell(address->ai_addr, address->ai_addrlen, failed);
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

/* 0, or the errno of the attempt. */
static int outcome(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

/* Takes finished attempts out of the set. Returns the connected descriptor, or -1 with `*error` set if one failed. */
static int harvest(struct pollfd *attempts, const struct addrinfo *tried[], int *count, int *error)
{
    int i = 0;

    while (i < *count) {
        const struct addrinfo *address = tried[i];
        int fd = attempts[i].fd, failed;

        if (attempts[i].revents == 0) {
            i++;
            continue;
        }
        attempts[i] = attempts[--*count];
        tried[i] = tried[*count];
        failed = outcome(fd);
        tell(address->ai_addr, address->ai_addrlen, failed);
        if (failed == 0) {
            return fd;
        }
        keep(error, failed);
        close(fd);
    }
    return -1;
}

/* The connected descriptor, or -1 with errno set. */
static int race(const struct addrinfo *addresses[], int address_count, uint64_t deadline)
{
    struct pollfd attempts[ADDRESSES_MAX];
    const struct addrinfo *tried[ADDRESSES_MAX]; /* the address of each attempt */
    int error = 0; /* of the attempt that tells most */
    uint64_t next_at = 0; /* when the next address joins */
    int count = 0, next = 0, winner = -1;

    while (winner < 0 && otakit_hal_left(deadline) > 0) {
        uint64_t until;
        int before, n;

        if (next < address_count && (count == 0 || otakit_hal_left(next_at) == 0)) {
            int fd = begin(addresses[next], &error);

            tried[count] = addresses[next++];
            if (fd < 0) {
                continue;
            }
            attempts[count].fd = fd;
            attempts[count].events = POLLOUT;
            attempts[count++].revents = 0;
            next_at = otakit_hal_now_ms() + OTAKIT_HAL_NEXT_ADDRESS_MS;
        }
        if (count == 0) {
            break;
        }
        until = next < address_count && next_at < deadline ? next_at : deadline;
        n = poll(attempts, (nfds_t)count, otakit_hal_left(until));
        if (n < 0 && errno != EINTR) {
            break;
        }
        if (n > 0) {
            before = count;
            winner = harvest(attempts, tried, &count, &error);
            if (count < before) {
                next_at = 0; /* one refused: the next need not wait */
            }
        }
    }
    while (count > 0) {
        close(attempts[--count].fd);
        if (winner < 0) {
            error = ETIMEDOUT; /* neither connected nor refused */
            tell(tried[count]->ai_addr, tried[count]->ai_addrlen, error);
        }
    }
    if (winner < 0) {
        errno = error != 0 ? error : ETIMEDOUT; /* no time was left for any */
    }
    return winner;
}

static void prepare(int fd)
{
    int on = 1;

    /* Both are wishes: a connection without them still works. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
#ifdef SO_NOSIGPIPE
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
#endif
}

uintptr_t HAL_TCP_Establish(const char *host, uint16_t port)
{
    uint64_t deadline = otakit_hal_now_ms() + OTAKIT_HAL_ESTABLISH_MS;
    const struct addrinfo *addresses[ADDRESSES_MAX];
    struct addrinfo *found;
    int fd, count, error;

    if (host == NULL || host[0] == '\0') {
        return 0;
    }
    found = otakit_hal_resolve(host, port, deadline);
    if (found == NULL) {
        return 0;
    }
    count = interleave(found, addresses);
    otakit_hal_peer_order(host, port, addresses, count);
    fd = race(addresses, count, deadline);
    error = errno;
    freeaddrinfo(found);
    if (fd < 0) {
        errno = error;
        return 0;
    }
    prepare(fd);
    otakit_hal_socket_opened(fd);
    otakit_hal_peer_connected(host, port, fd);
    return (uintptr_t)fd;
}
