/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An image beyond 2 GiB through HAL_Firmware_Persistence_*, which a 32-bit system has to ask for. Nearly all of it is a hole. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "wrappers_ota.h"

static const char IMAGE[] = "big_image.bin", PART[] = "big_image.bin.part";
static const int64_t FAR = (INT64_C(1) << 31) + 4096;

/* The descriptor that the HAL has the part open with. */
static int part_descriptor(void)
{
    struct stat part, open;
    int fd;

    CHECK(stat(PART, &part) == 0);
    for (fd = 3; fd < 256; fd++) {
        if (fstat(fd, &open) == 0 && open.st_ino == part.st_ino && open.st_dev == part.st_dev) {
            return fd;
        }
    }
    return -1;
}

static void write_far(char letter)
{
    char bytes[512];
    int fd;

    memset(bytes, letter, sizeof(bytes));
    HAL_Firmware_Persistence_Start();
    CHECK(HAL_Firmware_Persistence_Write(bytes, sizeof(bytes)) == 0);
    fd = part_descriptor();
    CHECK(fd >= 0);
    /* As if all before it had been written. */
    CHECK(lseek(fd, (off_t)FAR, SEEK_SET) == (off_t)FAR);
    CHECK(HAL_Firmware_Persistence_Write(bytes, sizeof(bytes)) == 0);
    CHECK(HAL_Firmware_Persistence_Stop() == 0);
}

static void check_image(char letter)
{
    struct stat info;
    char byte = 0;
    int fd = open(IMAGE, O_RDONLY);

    CHECK(fd >= 0 && fstat(fd, &info) == 0);
    CHECK((int64_t)info.st_size == FAR + 512);
    CHECK(pread(fd, &byte, 1, (off_t)(FAR + 511)) == 1 && byte == letter);
    CHECK(pread(fd, &byte, 1, 511) == 1 && byte == letter);
    CHECK(close(fd) == 0);
    CHECK(access(PART, F_OK) != 0);
}

int main(void)
{
    CHECK(sizeof(off_t) == 8);
    setenv("OTAKIT_FIRMWARE_FILE", IMAGE, 1);
    unlink(IMAGE);
    unlink(PART);
    write_far('a');
    check_image('a');
    /* The image that is to be replaced is beyond 2 GiB too, and one that is not valid leaves it. */
    write_far('b');
    check_image('b');
    HAL_Firmware_Persistence_Start();
    CHECK(HAL_Firmware_Persistence_Write("", 0) == 0);
    CHECK(HAL_Firmware_Persistence_Stop() != 0);
    check_image('b');
    unlink(IMAGE);
    return 0;
}
