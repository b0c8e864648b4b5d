/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The default HAL_TCP_* against a server in the same process, on loopback. */
#include "check.h"
#include "hal_posix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Generous: a bound that shows "does not hang", not a measurement. */
#define BOUND_MS 5000

static int listen_on(int family, uint16_t *port)
{
    struct sockaddr_storage address;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    socklen_t len = family == AF_INET ? sizeof(*v4) : sizeof(*v6);
    int fd = socket(family, SOCK_STREAM, 0);

    if (fd < 0) {
        return -1;
    }
    memset(&address, 0, sizeof(address));
    address.ss_family = (sa_family_t)family;
    if (family == AF_INET) {
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        v6->sin6_addr = in6addr_loopback;
    }
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(family == AF_INET ? v4->sin_port : v6->sin6_port);
    return fd;
}

static void round_trip(int family, const char *host)
{
    uint16_t port = 0;
    int listener = listen_on(family, &port);
    uintptr_t handle;
    char buf[64];
    int peer;

    if (listener < 0 && family == AF_INET6) {
        printf("no IPv6 loopback here: that round trip was left out\n");
        return;
    }
    CHECK(listener >= 0);
    handle = HAL_TCP_Establish(host, port);
    CHECK(handle > 2);
    CHECK((fcntl((int)handle, F_GETFD) & FD_CLOEXEC) != 0);
    peer = accept(listener, NULL, NULL);
    CHECK(peer >= 0);

    CHECK(HAL_TCP_Write(handle, "ping", 4, 1000) == 4);
    CHECK(recv(peer, buf, sizeof(buf), 0) == 4 && memcmp(buf, "ping", 4) == 0);

    /* What is there comes at once, although more was asked for and hours are left. */
    CHECK(send(peer, "pong!", 5, 0) == 5);
    CHECK(HAL_TCP_Read(handle, buf, sizeof(buf), 3600000) == 5 && memcmp(buf, "pong!", 5) == 0);

    CHECK(HAL_TCP_Destroy(handle) == 0);
    CHECK(recv(peer, buf, sizeof(buf), 0) == 0);
    close(peer);
    close(listener);
}

static void fall_back_to_ipv4(void)
{
    uint16_t port = 0;
    int listener = listen_on(AF_INET, &port);
    uintptr_t handle;

    /* Where "localhost" is ::1 as well, nobody listens there. */
    CHECK(listener >= 0);
    handle = HAL_TCP_Establish("localhost", port);
    CHECK(handle > 2);
    HAL_TCP_Destroy(handle);
    close(listener);
}

static void refused(void)
{
    uint16_t port = 0;
    int listener = listen_on(AF_INET, &port);
    uint64_t began = HAL_UptimeMs();

    CHECK(listener >= 0);
    close(listener);
    CHECK(HAL_TCP_Establish("127.0.0.1", port) == 0);
    CHECK(HAL_UptimeMs() - began < BOUND_MS);
    CHECK(HAL_TCP_Establish("", port) == 0);
    CHECK(HAL_TCP_Establish(NULL, port) == 0);
    CHECK(HAL_TCP_Establish("no.such.host.invalid", port) == 0);
    CHECK(HAL_UptimeMs() - began < OTAKIT_HAL_ESTABLISH_MS + BOUND_MS);
}

static void timeouts(void)
{
    uint16_t port = 0;
    int listener = listen_on(AF_INET, &port);
    static char block[1 << 20];
    uintptr_t handle;
    uint64_t began;
    int32_t n = 0;
    char byte;
    int i, peer;

    CHECK(listener >= 0);
    handle = HAL_TCP_Establish("127.0.0.1", port);
    peer = accept(listener, NULL, NULL);
    CHECK(handle > 2 && peer >= 0);

    began = HAL_UptimeMs();
    CHECK(HAL_TCP_Read(handle, &byte, 1, 50) == 0);
    CHECK(HAL_UptimeMs() - began >= 50 && HAL_UptimeMs() - began < BOUND_MS);
    CHECK(HAL_TCP_Read(handle, &byte, 1, 0) == 0);
    CHECK(HAL_TCP_Read(handle, &byte, 0, 3600000) == 0);

    /* A peer that reads nothing: at last a write ends short, in time. */
    for (i = 0; i < 64; i++) {
        n = HAL_TCP_Write(handle, block, sizeof(block), 50);
        CHECK(n >= 0);
        if (n < (int32_t)sizeof(block)) {
            break;
        }
    }
    CHECK(n < (int32_t)sizeof(block));
    CHECK(HAL_UptimeMs() - began < 4 * BOUND_MS);
    HAL_TCP_Destroy(handle);
    close(peer);
    close(listener);
}

static void closed_by_peer(void)
{
    uint16_t port = 0;
    int listener = listen_on(AF_INET, &port);
    uintptr_t handle;
    int32_t n = 0;
    char byte;
    int i, peer;

    CHECK(listener >= 0);
    handle = HAL_TCP_Establish("127.0.0.1", port);
    peer = accept(listener, NULL, NULL);
    CHECK(handle > 2 && peer >= 0);
    CHECK(send(peer, "x", 1, 0) == 1);
    close(peer);

    /* What was sent before the end still comes first. */
    CHECK(HAL_TCP_Read(handle, &byte, 1, BOUND_MS) == 1 && byte == 'x');
    CHECK(HAL_TCP_Read(handle, &byte, 1, BOUND_MS) == -1);

    /* SIGPIPE has its default action here: this loop would end the process. */
    for (i = 0; i < 1000 && n >= 0; i++) {
        n = HAL_TCP_Write(handle, "y", 1, 1000);
        HAL_SleepMs(1);
    }
    CHECK(n < 0);
    HAL_TCP_Destroy(handle);
    close(listener);
}

/* A program closes what it does not know, and opens its own file under the number. */
static void exchanged(void)
{
    uint16_t port = 0;
    int listener = listen_on(AF_INET, &port);
    int other = open("/dev/null", O_RDWR);
    uintptr_t handle;
    char byte = 0;

    CHECK(listener >= 0 && other >= 0);
    handle = HAL_TCP_Establish("127.0.0.1", port);
    CHECK(handle > 2 && dup2(other, (int)handle) == (int)handle);
    CHECK(HAL_TCP_Write(handle, &byte, 1, 0) == -2);
    CHECK(HAL_TCP_Read(handle, &byte, 1, 0) == -2);
    CHECK(HAL_TCP_Destroy(handle) == -1);
    CHECK(fcntl((int)handle, F_GETFD) >= 0);
    close((int)handle);
    CHECK(HAL_TCP_Destroy(handle) == -1);

    /* The same with another socket. */
    handle = HAL_TCP_Establish("127.0.0.1", port);
    CHECK(handle > 2 && dup2(listener, (int)handle) == (int)handle);
    CHECK(HAL_TCP_Destroy(handle) == -1);
    CHECK(fcntl((int)handle, F_GETFD) >= 0);
    close((int)handle);
    close(other);
    close(listener);
}

static void no_handles(void)
{
    char byte = 0;

    CHECK(HAL_TCP_Read(0, &byte, 1, 0) == -2);
    CHECK(HAL_TCP_Read(UINTPTR_MAX, &byte, 1, 0) == -2);
    CHECK(HAL_TCP_Write(0, &byte, 1, 0) == -2);
    CHECK(HAL_TCP_Write(UINTPTR_MAX, &byte, 1, 0) == -2);
    CHECK(HAL_TCP_Destroy(0) == -1);
    CHECK(HAL_TCP_Destroy(2) == -1);
    CHECK(HAL_TCP_Destroy(UINTPTR_MAX) == -1);
}

/* A daemon with its standard descriptors closed must not get 0 as a connection. */
static void standard_descriptors_closed(void)
{
    int saved = fcntl(0, F_DUPFD_CLOEXEC, 10);

    close(0);
    round_trip(AF_INET, "127.0.0.1");
    if (saved >= 0) {
        dup2(saved, 0);
        close(saved);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_DFL);
    round_trip(AF_INET, "127.0.0.1");
    round_trip(AF_INET6, "::1");
    fall_back_to_ipv4();
    refused();
    timeouts();
    closed_by_peer();
    exchanged();
    no_handles();
    standard_descriptors_closed();
    return 0;
}
