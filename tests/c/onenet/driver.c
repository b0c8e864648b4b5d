/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The line-command interpreter over OneNET's API that the end-to-end tests steer; built once for each variant.
 *
 * A command is one line of words; `%XX` in a word is that byte, `-` alone is NULL, `''` alone is the empty string. The
 * answer is one line that begins with `= `, between those of the library's log: the command's name, `ret=`, further `key=value` pairs, what the callback got during the call
 * (`events=`, and of the last one `state=`, `len=`, `data=` for JSON), and `ms=`.
 */
#define _POSIX_C_SOURCE 200809L

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dev_token.h"
#include "err_def.h"
#include "onenet_ota.h"
#include "ota_api.h"

#define MAX_WORDS 16

static char *words[MAX_WORDS];
static int events;
static int last_state;
static uint32_t last_len;
static char last_data[1024];
static FILE *collect;
static FILE *reply; /* an answer being made; log lines of other threads must not come between its pieces */
static int main_thread_only = 1;
static pthread_t main_thread;

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000.0 + (double)t.tv_nsec / 1e6;
}

static void say_text(const char *key, const char *text)
{
    fprintf(reply, " %s=", key);
    if (*text == '\0') {
        fprintf(reply, "''");
    }
    for (; *text != '\0'; text++) {
        if (isalnum((unsigned char)*text) || strchr("._-/:+#|,&{}\"", *text) != NULL) {
            fputc(*text, reply);
        } else {
            fprintf(reply, "%%%02X", (unsigned char)*text);
        }
    }
}

/* What real programs do with the data: end it with a NUL, though it has no room of its own for one. */
static int32_t on_event(enum ota_state_t state, uint8_t *data, uint32_t data_len)
{
    events++;
    last_state = (int)state;
    last_len = data_len;
    main_thread_only &= pthread_equal(pthread_self(), main_thread) != 0;
    if (data[data_len] != '\0') {
        fprintf(stderr, "driver: no NUL behind the data\n");
        exit(70);
    }
    data[data_len] = '\0';
    last_data[0] = '\0';
    if (state == OTA_EVT_DOWNLOAD_PACKAGE) {
        if (collect != NULL && fwrite(data, 1, data_len, collect) != data_len) {
            exit(70);
        }
    } else {
        snprintf(last_data, sizeof(last_data), "%s", (const char *)data);
    }
    memset(data, 0xEE, data_len); /* the data is ours */
    return -1;                    /* ignored */
}

static const uint8_t *bytes(int word)
{
    return (const uint8_t *)words[word];
}

static uint32_t number(int word)
{
    return words[word] == NULL ? 0 : (uint32_t)strtoul(words[word], NULL, 0);
}

#ifdef CONFIG_TM
#define NAME(word) number(word)
#else
#define NAME(word) ((uint8_t *)words[word])
#endif

static int32_t init(ota_evt_cb callback)
{
#ifdef CONFIG_TM
    return ota_init(callback, bytes(1), bytes(2), bytes(3), bytes(4), (uint8_t)number(5));
#else
    return ota_init(callback, bytes(1), bytes(2), bytes(3), bytes(4), bytes(5), (uint8_t)number(6), number(7) != 0);
#endif
}

static int32_t check_task(void)
{
    struct ota_task_info_t info;
    int32_t ret;

    memset(&info, 0xCC, sizeof(info));
    ret = ota_check_task(&info, number(1));
    if (info.target[0] != 0xCC) {
        say_text("target", (const char *)info.target);
        say_text("md5", (const char *)info.md5);
        fprintf(reply, " size=%lu type=%d", (unsigned long)info.size, info.type);
#ifdef CONFIG_TM
        fprintf(reply, " tid=%lu", (unsigned long)info.tid);
#else
        say_text("token", (const char *)info.token);
        say_text("ip", (const char *)info.ip);
        fprintf(reply, " interval=%lu retry=%d signal=%d power=%d", (unsigned long)info.interval, info.retry, info.signal,
               info.power);
#endif
    }
    return ret;
}

static int32_t generate(void)
{
    uint8_t token[256 + 16];
    int32_t ret;
    size_t i;

    memset(token, 0xCC, sizeof(token));
    ret = dev_token_generate(token, (enum sig_method_e)number(1), number(2), bytes(3), bytes(4), bytes(5));
    for (i = 256; i < sizeof(token); i++) {
        if (token[i] != 0xCC) {
            exit(70);
        }
    }
    if (token[0] != 0xCC) {
        say_text("text", (const char *)token);
    }
    return ret;
}

static int32_t level(void *user)
{
    return *(int32_t *)user;
}

static int32_t power(void *user)
{
    return ((int32_t *)user)[1];
}

static int32_t progress(void *user, uint64_t stored, uint64_t total)
{
    uint32_t stop = (uint32_t)((int32_t *)user)[2];

    (void)total;
    return stop != 0 && stored >= stop;
}

static int32_t apply(void *user, const char *version)
{
    say_text("version", version);
    return ((int32_t *)user)[3];
}

/* run PATH SLICE TIMEOUT INTERVAL CHECKPOINT SIGNAL POWER STOP-AT APPLY-CODE */
static int32_t run(void)
{
    int32_t user[4];
    struct onenet_run_t options;
    struct onenet_result_t result;
    int32_t ret;

    memset(&options, 0, sizeof(options));
    memset(&result, 0xCC, sizeof(result));
    options.path = words[1];
    options.slice = number(2);
    options.timeout_ms = number(3);
    options.interval_ms = number(4);
    options.checkpoint = number(5);
    user[0] = (int32_t)number(6);
    user[1] = (int32_t)number(7);
    user[2] = (int32_t)number(8);
    user[3] = (int32_t)number(9);
    options.signal = level;
    options.power = power;
    options.progress = progress;
    options.apply = apply;
    options.user = user;
    ret = onenet_ota_run(&options, &result);
    say_text("target", result.version);
    fprintf(reply, " size=%llu resumed=%llu code=%lu", (unsigned long long)result.size, (unsigned long long)result.resumed_at,
           (unsigned long)result.status_code);
    return ret;
}

static void *deinit_later(void *ms)
{
    struct timespec t;

    t.tv_sec = 0;
    t.tv_nsec = (long)(*(uint32_t *)ms) * 1000000L;
    nanosleep(&t, NULL);
    ota_deinit();
    return NULL;
}

static uint32_t later_ms;
static pthread_t later;
static int later_runs;

/* The first process ends, its child answers and goes on. */
static int32_t become_child(void)
{
    fflush(stdout);
    if (fork() != 0) {
        _exit(0);
    }
    return 0;
}

static int32_t call(const char *name)
{
    if (strcmp(name, "init") == 0) return init(on_event);
    if (strcmp(name, "init-without-callback") == 0) return init(NULL);
    if (strcmp(name, "deinit") == 0) { ota_deinit(); return 0; }
    if (strcmp(name, "deinit-later") == 0) {
        later_ms = number(1);
        later_runs = pthread_create(&later, NULL, deinit_later, &later_ms) == 0;
        return 0;
    }
    if (strcmp(name, "version") == 0) return ota_post_version(number(1));
    if (strcmp(name, "check-task") == 0) return check_task();
    if (strcmp(name, "check-task-null") == 0) return ota_check_task(NULL, number(1));
    if (strcmp(name, "check-token") == 0) return ota_check_token(NAME(1), number(2));
    if (strcmp(name, "download") == 0) return ota_download_package(NAME(1), number(2), number(3), number(4));
    if (strcmp(name, "report") == 0) return ota_report_status(NAME(1), number(2), number(3));
    if (strcmp(name, "token") == 0) return generate();
    if (strcmp(name, "token-null") == 0) {
        return dev_token_generate(NULL, SIG_METHOD_SHA1, 1, (const uint8_t *)"p", NULL, (const uint8_t *)"Zm9v");
    }
    if (strcmp(name, "set-number") == 0) return onenet_set_number((int32_t)number(1), number(2));
    if (strcmp(name, "set-text") == 0) return onenet_set_text((int32_t)number(1), words[2]);
    if (strcmp(name, "errno") == 0) return onenet_last_errno();
    if (strcmp(name, "run") == 0) return run();
    if (strcmp(name, "run-null") == 0) return onenet_ota_run(NULL, NULL);
    if (strcmp(name, "inform-start") == 0) return onenet_inform_start();
    if (strcmp(name, "inform-wait") == 0) return onenet_inform_wait(number(1));
    if (strcmp(name, "inform-stop") == 0) return onenet_inform_stop();
    if (strcmp(name, "daemon") == 0) return become_child();
    if (strcmp(name, "out") == 0) {
        if (collect != NULL) {
            fclose(collect);
        }
        collect = words[1] == NULL ? NULL : fopen(words[1], "wb");
        return 0;
    }
    fprintf(stderr, "driver: no command %s\n", name);
    exit(70);
}

static void decode(char *word)
{
    char *to = word;

    for (; *word != '\0'; word++) {
        if (*word == '%' && isxdigit((unsigned char)word[1]) && isxdigit((unsigned char)word[2])) {
            char hex[3];

            memcpy(hex, word + 1, 2);
            hex[2] = '\0';
            *to++ = (char)strtol(hex, NULL, 16);
            word += 2;
        } else {
            *to++ = *word;
        }
    }
    *to = '\0';
}

static int split(char *line)
{
    char *save = NULL;
    char *word = strtok_r(line, " \n", &save);
    int count = 0;

    memset(words, 0, sizeof(words));
    for (; word != NULL && count < MAX_WORDS; word = strtok_r(NULL, " \n", &save)) {
        if (strcmp(word, "-") == 0) {
            words[count++] = NULL;
            continue;
        }
        if (strcmp(word, "''") == 0) {
            *word = '\0';
        }
        decode(word);
        words[count++] = word;
    }
    return count;
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;

    main_thread = pthread_self();
    while (getline(&line, &room, stdin) > 0) {
        double started;
        int32_t ret;
        char *text;
        size_t length;

        if (split(line) == 0) {
            continue;
        }
        if (words[0] == NULL || strcmp(words[0], "quit") == 0) {
            break;
        }
        events = 0;
        reply = open_memstream(&text, &length);
        if (reply == NULL) {
            exit(70);
        }
        fprintf(reply, "= %s", words[0]);
        started = now_ms();
        ret = call(words[0]);
        fprintf(reply, " ret=%ld events=%d", (long)ret, events);
        if (events > 0) {
            fprintf(reply, " state=%d len=%lu", last_state, (unsigned long)last_len);
            say_text("data", last_data);
        }
        fprintf(reply, " ms=%.1f\n", now_ms() - started);
        fclose(reply);
        if (collect != NULL) {
            fflush(collect);
        }
        fputs(text, stdout);
        fflush(stdout);
        free(text);
    }
    free(line);
    if (later_runs) {
        pthread_join(later, NULL);
    }
    if (collect != NULL) {
        fclose(collect);
    }
    ota_deinit();
    return main_thread_only ? 0 : 71;
}
