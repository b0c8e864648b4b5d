/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * LD_PRELOAD: counts a program's storage operations below one folder and strikes at the n-th. Everything it counts is in
 * a shared mapping, so that it outlives the program.
 *
 *   SHIM_STATE  file of at least 64 bytes for the counters (see `state`)
 *   SHIM_DIR    the folder
 *   SHIM_AT     which operation is struck, from 1; 0: none
 *   SHIM_ONLY   counts and strikes only operations of this kind (a letter of `kind`)
 *   SHIM_ACT    before, torn, after: SIGKILL before, amid (half of a write) or after it
 *               short, shortfull: half of a write is written; with `full` the next write finds no room
 *               a number: the operation fails with this errno
 *   SHIM_LOSS   cut, zero: with SIGKILL the power fails too: bytes not synced are gone, or zeros
 *   SHIM_NAMES  revert: with a loss, changes of names whose folder was not synced are undone
 *
 * Nothing is really synced: the page cache survives SIGKILL, and what a power failure takes is taken here. Files are
 * expected to be written by one thread.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FD = 256, MAX_FILES = 16, MAX_CHANGES = 32, PATH_ROOM = 512 };

enum kind { OPEN = 'o', WRITE = 'w', SYNC = 's', TRUNCATE = 't', RENAME = 'r', UNLINK = 'u' };

static struct {
    uint64_t operations; /* storage operations */
    uint64_t received;   /* bytes taken off sockets */
    uint64_t read_back;  /* bytes of images read from storage */
    uint64_t struck;     /* kind of the operation that was struck; 0: none */
} * state;

struct file {
    char path[PATH_ROOM];
    off_t synced;
};

struct change {
    enum kind kind;
    char from[PATH_ROOM];
    char to[PATH_ROOM];
    char before[PATH_ROOM]; /* what was at the place, empty when nothing was */
};

static struct file files[MAX_FILES];
static struct change changes[MAX_CHANGES];
static int change_count, undo_count;
static char *paths[MAX_FD]; /* of descriptors below the folder */
static const char *folder, *act, *loss;
static char only;
static int revert, full;
static unsigned long at;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_recv)(int, void *, size_t, int);
static int (*real_ftruncate)(int, off_t);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_fsync)(int);

static void find(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(function, &found, sizeof(found));
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);

    return value == NULL ? "" : value;
}

__attribute__((constructor)) static void start(void)
{
    int fd;

    find(&real_open, "open");
    find(&real_close, "close");
    find(&real_write, "write");
    find(&real_read, "read");
    find(&real_recv, "recv");
    find(&real_ftruncate, "ftruncate");
    find(&real_rename, "rename");
    find(&real_unlink, "unlink");
    find(&real_fsync, "fsync");
    folder = setting("SHIM_DIR");
    act = setting("SHIM_ACT");
    loss = setting("SHIM_LOSS");
    only = *setting("SHIM_ONLY");
    revert = strcmp(setting("SHIM_NAMES"), "revert") == 0;
    at = strtoul(setting("SHIM_AT"), NULL, 10);
    fd = real_open(setting("SHIM_STATE"), O_RDWR);
    state = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (state == MAP_FAILED || folder[0] == '\0') {
        fprintf(stderr, "shim: no SHIM_STATE or SHIM_DIR\n");
        _exit(70);
    }
    real_close(fd);
}

static int below(const char *path)
{
    size_t len = strlen(folder);

    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0') && strlen(path) < PATH_ROOM - 16;
}

static const char *path_of(int fd)
{
    return fd >= 0 && fd < MAX_FD ? paths[fd] : NULL;
}

static struct file *file_of(const char *path)
{
    int i;

    for (i = 0; i < MAX_FILES; i++) {
        if (strcmp(files[i].path, path) == 0) {
            return &files[i];
        }
    }
    return NULL;
}

/* The file of that name, entered with what it holds now as durable when it is new here. */
static struct file *enter(const char *path, off_t durable)
{
    struct file *file = file_of(path);

    if (file == NULL && (file = file_of("")) != NULL) {
        strcpy(file->path, path);
        file->synced = durable;
    }
    return file;
}

static void lose_bytes(const struct file *file)
{
    static const char zeros[4096];
    struct stat now;
    off_t end;

    if (file->path[0] == '\0' || stat(file->path, &now) != 0 || now.st_size <= file->synced) {
        return;
    }
    if (strcmp(loss, "cut") == 0) {
        (void)!truncate(file->path, file->synced);
        return;
    }
    {
        int fd = real_open(file->path, O_WRONLY);

        for (end = file->synced; end < now.st_size; end += (off_t)sizeof(zeros)) {
            size_t n = now.st_size - end < (off_t)sizeof(zeros) ? (size_t)(now.st_size - end) : sizeof(zeros);

            (void)!pwrite(fd, zeros, n, end);
        }
        real_close(fd);
    }
}

static void undo(const struct change *change)
{
    if (change->kind == OPEN) {
        real_unlink(change->from);
        return;
    }
    if (change->kind == RENAME) {
        real_rename(change->to, change->from);
    }
    if (change->before[0] != '\0') {
        real_rename(change->before, change->kind == RENAME ? change->to : change->from);
    }
}

/* Names are durable from here on. */
static void settle(void)
{
    while (change_count > 0) {
        change_count--;
        if (changes[change_count].before[0] != '\0') {
            real_unlink(changes[change_count].before);
        }
    }
}

static void strike(enum kind kind)
{
    int i;

    state->struck = kind;
    if (loss[0] != '\0') {
        for (i = 0; i < MAX_FILES; i++) {
            lose_bytes(&files[i]);
        }
        while (revert && change_count > 0) {
            undo(&changes[--change_count]);
        }
        settle();
    }
    for (;;) {
        kill(getpid(), SIGKILL);
    }
}

/* Remembers how to undo a change of names; to be called before it happens. */
static void change(enum kind kind, const char *from, const char *to)
{
    struct change *change;
    const char *place = kind == RENAME ? to : from;

    if (!revert || change_count == MAX_CHANGES) {
        return;
    }
    change = &changes[change_count++];
    change->kind = kind;
    strcpy(change->from, from);
    strcpy(change->to, to == NULL ? "" : to);
    snprintf(change->before, sizeof(change->before), "%.480s/.undo-%d", folder, undo_count++);
    if (kind == OPEN || link(place, change->before) != 0) {
        change->before[0] = '\0';
    }
}

/* What to do with this operation. */
enum verdict { GO, HALF, THEN_DIE, FAIL };

static enum verdict judge(enum kind kind)
{
    unsigned long n;

    if (kind == WRITE && full) {
        full = 0;
        errno = ENOSPC;
        return FAIL;
    }
    if (only != '\0' && only != (char)kind) {
        return GO;
    }
    n = ++state->operations;
    if (n != at) {
        return GO;
    }
    if (strcmp(act, "before") == 0) {
        strike(kind);
    }
    if (strcmp(act, "after") == 0) {
        return THEN_DIE;
    }
    if (strcmp(act, "torn") == 0) {
        return kind == WRITE ? HALF : THEN_DIE;
    }
    state->struck = kind;
    if (strncmp(act, "short", 5) == 0) {
        full = kind == WRITE && strcmp(act, "shortfull") == 0;
        return kind == WRITE ? HALF : GO;
    }
    errno = atoi(act);
    return FAIL;
}

static int open_any(const char *path, int flags, mode_t mode)
{
    enum verdict verdict;
    struct stat was;
    int fd, existed;

    if (!below(path)) {
        return real_open(path, flags, mode);
    }
    verdict = judge(OPEN);
    if (verdict == FAIL) {
        return -1;
    }
    existed = stat(path, &was) == 0;
    if (!existed && (flags & O_CREAT) != 0) {
        change(OPEN, path, NULL);
    }
    fd = real_open(path, flags, mode);
    if (fd >= 0 && fd < MAX_FD) {
        free(paths[fd]);
        paths[fd] = strdup(path);
        if (!existed || S_ISREG(was.st_mode)) {
            struct file *file = enter(path, existed ? was.st_size : 0);

            if (file != NULL && (flags & O_TRUNC) != 0) {
                file->synced = 0;
            }
        }
    }
    if (verdict == THEN_DIE) {
        strike(OPEN);
    }
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    return open_any(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    return open_any(path, flags, mode);
}

int close(int fd)
{
    if (path_of(fd) != NULL) {
        free(paths[fd]);
        paths[fd] = NULL;
    }
    return real_close(fd);
}

ssize_t write(int fd, const void *data, size_t len)
{
    enum verdict verdict;
    ssize_t written;

    if (path_of(fd) == NULL) {
        return real_write(fd, data, len);
    }
    verdict = judge(WRITE);
    if (verdict == FAIL) {
        return -1;
    }
    written = real_write(fd, data, verdict == HALF ? (len + 1) / 2 : len);
    if (verdict == THEN_DIE || (verdict == HALF && strcmp(act, "torn") == 0)) {
        strike(WRITE);
    }
    return written;
}

ssize_t read(int fd, void *data, size_t len)
{
    ssize_t n = real_read(fd, data, len);
    const char *path = path_of(fd);

    if (n > 0 && path != NULL && strstr(path, "/image") != NULL) {
        state->read_back += (uint64_t)n;
    }
    return n;
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    ssize_t n = real_recv(fd, data, len, flags);

    if (n > 0 && (flags & MSG_PEEK) == 0) {
        state->received += (uint64_t)n;
    }
    return n;
}

static int sync_any(int fd)
{
    const char *path = path_of(fd);
    enum verdict verdict;
    struct stat now;

    if (path == NULL) {
        return real_fsync(fd);
    }
    verdict = judge(SYNC);
    if (verdict == FAIL) {
        return -1;
    }
    if (fstat(fd, &now) == 0 && S_ISDIR(now.st_mode)) {
        settle();
    } else if (file_of(path) != NULL) {
        file_of(path)->synced = now.st_size;
    }
    if (verdict == THEN_DIE) {
        strike(SYNC);
    }
    return 0;
}

int fsync(int fd)
{
    return sync_any(fd);
}

int fdatasync(int fd)
{
    return sync_any(fd);
}

static int truncate_any(int fd, off_t len)
{
    const char *path = path_of(fd);
    struct file *file;
    enum verdict verdict;
    int result;

    if (path == NULL) {
        return real_ftruncate(fd, len);
    }
    verdict = judge(TRUNCATE);
    if (verdict == FAIL) {
        return -1;
    }
    result = real_ftruncate(fd, len);
    file = file_of(path);
    if (result == 0 && file != NULL && file->synced > len) {
        file->synced = len;
    }
    if (verdict == THEN_DIE) {
        strike(TRUNCATE);
    }
    return result;
}

int ftruncate(int fd, off_t len)
{
    return truncate_any(fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    return truncate_any(fd, (off_t)len);
}

int rename(const char *from, const char *to)
{
    enum verdict verdict;
    struct file *file;
    int result;

    if (!below(from)) {
        return real_rename(from, to);
    }
    verdict = judge(RENAME);
    if (verdict == FAIL) {
        return -1;
    }
    change(RENAME, from, to);
    result = real_rename(from, to);
    if (result == 0) {
        file = file_of(to);
        if (file != NULL) {
            file->path[0] = '\0';
        }
        file = file_of(from);
        if (file != NULL) {
            strcpy(file->path, to);
        }
    }
    if (verdict == THEN_DIE) {
        strike(RENAME);
    }
    return result;
}

int unlink(const char *path)
{
    enum verdict verdict;
    struct file *file;
    int result;

    if (!below(path)) {
        return real_unlink(path);
    }
    verdict = judge(UNLINK);
    if (verdict == FAIL) {
        return -1;
    }
    change(UNLINK, path, NULL);
    result = real_unlink(path);
    file = file_of(path);
    if (result == 0 && file != NULL) {
        file->path[0] = '\0';
    }
    if (verdict == THEN_DIE) {
        strike(UNLINK);
    }
    return result;
}
