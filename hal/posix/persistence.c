/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One firmware file at a time: bytes gather in "<file>.part", which becomes the file only when every one of
 * them reached the disk. The file is $OTAKIT_FIRMWARE_FILE, or ./otakit_firmware.bin.
 */
#include "hal_posix.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *part; /* path of the .part file; NULL while nothing is going on */
static int fd = -1;
static int failed;

static void discard(void)
{
    if (fd >= 0) {
        close(fd);
        fd = -1;
    }
    if (part != NULL) {
        unlink(part);
        free(part);
        part = NULL;
    }
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
        fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        failed = fd < 0;
    }
    pthread_mutex_unlock(&lock);
}

int otakit_hal_persistence_write(const char *data, size_t len)
{
    int result = -1;

    pthread_mutex_lock(&lock);
    if (fd >= 0 && !failed) {
        result = data == NULL && len > 0 ? -1 : otakit_hal_write_all(fd, data, len);
        failed = result != 0;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int otakit_hal_persistence_stop(void)
{
    int result = -1;

    pthread_mutex_lock(&lock);
    if (fd >= 0 && !failed && fsync(fd) == 0) {
        char *file = malloc(strlen(part) + 1);

        if (file != NULL) {
            strcpy(file, part);
            file[strlen(file) - strlen(".part")] = '\0';
            result = rename(part, file);
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
