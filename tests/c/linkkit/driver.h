/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The line-command interpreter over the Link Kit API that the end-to-end tests steer.
 *
 * A command is one line of words; `%XX` in a word is that byte, `-` alone is NULL, `''` alone is the empty string.
 * The answer is one line: `= `, the command's name, then `key=value` pairs, always with `ms=` (time spent in the call).
 * Every other line of the output is the library's: it logs through HAL_Printf.
 * Handles are h1..h9 (OTA) and m1..m9 (MQTT); `null` and `0x...` pass those very values.
 */
#ifndef OTAKIT_TEST_DRIVER_H
#define OTAKIT_TEST_DRIVER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"

#define MAX_WORDS 24
#define MAX_HANDLES 10
#define GUARD_LEN 64
#define GUARD_BYTE 0xA5
#define POISON_BYTE 0xCC

typedef struct {
    int count;
    char *word[MAX_WORDS]; /* decoded in place; NULL where the line says `-` */
} command_t;

typedef struct {
    const char *name;
    int min_words; /* the command's own name counts */
    void (*run)(const command_t *command);
} entry_t;

extern const entry_t mqtt_commands[];
extern const entry_t ota_commands[];
extern const entry_t control_commands[];
extern const entry_t model_commands[];
extern const entry_t call_commands[];
extern const entry_t store_commands[];
/* Those of the generation that the program is built for. */
extern const entry_t generation_commands[];

/* Milliseconds of the monotonic clock. */
double now_ms(void);
/* Starts an answer or adds to it; `finish` ends it with `ms=` since `started`, prints and flushes it. */
void answer(const char *format, ...);
void finish(double started);
/* `key=` and the text with every byte outside the printable set as %XX; NULL becomes `-`. */
void answer_text(const char *key, const char *text);
void answer_bytes(const char *key, const void *bytes, size_t length);
long number(const char *word);
/* What a handle word stands for. Words of released handles keep their old value, so that stale ones can be passed. */
void *handle(const char *word);
/* Remembers a new handle; the answer is its word, or "null". */
const char *remember(char kind, void *value);

/* A buffer of `length` usable bytes with guards around it. `skew` bytes of misalignment. */
typedef struct {
    unsigned char *raw;
    char *data;
    size_t length;
    size_t skew;
} guarded_t;
guarded_t guarded_new(size_t length, size_t skew);
int guarded_intact(const guarded_t *buffer);
void guarded_free(guarded_t *buffer);

/* Frees what the modules hold at exit. */
void mqtt_cleanup(void);
void ota_cleanup(void);
void model_cleanup(void);

#endif
