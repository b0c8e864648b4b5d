/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the storage functions share. */
#include "hal_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest encoded key: a file name holds 255 bytes on common file systems. */
#define NAME_MAX_LEN 240

static int is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

char *otakit_hal_kv_path(const char *key, int create)
{
    static const char hex[] = "0123456789ABCDEF";
    const char *dir = getenv("OTAKIT_KV_DIR");
    size_t dir_len, used;
    char *path;

    if (key == NULL || key[0] == '\0') {
        return NULL;
    }
    if (dir == NULL || dir[0] == '\0') {
        dir = "otakit_kv";
    }
    if (create && mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return NULL;
    }
    dir_len = strlen(dir);
    path = malloc(dir_len + NAME_MAX_LEN + 2);
    if (path == NULL) {
        return NULL;
    }
    memcpy(path, dir, dir_len);
    path[dir_len] = '/';
    /* Everything else is escaped, so that no key leaves the directory or hides in it. */
    for (used = 0; *key != '\0'; key++) {
        if (used + 3 > NAME_MAX_LEN) {
            free(path);
            return NULL;
        }
        if (is_plain(*key)) {
            path[dir_len + 1 + used++] = *key;
        } else {
            path[dir_len + 1 + used++] = '%';
            path[dir_len + 1 + used++] = hex[(unsigned char)*key >> 4];
            path[dir_len + 1 + used++] = hex[(unsigned char)*key & 15];
        }
    }
    path[dir_len + 1 + used] = '\0';
    return path;
}

int otakit_hal_write_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return -1;
        }
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

void otakit_hal_sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    char *dir = malloc(len + 2);
    int fd;

    if (dir == NULL) {
        return;
    }
    memcpy(dir, path, len);
    strcpy(dir + len, len > 0 ? "" : slash != NULL ? "/" : ".");
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(dir);
    if (fd >= 0) {
        /* Best effort: not every file system can do it. */
        (void)fsync(fd);
        close(fd);
    }
}
