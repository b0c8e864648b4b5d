/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What the driver's parts for the device model share.
 */
#ifndef OTAKIT_TEST_DRIVER_MODEL_H
#define OTAKIT_TEST_DRIVER_MODEL_H

#include "driver.h"

/* Events noted and not yet handed out. */
extern int event_count;

/* Notes one event for `lk-events`: its name, then its arguments, separated by '|'. */
void note(const char *format, ...);
/* What each callback does last: nothing, or the calls that `lk-inside` asks for. */
void inside(const char *name);
/* Sleeps. */
void rest(int ms);
/* Closes the file that the store writes. */
void store_cleanup(void);

#endif /* OTAKIT_TEST_DRIVER_MODEL_H */
