/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * For LD_PRELOAD: how deep the stacks of a program's threads get.
 *
 * Each thread gets a painted stack of the size it asked for; when it ends, what is no longer painted was used. One line
 * for each: `stack NAME SIZE USED`, in bytes, on standard error. libc's own block at the top of the stack, which holds
 * the thread's control block and variables, counts as used.
 */
#define _GNU_SOURCE /* RTLD_NEXT, pthread_getname_np, MAP_STACK */

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAINT = 0xA5 };

typedef struct {
    void *(*run)(void *);
    void *argument;
    unsigned char *stack;
    size_t size;
} job_t;

/* Not painted over by the scan itself: it reads from the far end. */
static size_t used(const unsigned char *stack, size_t size)
{
    size_t free = 0;

    while (free < size && stack[free] == PAINT) {
        free++;
    }
    return size - free;
}

static void *painted(void *pointer)
{
    job_t job = *(job_t *)pointer;
    char name[16] = "?";
    void *result;

    free(pointer);
    result = job.run(job.argument);
    pthread_getname_np(pthread_self(), name, sizeof(name));
    /* Taken before printing, which needs stack of its own. */
    size_t depth = used(job.stack, job.size);
    fprintf(stderr, "stack %s %zu %zu\n", name, job.size, depth);
    return result;
}

/* The stacks are never freed: their threads still run on them when they report. */
int pthread_create(pthread_t *thread, const pthread_attr_t *asked, void *(*run)(void *), void *argument)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    job_t *job = malloc(sizeof(*job));
    pthread_attr_t attributes;
    int result;

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    }
    pthread_attr_init(&attributes);
    job->run = run;
    job->argument = argument;
    pthread_attr_getstacksize(asked != NULL ? asked : &attributes, &job->size);
    job->stack = mmap(NULL, job->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (job->stack == MAP_FAILED) {
        abort();
    }
    memset(job->stack, PAINT, job->size);
    pthread_attr_setstack(&attributes, job->stack, job->size);
    result = real(thread, &attributes, painted, job);
    pthread_attr_destroy(&attributes);
    return result;
}
