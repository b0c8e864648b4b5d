/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * How long calls take beyond their time, and how much of that is the machine's doing.
 *
 * Control threads do nothing but wait, for 10, 100 and 1000 ms, on condition variables and in poll(), and note when a wait
 * came back too late; one more is bound to each processor. A call that was late while such a bare wait was late too, one
 * that may run anywhere or the one on the processor that the call came back on, may have been held up by the machine; what
 * remains of its lateness is the library's.
 */
#ifndef FAULTS_TIMED_H
#define FAULTS_TIMED_H

#define TIMED_LATES 64
/* Lateness that is looked into, in ms: the bound that the library promises for its timed calls. */
#define TIMED_BOUND 50.0

typedef struct {
    const char *call;
    long limit;
    double due, end;
    int cpu; /* that it came back on */
} late_t;

/* Calls of one job. */
typedef struct {
    unsigned long calls;
    late_t worst;
    late_t late[TIMED_LATES]; /* the worst of those beyond TIMED_BOUND */
    int lates;
} timed_t;

/* Milliseconds of the monotonic clock. */
double timed_now(void);
void timed_sleep(double ms);

/* Starts the control threads; once per process. */
void timed_control(void);

/* Notes that `call` with a time of `limit` ms was begun and ended then. */
void timed_note(timed_t *timed, const char *call, long limit, double begun, double ended);

/* Prints ` CALLS WORST EXPLAINED CALL(LIMIT) OWN CALL(LIMIT)`: the worst lateness, how much of it a bare wait shared, and
 * the worst of what no bare wait shared among the calls beyond the bound (0.0 and `-` when there was none). */
void timed_print(const timed_t *timed);

/* The worst lateness of the control itself in this process so far. */
double timed_control_worst(void);

#endif
