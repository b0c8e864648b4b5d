/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which address of a host its last connection went to, and whether that came to anything. The next connection to
 * a host whose last one ended badly (an error, or silence, was the last thing read) begins with the address behind
 * it, so that one dead address among several does not take every try.
 *
 * And which socket a descriptor led to: a program that closes all descriptors and opens its own under the same numbers
 * keeps what it opened.
 */
#include "hal_posix.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define PEERS 8
#define DESCRIPTORS 1024

struct peer {
    char host[64];
    uint16_t port;
    int fd;  /* of the connection that is open, or -1 */
    int bad; /* whether the last one ended badly */
    struct sockaddr_storage address;
    socklen_t len;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct peer peers[PEERS];
static unsigned next_peer;
/* Whether the last thing read from a descriptor was data. One thread at a time uses a connection. */
static unsigned char well[DESCRIPTORS];
/* The inode of the socket behind each descriptor; 0: not known. */
static ino_t sockets[DESCRIPTORS];

static struct peer *find(const char *host, uint16_t port)
{
    int i;

    for (i = 0; i < PEERS; i++) {
        if (peers[i].port == port && strcmp(peers[i].host, host) == 0) {
            return &peers[i];
        }
    }
    return NULL;
}

void otakit_hal_peer_order(const char *host, uint16_t port, const struct addrinfo *addresses[], int count)
{
    const struct addrinfo *first;
    struct peer *peer;
    int at = count, i;

    pthread_mutex_lock(&lock);
    peer = find(host, port);
    if (peer != NULL && peer->bad) {
        for (at = 0; at < count; at++) {
            if (addresses[at]->ai_addrlen == peer->len &&
                memcmp(addresses[at]->ai_addr, &peer->address, peer->len) == 0) {
                break;
            }
        }
    }
    pthread_mutex_unlock(&lock);
    /* The one that ended badly, and all before it, go behind the others, in their order. */
    for (; at < count && at >= 0; at--) {
        first = addresses[0];
        for (i = 0; i + 1 < count; i++) {
            addresses[i] = addresses[i + 1];
        }
        addresses[count - 1] = first;
    }
}

void otakit_hal_peer_connected(const char *host, uint16_t port, int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    struct peer *peer;

    memset(&address, 0, sizeof(address));
    if (strlen(host) >= sizeof(peer->host) || getpeername(fd, (struct sockaddr *)&address, &len) != 0) {
        return;
    }
    otakit_hal_peer_read(fd, 0);
    pthread_mutex_lock(&lock);
    peer = find(host, port);
    if (peer == NULL) {
        peer = &peers[next_peer++ % PEERS];
        strcpy(peer->host, host);
        peer->port = port;
    }
    peer->fd = fd;
    peer->bad = 0;
    peer->len = len;
    peer->address = address;
    pthread_mutex_unlock(&lock);
}

void otakit_hal_socket_opened(int fd)
{
    struct stat info;

    if (fd >= 0 && fd < DESCRIPTORS) {
        sockets[fd] = fstat(fd, &info) == 0 ? info.st_ino : 0;
    }
}

int otakit_hal_socket_is_ours(int fd)
{
    struct stat info;

    if (fd < 0 || fd >= DESCRIPTORS || sockets[fd] == 0) {
        return 1;
    }
    return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) && info.st_ino == sockets[fd];
}

void otakit_hal_peer_read(int fd, int data)
{
    if (fd >= 0 && fd < DESCRIPTORS) {
        well[fd] = (unsigned char)data;
    }
}

void otakit_hal_peer_closed(int fd)
{
    int i;

    if (fd < 0 || fd >= DESCRIPTORS) {
        return;
    }
    pthread_mutex_lock(&lock);
    for (i = 0; i < PEERS; i++) {
        if (peers[i].port != 0 && peers[i].fd == fd) {
            peers[i].bad = !well[fd];
            peers[i].fd = -1;
        }
    }
    pthread_mutex_unlock(&lock);
}
