/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE

#include "timed.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LENGTHS 6
#define CPUS 8
#define CONTROLS (LENGTHS + CPUS)
#define KEPT 16384

typedef struct {
    double due, end;
} wait_t;

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t never;
    wait_t done[KEPT];
    unsigned long count;
    double due, worst; /* of the wait under way; of all */
    int length, polls;
    int cpu; /* that it is bound to; -1 */
} control_t;

static control_t controls[CONTROLS];
static int controls_running;
static const int lengths[LENGTHS] = {10, 10, 100, 100, 1000, 1000};

double timed_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void timed_sleep(double ms)
{
    struct timespec t;

    t.tv_sec = (time_t)(ms / 1000);
    t.tv_nsec = (long)((ms - (double)t.tv_sec * 1000) * 1e6);
    nanosleep(&t, NULL);
}

static void *run(void *argument)
{
    control_t *control = argument;

    if (control->cpu >= 0) {
        cpu_set_t cpus;

        CPU_ZERO(&cpus);
        CPU_SET(control->cpu, &cpus);
        pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
    }
    pthread_mutex_lock(&control->lock);
    for (;;) {
        double end;

        control->due = timed_now() + control->length;
        if (control->polls) {
            pthread_mutex_unlock(&control->lock);
            poll(NULL, 0, control->length);
            pthread_mutex_lock(&control->lock);
        } else {
            struct timespec until;

            until.tv_sec = (time_t)(control->due / 1000);
            until.tv_nsec = (long)((control->due - (double)until.tv_sec * 1000) * 1e6);
            pthread_cond_timedwait(&control->never, &control->lock, &until);
        }
        end = timed_now();
        control->done[control->count % KEPT].due = control->due;
        control->done[control->count % KEPT].end = end;
        control->count++;
        if (end - control->due > control->worst) {
            control->worst = end - control->due;
        }
    }
    return NULL;
}

static void start(control_t *control, int length, int polls, int cpu)
{
    pthread_condattr_t monotonic;
    pthread_t thread;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&control->lock, NULL);
    pthread_cond_init(&control->never, &monotonic);
    pthread_condattr_destroy(&monotonic);
    control->length = length;
    control->polls = polls;
    control->cpu = cpu;
    if (pthread_create(&thread, NULL, run, control) != 0) {
        fprintf(stderr, "client: no thread for the control\n");
        exit(70);
    }
    pthread_detach(thread);
}

void timed_control(void)
{
    cpu_set_t cpus;
    int i, cpu;

    for (i = 0; i < LENGTHS; i++) {
        start(&controls[i], lengths[i], i % 2, -1);
    }
    if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0) {
        for (cpu = 0; cpu < CPU_SETSIZE && i < CONTROLS; cpu++) {
            if (CPU_ISSET(cpu, &cpus)) {
                start(&controls[i++], 10, 0, cpu);
            }
        }
    }
    controls_running = i;
}

double timed_control_worst(void)
{
    double worst = 0;
    int i;

    for (i = 0; i < LENGTHS; i++) {
        pthread_mutex_lock(&controls[i].lock);
        worst = controls[i].worst > worst ? controls[i].worst : worst;
        pthread_mutex_unlock(&controls[i].lock);
    }
    return worst;
}

void timed_note(timed_t *timed, const char *call, long limit, double begun, double ended)
{
    late_t late;
    int at = timed->lates, i;

    late.call = call;
    late.limit = limit;
    late.due = begun + (double)limit;
    late.end = ended;
    late.cpu = sched_getcpu();
    timed->calls++;
    if (timed->worst.call == NULL || late.end - late.due > timed->worst.end - timed->worst.due) {
        timed->worst = late;
    }
    if (late.end - late.due <= TIMED_BOUND) {
        return;
    }
    if (at == TIMED_LATES) {
        for (at = 0, i = 1; i < TIMED_LATES; i++) {
            at = timed->late[i].end - timed->late[i].due < timed->late[at].end - timed->late[at].due ? i : at;
        }
        if (late.end - late.due <= timed->late[at].end - timed->late[at].due) {
            return;
        }
    } else {
        timed->lates++;
    }
    timed->late[at] = late;
}

static int by_begin(const void *a, const void *b)
{
    const wait_t *one = a, *other = b;

    return (one->due > other->due) - (one->due < other->due);
}

/* For how much of the time by which a call was late some bare wait was late, too: one that may run anywhere, or one on the
 * processor that the call came back on. */
static double shared(const late_t *late)
{
    double due = late->due, end = late->end;
    wait_t *found = malloc(CONTROLS * (KEPT + 1) * sizeof(*found));
    double now = timed_now(), covered = 0, upto = due;
    size_t count = 0, i;
    int c;

    if (found == NULL) {
        fprintf(stderr, "client: no memory\n");
        exit(70);
    }
    for (c = 0; c < controls_running; c++) {
        control_t *control = &controls[c];

        if (control->cpu >= 0 && control->cpu != late->cpu) {
            continue;
        }
        pthread_mutex_lock(&control->lock);
        for (i = 0; i < KEPT && i < control->count; i++) {
            if (control->done[i].end > due && control->done[i].due < end) {
                found[count++] = control->done[i];
            }
        }
        if (control->due < end && now > control->due) {
            found[count].due = control->due;
            found[count++].end = now;
        }
        pthread_mutex_unlock(&control->lock);
    }
    qsort(found, count, sizeof(*found), by_begin);
    for (i = 0; i < count; i++) {
        double from = found[i].due > upto ? found[i].due : upto;
        double to = found[i].end < end ? found[i].end : end;

        if (to > from) {
            covered += to - from;
            upto = to;
        }
    }
    free(found);
    return covered;
}

void timed_print(const timed_t *timed)
{
    const late_t *worst = &timed->worst, *own = NULL;
    double most = 0, late = worst->end - worst->due;
    int i;

    for (i = 0; i < timed->lates; i++) {
        double rest = timed->late[i].end - timed->late[i].due - shared(&timed->late[i]);

        if (rest > most) {
            most = rest;
            own = &timed->late[i];
        }
    }
    if (worst->call == NULL || late < 0) {
        late = 0;
    }
    printf(" %lu %.1f %.1f %s(%ld)", timed->calls, late, late > 0 ? shared(worst) : 0.0,
           worst->call != NULL ? worst->call : "none", worst->limit);
    if (own != NULL) {
        printf(" %.1f %s(%ld)", most, own->call, own->limit);
    } else {
        printf(" 0.0 -");
    }
}
