/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Reads commands, answers them; see driver.h for the form. Ends at `quit` or at the end of the input.
 */
#define _POSIX_C_SOURCE 200809L

#include "driver.h"
#include "wrappers.h"

#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
    char word[4];
    void *value;
} handles[2 * MAX_HANDLES];
static int handle_count;
static FILE *reply;
static char *reply_text;
static size_t reply_length;

double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000.0 + (double)t.tv_nsec / 1e6;
}

/* Collects an answer, so that no log line of another thread comes between its pieces. */
static FILE *answering(void)
{
    if (reply == NULL) {
        reply = open_memstream(&reply_text, &reply_length);
        if (reply == NULL) {
            fprintf(stderr, "driver: no memory\n");
            exit(70);
        }
    }
    return reply;
}

void answer(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(answering(), format, args);
    va_end(args);
}

void finish(double started)
{
    fprintf(answering(), " ms=%.1f\n", now_ms() - started);
    fclose(reply);
    reply = NULL;
    printf("= %s", reply_text);
    fflush(stdout);
    free(reply_text);
}

void answer_bytes(const char *key, const void *bytes, size_t length)
{
    const unsigned char *p = bytes;
    FILE *to = answering();

    fprintf(to, " %s=", key);
    if (length == 0) {
        fprintf(to, "''");
    }
    for (; length > 0; length--, p++) {
        if (isalnum(*p) || strchr("._-/:+#|,=&{}\"", *p) != NULL) {
            if (*p != '\0') {
                fputc(*p, to);
                continue;
            }
        }
        fprintf(to, "%%%02X", *p);
    }
}

void answer_text(const char *key, const char *text)
{
    if (text == NULL) {
        answer(" %s=-", key);
    } else {
        answer_bytes(key, text, strlen(text));
    }
}

long number(const char *word)
{
    return word == NULL ? 0 : strtol(word, NULL, 0);
}

void *handle(const char *word)
{
    int i;

    if (word == NULL || strcmp(word, "null") == 0) {
        return NULL;
    }
    if (strncmp(word, "0x", 2) == 0) {
        return (void *)(uintptr_t)strtoull(word, NULL, 16);
    }
    for (i = 0; i < handle_count; i++) {
        if (strcmp(handles[i].word, word) == 0) {
            return handles[i].value;
        }
    }
    fprintf(stderr, "driver: no handle %s\n", word);
    exit(70);
}

const char *remember(char kind, void *value)
{
    int i, same_kind = 0;

    if (value == NULL) {
        return "null";
    }
    if (handle_count == 2 * MAX_HANDLES) {
        fprintf(stderr, "driver: too many handles\n");
        exit(70);
    }
    for (i = 0; i < handle_count; i++) {
        same_kind += handles[i].word[0] == kind;
    }
    handles[handle_count].word[0] = kind;
    handles[handle_count].word[1] = (char)('1' + same_kind % 9);
    handles[handle_count].value = value;
    return handles[handle_count++].word;
}

guarded_t guarded_new(size_t length, size_t skew)
{
    guarded_t buffer;

    buffer.length = length;
    buffer.skew = skew;
    buffer.raw = malloc(GUARD_LEN + skew + length + GUARD_LEN);
    if (buffer.raw == NULL) {
        fprintf(stderr, "driver: no memory\n");
        exit(70);
    }
    memset(buffer.raw, GUARD_BYTE, GUARD_LEN + skew + length + GUARD_LEN);
    buffer.data = (char *)buffer.raw + GUARD_LEN + skew;
    memset(buffer.data, POISON_BYTE, length);
    return buffer;
}

int guarded_intact(const guarded_t *buffer)
{
    const unsigned char *after = (const unsigned char *)buffer->data + buffer->length;
    size_t i;

    for (i = 0; i < GUARD_LEN + buffer->skew; i++) {
        if (buffer->raw[i] != GUARD_BYTE) {
            return 0;
        }
    }
    for (i = 0; i < GUARD_LEN; i++) {
        if (after[i] != GUARD_BYTE) {
            return 0;
        }
    }
    return 1;
}

void guarded_free(guarded_t *buffer)
{
    free(buffer->raw);
    buffer->raw = NULL;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (toupper((unsigned char)c) - 'A' + 10) & 15;
}

static void decode(char *word)
{
    char *to = word;

    for (; *word != '\0'; word++) {
        if (*word == '%' && isxdigit((unsigned char)word[1]) && isxdigit((unsigned char)word[2])) {
            *to++ = (char)(hex_digit(word[1]) * 16 + hex_digit(word[2]));
            word += 2;
        } else {
            *to++ = *word;
        }
    }
    *to = '\0';
}

static command_t split(char *line)
{
    command_t command;
    char *save = NULL;
    char *word = strtok_r(line, " \n", &save);

    memset(&command, 0, sizeof(command));
    for (; word != NULL && command.count < MAX_WORDS; word = strtok_r(NULL, " \n", &save)) {
        if (strcmp(word, "-") == 0) {
            command.word[command.count++] = NULL;
        } else {
            if (strcmp(word, "''") == 0) {
                *word = '\0';
            }
            decode(word);
            command.word[command.count++] = word;
        }
    }
    return command;
}

static int run(const entry_t *table, const command_t *command)
{
    for (; table->name != NULL; table++) {
        if (strcmp(table->name, command->word[0]) == 0) {
            if (command->count < table->min_words) {
                fprintf(stderr, "driver: %s needs %d words\n", table->name, table->min_words);
                exit(70);
            }
            table->run(command);
            return 1;
        }
    }
    return 0;
}

static void pause_ms(const command_t *command)
{
    double started = now_ms();
    long ms = number(command->word[1]);
    struct timespec t;

    t.tv_sec = ms / 1000;
    t.tv_nsec = ms % 1000 * 1000000L;
    nanosleep(&t, NULL);
    answer("sleep");
    finish(started);
}

static const entry_t own_commands[] = {{"sleep", 2, pause_ms}, {NULL, 0, NULL}};

/* The default one is a placeholder, which is not reported. */
int HAL_GetFirmwareVersion(char *version)
{
    strcpy(version, "driver-1.0.0");
    return 12;
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;

    /* A file that may not grow is a failing write, not the end. */
    signal(SIGXFSZ, SIG_IGN);
    while (getline(&line, &room, stdin) > 0) {
        command_t command = split(line);

        if (command.count == 0) {
            continue;
        }
        if (command.word[0] == NULL || strcmp(command.word[0], "quit") == 0) {
            break;
        }
        if (!run(own_commands, &command) && !run(mqtt_commands, &command) && !run(ota_commands, &command) &&
            !run(control_commands, &command) && !run(model_commands, &command) && !run(call_commands, &command) &&
            !run(store_commands, &command) && !run(generation_commands, &command)) {
            fprintf(stderr, "driver: no command %s\n", command.word[0]);
            exit(70);
        }
    }
    free(line);
    model_cleanup();
    ota_cleanup();
    mqtt_cleanup();
    return 0;
}
