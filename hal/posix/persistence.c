/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One firmware file at a time: bytes gather in "<file>.part", which becomes the file only when every one of
 * them reached the disk. The file is $OTAKIT_FIRMWARE_FILE, or ./otakit_firmware.bin.
 */
#include "hal_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *part; /* path of the .part file; NULL while nothing is going on */
static int fd = -1;
static struct stat ours; /* the file that it leads to */
static pid_t owner;      /* the process that opened it */
static int failed;

/* Whether the descriptor still leads to the part: a program may have closed it, and opened its own under the number. */
static int leads_there(void)
{
    struct stat info;

    return fd >= 0 && fstat(fd, &info) == 0 && info.st_ino == ours.st_ino && info.st_dev == ours.st_dev;
}

/* A child goes on when its parent has ended, as a daemon does; not beside it. */
static int is_owner(void)
{
    return getpid() == owner || getppid() != owner;
}

static void discard(void)
{
    int there = leads_there();

    /* Before the lock is free: afterwards the name may be another process's. */
    if (there && part != NULL && is_owner()) {
        unlink(part);
    }
    free(part);
    part = NULL;
    if (there) {
        close(fd);
    }
    fd = -1;
}

/* A firmware replaces a regular file, or none; never a folder, a device or a link. */
static int is_destination(const char *file)
{
    struct stat info;

    return lstat(file, &info) == 0 ? S_ISREG(info.st_mode) : errno == ENOENT;
}

/*
 * The part, empty, ours alone: a regular file of this user's with one name, locked against other processes. Links are not
 * followed, and a pipe is not waited for.
 */
static int open_part(void)
{
    struct stat info, named;
    int opened = open(part, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

    if (opened < 0) {
        return -1;
    }
    if (flock(opened, LOCK_EX | LOCK_NB) == 0 && fstat(opened, &info) == 0 && S_ISREG(info.st_mode) &&
        info.st_nlink == 1 && info.st_uid == geteuid() && lstat(part, &named) == 0 && named.st_ino == info.st_ino &&
        named.st_dev == info.st_dev && fchmod(opened, 0600) == 0 && ftruncate(opened, 0) == 0) {
        ours = info;
        owner = getpid();
        return opened;
    }
    close(opened);
    return -1;
}

/* Whether the part's name still leads to the open file, and no other does. */
static int is_in_place(void)
{
    struct stat info, named;

    return leads_there() && fstat(fd, &info) == 0 && lstat(part, &named) == 0 && info.st_nlink == 1 &&
           named.st_ino == ours.st_ino && named.st_dev == ours.st_dev;
}

void otakit_hal_persistence_start(void)
{
    static const char suffix[] = ".part";
    const char *file = getenv("OTAKIT_FIRMWARE_FILE");
    size_t len;

    if (file == NULL || file[0] == '\0') {
        file = "otakit_firmware.bin";
    }
    len = strlen(file);
    pthread_mutex_lock(&lock);
    discard();
    failed = 1;
    part = malloc(len + sizeof(suffix));
    if (part != NULL) {
        memcpy(part, file, len);
        memcpy(part + len, suffix, sizeof(suffix));
        fd = is_destination(file) ? open_part() : -1;
        failed = fd < 0;
        if (failed) {
            /* It is not ours to remove. */
            free(part);
            part = NULL;
        }
    }
    pthread_mutex_unlock(&lock);
}

int otakit_hal_persistence_write(const char *data, size_t len)
{
    int result = -1;

    pthread_mutex_lock(&lock);
    if (len == 0) {
        /* What came is not valid: nothing is replaced by it. */
        discard();
        result = 0;
    } else if (!failed) {
        if (data != NULL && is_owner() && leads_there()) {
            result = otakit_hal_write_all(fd, data, len);
        }
        failed = result != 0;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int otakit_hal_persistence_stop(void)
{
    int result = -1;

    pthread_mutex_lock(&lock);
    if (!failed && is_owner() && is_in_place() && fsync(fd) == 0) {
        char *file = malloc(strlen(part) + 1);

        if (file != NULL) {
            strcpy(file, part);
            file[strlen(file) - strlen(".part")] = '\0';
            result = is_destination(file) ? rename(part, file) : -1;
            if (result == 0) {
                otakit_hal_sync_parent(file);
                free(part);
                part = NULL;
            }
            free(file);
        }
    }
    discard();
    pthread_mutex_unlock(&lock);
    return result;
}
