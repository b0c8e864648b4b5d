/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Pseudo-random numbers (splitmix64) for jitter and message ids, not for keys. Seeded by the system, or by
 * the caller.
 */
#include "hal_posix.h"

#include <fcntl.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int seeded;
static uint64_t state;

static uint64_t system_seed(void)
{
    uint64_t seed = 0;
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (read(fd, &seed, sizeof(seed)) != (ssize_t)sizeof(seed)) {
            seed = 0;
        }
        close(fd);
    }
    return seed ^ otakit_hal_now_ms() ^ ((uint64_t)getpid() << 32);
}

void otakit_hal_random_seed(uint32_t seed)
{
    pthread_mutex_lock(&lock);
    state = seed;
    seeded = 1;
    pthread_mutex_unlock(&lock);
}

uint64_t otakit_hal_random_next(void)
{
    uint64_t z;

    pthread_mutex_lock(&lock);
    if (!seeded) {
        state = system_seed();
        seeded = 1;
    }
    state += UINT64_C(0x9e3779b97f4a7c15);
    z = state;
    pthread_mutex_unlock(&lock);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
