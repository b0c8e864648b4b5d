/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which address of a host is tried first: not the one whose last connection ended badly. */
#include "check.h"
#include "hal_posix.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESSES 3

static struct sockaddr_in places[ADDRESSES];
static struct addrinfo infos[ADDRESSES];

/* A connection to the n-th address of the host. */
static int connected(int n)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(connect(fd, (struct sockaddr *)&places[n], sizeof(places[n])) == 0);
    otakit_hal_peer_connected("host", 80, fd);
    return fd;
}

/* The address that comes first for a host and a port. */
static int first(const char *host, uint16_t port)
{
    const struct addrinfo *list[ADDRESSES];
    int i, sum = 0;

    for (i = 0; i < ADDRESSES; i++) {
        list[i] = &infos[i];
    }
    otakit_hal_peer_order(host, port, list, ADDRESSES);
    for (i = 0; i < ADDRESSES; i++) {
        sum += (int)(list[i] - infos);
        CHECK(list[i] == &infos[((int)(list[0] - infos) + i) % ADDRESSES]);
    }
    CHECK(sum == 3);
    return (int)(list[0] - infos);
}

static void end(int fd, int well)
{
    otakit_hal_peer_read(fd, well);
    CHECK(first("host", 80) == 0); /* while it is open nothing is known of it */
    otakit_hal_peer_closed(fd);
    close(fd);
}

int main(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1, n;
    struct sockaddr_in any;
    socklen_t len = sizeof(any);

    memset(&any, 0, sizeof(any));
    any.sin_family = AF_INET;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    CHECK(bind(listener, (struct sockaddr *)&any, sizeof(any)) == 0 && listen(listener, 16) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&any, &len) == 0);
    for (n = 0; n < ADDRESSES; n++) {
        places[n] = any;
        places[n].sin_addr.s_addr = htonl(0x7f000001u + (unsigned)n);
        infos[n].ai_addr = (struct sockaddr *)&places[n];
        infos[n].ai_addrlen = sizeof(places[n]);
    }
    CHECK(first("host", 80) == 0);
    for (n = 0; n < ADDRESSES; n++) {
        end(connected(n), 0);
        CHECK(first("host", 80) == (n + 1) % ADDRESSES);
        CHECK(first("other", 80) == 0 && first("host", 81) == 0);
        end(connected(n), 1);
        CHECK(first("host", 80) == 0);
    }
    /* Silence from the beginning is no success either. */
    n = connected(1);
    otakit_hal_peer_closed(n);
    close(n);
    CHECK(first("host", 80) == 2);
    close(listener);
    return 0;
}
