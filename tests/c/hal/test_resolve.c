/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* HAL_TCP_Establish when the resolver hangs and when the first address is dead: the resolver here is the test's own. */
#include "check.h"
#include "hal_posix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BOUND_MS 5000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int held;  /* lookups wait while this is set */
static int none;  /* names mean nothing while this is set */
static int odd;   /* the second address is of a kind that this system does not have while this is set */
static int freed; /* lists given back */

static struct addrinfo *entry(const char *ip, const char *service, struct addrinfo *next)
{
    struct addrinfo *info = calloc(1, sizeof(*info));
    struct sockaddr_in *address = calloc(1, sizeof(*address));

    CHECK(info != NULL && address != NULL);
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)atoi(service));
    CHECK(inet_pton(AF_INET, ip, &address->sin_addr) == 1);
    info->ai_family = AF_INET;
    info->ai_socktype = SOCK_STREAM;
    info->ai_addr = (struct sockaddr *)address;
    info->ai_addrlen = sizeof(*address);
    info->ai_next = next;
    return info;
}

/* Takes the place of libc's: while `none` is 0 every name has the addresses 127.0.0.1 and 127.0.0.2. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    (void)host;
    if (none || hints->ai_flags & AI_NUMERICHOST) {
        return EAI_NONAME;
    }
    pthread_mutex_lock(&lock);
    while (held) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    *out = entry("127.0.0.1", service, entry("127.0.0.2", service, NULL));
    if (odd) {
        (*out)->ai_next->ai_family = AF_MAX + 1;
    }
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;

        free(list->ai_addr);
        free(list);
        list = next;
    }
    pthread_mutex_lock(&lock);
    freed++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void hanging_resolver(void)
{
    uint64_t began = otakit_hal_now_ms();

    held = 1;
    CHECK(otakit_hal_resolve("slow.example", 80, began + 50) == NULL);
    CHECK(otakit_hal_now_ms() - began >= 50 && otakit_hal_now_ms() - began < BOUND_MS);

    /* The abandoned lookup ends one day and cleans up after itself. */
    pthread_mutex_lock(&lock);
    CHECK(freed == 0);
    held = 0;
    pthread_cond_broadcast(&changed);
    while (freed == 0) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static int listen_on(const char *ip, uint16_t *port, int backlog)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons(*port);
    CHECK(inet_pton(AF_INET, ip, &address.sin_addr) == 1);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, backlog) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* Fills a listener's queue, so that it answers nobody any more: a dead host as seen from here. */
static void deafen(uint16_t port, int fds[], int count)
{
    struct sockaddr_in address;
    int i;

    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(fds[i] >= 0 && fcntl(fds[i], F_SETFL, O_NONBLOCK) == 0);
        CHECK(connect(fds[i], (struct sockaddr *)&address, sizeof(address)) == 0 || errno == EINPROGRESS);
    }
    HAL_SleepMs(50);
}

static void first_address(int dead)
{
    uint16_t port = 0;
    int deaf[8], count = 0, first, second, peer;
    uint64_t began;
    uintptr_t handle;

    first = listen_on("127.0.0.1", &port, 0);
    second = listen_on("127.0.0.2", &port, 4);
    if (dead) {
        count = 8;
        deafen(port, deaf, count);
    } else {
        close(first); /* refuses */
        first = -1;
    }
    began = otakit_hal_now_ms();
    handle = HAL_TCP_Establish("two.example", port);
    CHECK(handle > 2);
    CHECK(otakit_hal_now_ms() - began < BOUND_MS);
    peer = accept(second, NULL, NULL);
    CHECK(peer >= 0 && HAL_TCP_Write(handle, "x", 1, 1000) == 1);
    close(peer);
    HAL_TCP_Destroy(handle);
    while (count > 0) {
        close(deaf[--count]);
    }
    if (first >= 0) {
        close(first);
    }
    close(second);
}

/* The one failure that the library tells from the others. */
static void unknown_name(void)
{
    uint16_t port = 0;
    int closed = listen_on("127.0.0.1", &port, 0);

    none = 1;
    errno = 0;
    CHECK(HAL_TCP_Establish("none.example", port) == 0 && errno == ENODATA);
    none = 0;
    close(closed);
    CHECK(HAL_TCP_Establish("two.example", port) == 0 && errno == ECONNREFUSED);
    /* The address that could be tried counts, not the one that this system has no network for. */
    odd = 1;
    CHECK(HAL_TCP_Establish("two.example", port) == 0 && errno == ECONNREFUSED);
    odd = 0;
}

int main(void)
{
    unknown_name();
    freed = 0;
    hanging_resolver();
    first_address(0);
    first_address(1);
    return 0;
}
