/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What the client's commands share.
 */
#ifndef FAULTS_JOBS_H
#define FAULTS_JOBS_H

#include <pthread.h>

#include "timed.h"

/* Ends the process: a mistake of the test's own. */
void client_fail(const char *what);

/* The next word of a command line. */
char *client_word(char **rest);

/* A copy that lives as long as the process: detached jobs use it. */
char *client_keep(const char *text);

/* Runs `work(argument)` in a detached thread. */
void client_start(void *(*work)(void *), void *argument);

/* Held while a result line is printed. */
extern pthread_mutex_t client_output;

/* The commands of device.c. */
void device_fetch(char **rest);
void device_cancel(char **rest);

#endif
