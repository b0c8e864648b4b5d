/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A name server's faults, by name: getaddrinfo() as the library's HAL sees it. Every other name is the system's affair.
 *
 *   dns-stall.test     no answer for an hour
 *   dns-slow.test      1.5 s, then 127.0.0.1
 *   dns-servfail.test  the name server fails
 *   dns-fails-once.test  the same every other time, else 127.0.0.1
 *   dns-none.test      there is no such name
 *   dns-empty.test     the name is there and has no address
 *   dns-v6-only.test   ::1
 *   dns-first-dead.test  127.0.0.1, then 127.0.0.2
 *   dns-v6-dead.test   an IPv6 address that nobody answers at, then 127.0.0.1
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timed.h"

typedef int query_t(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static query_t *system_query(void)
{
    /* ISO C knows no conversion between the two kinds of pointers. */
    union {
        void *object;
        query_t *function;
    } found;

    found.object = dlsym(RTLD_NEXT, "getaddrinfo");
    return found.function;
}

static int addresses(const char *first, const char *second, const char *service, const struct addrinfo *hints,
                     struct addrinfo **found)
{
    struct addrinfo *more = NULL, *last;
    int problem = system_query()(first, service, hints, found);

    if (problem != 0 || second == NULL) {
        return problem;
    }
    problem = system_query()(second, service, hints, &more);
    for (last = *found; last->ai_next != NULL; last = last->ai_next) {
    }
    last->ai_next = more;
    return problem;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int failed;
    int first;

    if (host == NULL || strncmp(host, "dns-", 4) != 0 || (hints != NULL && hints->ai_flags & AI_NUMERICHOST)) {
        return system_query()(host, service, hints, found);
    }
    if (strcmp(host, "dns-stall.test") == 0) {
        timed_sleep(3600e3);
        return EAI_AGAIN;
    }
    if (strcmp(host, "dns-slow.test") == 0) {
        timed_sleep(1500);
    } else if (strcmp(host, "dns-servfail.test") == 0) {
        return EAI_AGAIN;
    } else if (strcmp(host, "dns-none.test") == 0) {
        return EAI_NONAME;
    } else if (strcmp(host, "dns-empty.test") == 0) {
        return EAI_NODATA;
    } else if (strcmp(host, "dns-fails-once.test") == 0) {
        pthread_mutex_lock(&lock);
        first = failed = !failed;
        pthread_mutex_unlock(&lock);
        if (first) {
            return EAI_AGAIN;
        }
    } else if (strcmp(host, "dns-v6-only.test") == 0) {
        return addresses("::1", NULL, service, hints, found);
    } else if (strcmp(host, "dns-first-dead.test") == 0) {
        return addresses("127.0.0.1", "127.0.0.2", service, hints, found);
    } else if (strcmp(host, "dns-v6-dead.test") == 0) {
        /* A prefix for documentation: nobody has it. */
        return addresses("2001:db8::1", "127.0.0.1", service, hints, found);
    }
    return addresses("127.0.0.1", NULL, service, hints, found);
}
