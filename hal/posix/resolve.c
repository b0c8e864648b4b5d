/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Name resolution that ends in time. getaddrinfo() cannot be interrupted: it runs on a thread of its own,
 * and whoever of the two sides is last frees what they share.
 */
#include "hal_posix.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t done;
    int finished;
    int abandoned;
    struct addrinfo *found;
    int problem; /* EAI_... */
    int system;  /* errno of EAI_SYSTEM */
    char service[8];
    char host[];
};

static int query(const char *host, const char *service, int flags, struct addrinfo **found)
{
    struct addrinfo hints;

    *found = NULL;

    memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    return getaddrinfo(host, service, &hints, found);
}

/* Tells the library the system's words, and the caller by errno: ENODATA when there is no such name or it has no address,
 * EAGAIN when no name server answered. */
static void tell(int problem, int system)
{
    switch (problem) {
    case EAI_AGAIN:
    case EAI_FAIL:
        errno = EAGAIN;
        break;
    case EAI_MEMORY:
        errno = ENOMEM;
        break;
    case EAI_SYSTEM:
        errno = system;
        return;
    default:
        errno = ENODATA;
        break;
    }
    if (otakit_unresolved != NULL) {
        int kept = errno;

        otakit_unresolved(gai_strerror(problem));
        errno = kept;
    }
}

static void destroy(struct lookup *job)
{
    pthread_cond_destroy(&job->done);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

static void *run(void *arg)
{
    struct lookup *job = arg;
    struct addrinfo *found;
    int problem = query(job->host, job->service, AI_NUMERICSERV, &found);
    int system = errno;
    int abandoned;

    pthread_mutex_lock(&job->lock);
    job->found = found;
    job->problem = problem;
    job->system = system;
    job->finished = 1;
    abandoned = job->abandoned;
    pthread_cond_signal(&job->done);
    pthread_mutex_unlock(&job->lock);
    if (abandoned) {
        if (found != NULL) {
            freeaddrinfo(found);
        }
        destroy(job);
    }
    return NULL;
}

static struct lookup *create(const char *host, const char *service)
{
    size_t len = strlen(host);
    struct lookup *job = calloc(1, sizeof(*job) + len + 1);
    pthread_condattr_t attr;
    int failed;

    if (job == NULL) {
        return NULL;
    }
    memcpy(job->host, host, len + 1);
    strcpy(job->service, service);
    if (pthread_condattr_init(&attr) != 0) {
        free(job);
        return NULL;
    }
    failed = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 ||
             pthread_cond_init(&job->done, &attr) != 0;
    pthread_condattr_destroy(&attr);
    if (failed) {
        free(job);
        return NULL;
    }
    if (pthread_mutex_init(&job->lock, NULL) != 0) {
        pthread_cond_destroy(&job->done);
        free(job);
        return NULL;
    }
    return job;
}

/* Starts run() with every signal blocked: the firmware's handlers belong on the firmware's threads. */
static int start(struct lookup *job)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    int failed;

    if (pthread_attr_init(&attr) != 0) {
        return -1;
    }
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread, &attr, run, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return failed ? -1 : 0;
}

struct addrinfo *otakit_hal_resolve(const char *host, uint16_t port, uint64_t deadline_ms)
{
    char service[8];
    struct addrinfo *found;
    struct timespec until;
    struct lookup *job;
    int finished, problem, system;

    snprintf(service, sizeof(service), "%u", (unsigned)port);
    if (query(host, service, AI_NUMERICSERV | AI_NUMERICHOST, &found) == 0) {
        return found;
    }
    job = create(host, service);
    if (job == NULL || start(job) != 0) {
        if (job != NULL) {
            destroy(job);
        }
        errno = ENOMEM;
        return NULL;
    }
    until.tv_sec = (time_t)(deadline_ms / 1000u);
    until.tv_nsec = (long)(deadline_ms % 1000u) * 1000000L;
    pthread_mutex_lock(&job->lock);
    while (!job->finished && pthread_cond_timedwait(&job->done, &job->lock, &until) == 0) {
    }
    finished = job->finished;
    found = job->found;
    problem = job->problem;
    system = job->system;
    job->abandoned = !finished;
    pthread_mutex_unlock(&job->lock);
    if (!finished) {
        tell(EAI_AGAIN, 0);
        return NULL;
    }
    destroy(job);
    if (problem != 0) {
        tell(problem, system);
        return NULL;
    }
    return found;
}
