/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A small HTTP server on a thread of the test program's, on loopback. What it does is in the path:
 *   /ok       200, SERVED_SIZE bytes             /slow     the same, a kilobyte every 20 ms
 *   /nolength the same without Content-Length    /NNN      status NNN
 */
#ifndef OTAKIT_TEST_HTTP_SERVER_H
#define OTAKIT_TEST_HTTP_SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "hal/check.h"

#define SERVED_SIZE 100003

struct http_server {
    int listener;
    unsigned port;
    pthread_t thread;
};

static unsigned char served_byte(size_t at)
{
    return (unsigned char)(at * 31u + (at >> 8));
}

static void serve_pause(long milliseconds)
{
    struct timespec time;

    time.tv_sec = milliseconds / 1000;
    time.tv_nsec = milliseconds % 1000 * 1000000L;
    nanosleep(&time, NULL);
}

static int serve_all(int fd, const void *data, size_t size)
{
    return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

static void serve_one(int fd)
{
    char request[4096], header[160], piece[1024];
    size_t have = 0, at = 0;
    int slow, status, bare;

    request[0] = '\0';
    while (strstr(request, "\r\n\r\n") == NULL && have + 1 < sizeof(request)) {
        ssize_t n = recv(fd, request + have, sizeof(request) - 1 - have, 0);

        if (n <= 0) {
            return;
        }
        have += (size_t)n;
        request[have] = '\0';
    }
    slow = strncmp(request, "GET /slow", 9) == 0;
    bare = strncmp(request, "GET /nolength", 13) == 0;
    status = strncmp(request, "GET /", 5) == 0 ? atoi(request + 5) : 400;
    if (status != 0) {
        snprintf(header, sizeof(header), "HTTP/1.1 %d -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
        serve_all(fd, header, strlen(header));
        return;
    }
    snprintf(header, sizeof(header), "HTTP/1.1 200 OK\r\n%s%d\r\nConnection: close\r\n\r\n",
             bare ? "X-Size: " : "Content-Length: ", SERVED_SIZE);
    if (serve_all(fd, header, strlen(header)) != 0) {
        return;
    }
    while (at < SERVED_SIZE) {
        size_t n = 0;

        while (n < sizeof(piece) && at < SERVED_SIZE) {
            piece[n++] = (char)served_byte(at++);
        }
        if (serve_all(fd, piece, n) != 0) {
            return;
        }
        if (slow) {
            serve_pause(20);
        }
    }
}

static void *serve(void *arg)
{
    struct http_server *server = arg;
    int fd;

    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        serve_one(fd);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    return NULL;
}

static void http_server_start(struct http_server *server)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);

    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(server->listener >= 0 && bind(server->listener, (struct sockaddr *)&address, len) == 0);
    CHECK(listen(server->listener, 8) == 0);
    CHECK(getsockname(server->listener, (struct sockaddr *)&address, &len) == 0);
    server->port = ntohs(address.sin_port);
    CHECK(pthread_create(&server->thread, NULL, serve, server) == 0);
}

static void http_server_stop(struct http_server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    CHECK(pthread_join(server->thread, NULL) == 0);
    close(server->listener);
}

static const char *http_server_url(const struct http_server *server, const char *path, char out[256])
{
    snprintf(out, 256, "http://127.0.0.1:%u%s", server->port, path);
    return out;
}

/* Whether a file holds what is served. */
static int is_served(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t at = 0;
    int c;

    if (file == NULL) {
        return 0;
    }
    while ((c = fgetc(file)) != EOF && (unsigned char)c == served_byte(at)) {
        at++;
    }
    fclose(file);
    return c == EOF && at == SERVED_SIZE;
}

static int is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

#endif
