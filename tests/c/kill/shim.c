/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * LD_PRELOAD: counts a program's storage operations below one folder and strikes at the n-th. Everything it counts is in
 * a shared mapping, so that it outlives the program.
 *
 *   SHIM_STATE  file of at least 64 bytes for the counters (see `state`)
 *   SHIM_DIR    the folder
 *   SHIM_AT     which operation is struck, from 1; 0: none
 *   SHIM_ONLY   counts and strikes only operations of this kind (a letter of `kind`)
 *   SHIM_ACT    before, torn, after: SIGKILL before, within (half of a write) or after it
 *               short, shortfull: half of a write is written; with `full` the next write finds no room
 *               a number: the operation fails with this errno
 *   SHIM_LOSS   with SIGKILL the power fails too. cut, zero: bytes not synced are gone, or zeros where the file grew;
 *               any: each change of a file since its last sync is there, half there or not, by lot
 *   SHIM_NAMES  revert: with a loss, changes of names whose folder was not synced are undone; any: from a lot on
 *   SHIM_SEED   of those lots
 *   SHIM_GATE   descriptor of a socket: before each operation a line is written to it (kind and name), and one byte is
 *               waited for: `g` goes on, `b` `t` `a` are SHIM_ACT's before, torn and after
 *
 * Nothing is really synced: the page cache survives SIGKILL, and what a power failure takes is taken here. Files are
 * expected to be changed by one thread.
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


enum kind { OPEN = 'o', WRITE = 'w', SYNC = 's', TRUNCATE = 't', RENAME = 'r', UNLINK = 'u', RESERVE = 'f' };

static struct {
    uint64_t operations; /* storage operations */
    uint64_t received;   /* bytes taken off sockets */
    uint64_t read_back;  /* bytes of images read from storage */
    uint64_t struck;     /* kind of the operation that was struck; 0: none */
    uint64_t journal;    /* whether it was the journal's */
    uint64_t folder;     /* whether it was a folder's */
} * state;

/* A change of a file's bytes since its last sync; `bytes` NULL: it was cut or lengthened to `at`. */
struct edit {
    struct edit *next;
    off_t at;
    size_t len;
    char *bytes;
};

struct file {
    char path[PATH_ROOM];
    char *synced; /* what a power failure leaves */
    off_t len;
    struct edit *edits, **last;
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
static int revert, full, gate = -1;
static unsigned long at;
static uint64_t lots;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fallocate)(int, int, off_t, off_t);
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
    find(&real_pwrite, "pwrite64");
    find(&real_fallocate, "fallocate64");
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
    revert = strcmp(setting("SHIM_NAMES"), "revert") == 0 ? 1 : strcmp(setting("SHIM_NAMES"), "any") == 0 ? 2 : 0;
    lots = strtoull(setting("SHIM_SEED"), NULL, 10) * 2 + 1;
    if (*setting("SHIM_GATE") != '\0') {
        gate = atoi(setting("SHIM_GATE"));
    }
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

/* A number below `n`, by lot. */
static unsigned lot(unsigned n)
{
    lots ^= lots << 13;
    lots ^= lots >> 7;
    lots ^= lots << 17;
    return (unsigned)((lots >> 11) % n);
}

static void forget_edits(struct file *file)
{
    while (file->edits != NULL) {
        struct edit *edit = file->edits;

        file->edits = edit->next;
        free(edit->bytes);
        free(edit);
    }
    file->last = &file->edits;
}

/* What the file holds now is durable. */
static void keep(struct file *file)
{
    struct stat now;
    int fd;

    forget_edits(file);
    free(file->synced);
    file->synced = NULL;
    file->len = 0;
    if (loss[0] == '\0' || (fd = real_open(file->path, O_RDONLY)) < 0) {
        return;
    }
    if (fstat(fd, &now) == 0 && now.st_size > 0 && (file->synced = malloc((size_t)now.st_size)) != NULL) {
        file->len = pread(fd, file->synced, (size_t)now.st_size, 0) == now.st_size ? now.st_size : 0;
    }
    real_close(fd);
}

/* The file of that name; entered with what it holds now as durable when it is new here. */
static struct file *enter(const char *path)
{
    struct file *file = file_of(path);

    if (file == NULL && (file = file_of("")) != NULL) {
        strcpy(file->path, path);
        keep(file);
    }
    return file;
}

static void edited(struct file *file, off_t place, const void *bytes, size_t len)
{
    struct edit *edit;

    if (file == NULL || loss[0] == '\0' || (edit = calloc(1, sizeof(*edit))) == NULL) {
        return;
    }
    edit->at = place;
    edit->len = len;
    if (bytes != NULL && (edit->bytes = malloc(len + 1)) != NULL) {
        memcpy(edit->bytes, bytes, len);
    }
    *file->last = edit;
    file->last = &edit->next;
}

/* Puts the file into the state that a power failure leaves. */
static void lose_bytes(const struct file *file)
{
    const struct edit *edit;
    struct stat now;
    int fd;

    if (file->path[0] == '\0' || stat(file->path, &now) != 0 || (fd = real_open(file->path, O_RDWR)) < 0) {
        return;
    }
    (void)!real_ftruncate(fd, 0);
    (void)!real_pwrite(fd, file->synced, (size_t)file->len, 0);
    if (strcmp(loss, "zero") == 0 && now.st_size > file->len) {
        (void)!real_ftruncate(fd, now.st_size);
    }
    for (edit = file->edits; edit != NULL && strcmp(loss, "any") == 0; edit = edit->next) {
        unsigned fate = lot(3);

        if (fate == 0) {
            continue;
        }
        if (edit->bytes == NULL) {
            (void)!real_ftruncate(fd, edit->at);
        } else {
            (void)!real_pwrite(fd, edit->bytes, fate == 1 ? edit->len : lot((unsigned)edit->len + 1), edit->at);
        }
    }
    real_close(fd);
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
    int i, undone;

    state->struck = kind;
    if (loss[0] != '\0') {
        for (i = 0; i < MAX_FILES; i++) {
            lose_bytes(&files[i]);
        }
        undone = revert == 2 ? (int)lot((unsigned)change_count + 1) : change_count;
        while (revert && undone-- > 0) {
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

/* Waits until whoever holds the other end lets this operation go on. */
static const char *ask(enum kind kind, const char *path)
{
    char line[PATH_ROOM + 4], answer = 0;
    const char *name = strrchr(path, '/');
    int len = snprintf(line, sizeof(line), "%c %s\n", kind, name == NULL ? path : name + 1);

    if (real_write(gate, line, (size_t)len) != len || real_read(gate, &answer, 1) != 1) {
        _exit(71);
    }
    return answer == 'b' ? "before" : answer == 't' ? "torn" : answer == 'a' ? "after" : NULL;
}

static enum verdict judge(enum kind kind, const char *path)
{
    const char *how = act, *name = strrchr(path, '/');
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
    if (gate >= 0) {
        how = ask(kind, path);
        if (how == NULL) {
            return GO;
        }
    } else if (n != at) {
        return GO;
    }
    state->journal = name != NULL && strncmp(name, "/journal", 8) == 0;
    state->folder = strcmp(path, folder) == 0;
    if (strcmp(how, "before") == 0) {
        strike(kind);
    }
    if (strcmp(how, "after") == 0) {
        return THEN_DIE;
    }
    if (strcmp(how, "torn") == 0) {
        return kind == WRITE ? HALF : THEN_DIE;
    }
    state->struck = kind;
    if (strncmp(how, "short", 5) == 0) {
        full = kind == WRITE && strcmp(how, "shortfull") == 0;
        return kind == WRITE ? HALF : GO;
    }
    errno = atoi(how);
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
    verdict = judge(OPEN, path);
    if (verdict == FAIL) {
        return -1;
    }
    existed = stat(path, &was) == 0;
    if (!existed && (flags & O_CREAT) != 0) {
        change(OPEN, path, NULL);
    }
    if (existed && S_ISREG(was.st_mode)) {
        (void)enter(path);
    }
    fd = real_open(path, flags, mode);
    if (fd >= 0 && fd < MAX_FD) {
        free(paths[fd]);
        paths[fd] = strdup(path);
        if (!existed) {
            (void)enter(path);
        } else if ((flags & O_TRUNC) != 0) {
            edited(file_of(path), 0, NULL, 0);
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

/* At `place`, or at the descriptor's own position (-1). */
static ssize_t write_any(int fd, const void *data, size_t len, off_t place)
{
    off_t where = place < 0 ? lseek(fd, 0, SEEK_CUR) : place;
    enum verdict verdict = judge(WRITE, path_of(fd));
    ssize_t written;

    if (verdict == FAIL) {
        return -1;
    }
    len = verdict == HALF ? (len + 1) / 2 : len;
    written = place < 0 ? real_write(fd, data, len) : real_pwrite(fd, data, len, place);
    if (written > 0) {
        edited(file_of(path_of(fd)), where, data, (size_t)written);
    }
    if (verdict == THEN_DIE || (verdict == HALF && (gate >= 0 || strcmp(act, "torn") == 0))) {
        strike(WRITE);
    }
    return written;
}

ssize_t write(int fd, const void *data, size_t len)
{
    return path_of(fd) == NULL ? real_write(fd, data, len) : write_any(fd, data, len, -1);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t place)
{
    return path_of(fd) == NULL ? real_pwrite(fd, data, len, place) : write_any(fd, data, len, place);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t place)
{
    return pwrite(fd, data, len, (off_t)place);
}

static int fallocate_any(int fd, int mode, off_t from, off_t len)
{
    enum verdict verdict;
    int result;

    if (path_of(fd) == NULL) {
        return real_fallocate(fd, mode, from, len);
    }
    verdict = judge(RESERVE, path_of(fd));
    if (verdict == FAIL) {
        return -1;
    }
    result = real_fallocate(fd, mode, from, len);
    if (verdict == THEN_DIE) {
        strike(RESERVE);
    }
    return result;
}

int fallocate(int fd, int mode, off_t from, off_t len)
{
    return fallocate_any(fd, mode, from, len);
}

int fallocate64(int fd, int mode, off64_t from, off64_t len)
{
    return fallocate_any(fd, mode, (off_t)from, (off_t)len);
}

static void count_read(int fd, ssize_t n)
{
    const char *path = path_of(fd);

    if (n > 0 && path != NULL && strstr(path, "/image") != NULL) {
        state->read_back += (uint64_t)n;
    }
}

ssize_t read(int fd, void *data, size_t len)
{
    ssize_t n = real_read(fd, data, len);

    count_read(fd, n);
    return n;
}

ssize_t pread64(int fd, void *data, size_t len, off64_t place)
{
    static ssize_t (*real)(int, void *, size_t, off64_t);
    ssize_t n;

    if (real == NULL) {
        find(&real, "pread64");
    }
    n = real(fd, data, len, place);
    count_read(fd, n);
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
    verdict = judge(SYNC, path);
    if (verdict == FAIL) {
        return -1;
    }
    if (fstat(fd, &now) == 0 && S_ISDIR(now.st_mode)) {
        settle();
    } else if (file_of(path) != NULL) {
        keep(file_of(path));
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
    verdict = judge(TRUNCATE, path);
    if (verdict == FAIL) {
        return -1;
    }
    result = real_ftruncate(fd, len);
    file = file_of(path);
    if (result == 0) {
        edited(file, len, NULL, 0);
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

/* The file has no name any more. */
static void drop(struct file *file)
{
    if (file != NULL) {
        forget_edits(file);
        free(file->synced);
        file->synced = NULL;
        file->path[0] = '\0';
    }
}

int rename(const char *from, const char *to)
{
    enum verdict verdict;
    struct file *file;
    int result;

    if (!below(from)) {
        return real_rename(from, to);
    }
    verdict = judge(RENAME, from);
    if (verdict == FAIL) {
        return -1;
    }
    change(RENAME, from, to);
    result = real_rename(from, to);
    if (result == 0) {
        drop(file_of(to));
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
    int result;

    if (!below(path)) {
        return real_unlink(path);
    }
    verdict = judge(UNLINK, path);
    if (verdict == FAIL) {
        return -1;
    }
    change(UNLINK, path, NULL);
    result = real_unlink(path);
    if (result == 0) {
        drop(file_of(path));
    }
    if (verdict == THEN_DIE) {
        strike(UNLINK);
    }
    return result;
}
