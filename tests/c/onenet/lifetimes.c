/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Every function of the API at every moment of a device's life: before ota_init, after ota_deinit, after a second one,
 * from inside each callback, and in another thread while ota_deinit runs. A platform on loopback answers.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../linkkit/check.h"
#include "dev_token.h"
#include "err_def.h"
#include "onenet_ota.h"
#include "ota_api.h"
#include "otakit.h"

#define IMAGE "abcdef"
#define MD5 "e80b5017098950fc58aad83c8c14978e"
#define LIMIT 20000
#define STORED "onenet-lifetimes.bin"

static const char KEY[] = "KuF3NT/jUBJ62LNBB/A8XZA9CqS3Cu79B/ABmfA1UCw=";

/* ---- the platform ---- */

static int listener;

static void serve_one(int fd)
{
    char request[4096], answer[512];
    size_t have = 0;
    unsigned first = 0, last = 0;
    const char *range;
    ssize_t n = 1;

    request[0] = '\0';
    while (n > 0 && strstr(request, "\r\n\r\n") == NULL && have + 1 < sizeof(request)) {
        n = recv(fd, request + have, sizeof(request) - 1 - have, 0);
        have += n > 0 ? (size_t)n : 0;
        request[have] = '\0';
    }
    range = strstr(request, "Range:");
    if (range != NULL && sscanf(range, "Range:%u-%u", &first, &last) == 2 && last < sizeof(IMAGE) - 1) {
        snprintf(answer, sizeof(answer), "HTTP/1.1 206 -\r\nContent-Range: bytes %u-%u/6\r\n\r\n%.*s", first, last,
                 (int)(last - first + 1), &IMAGE[first]);
    } else {
        snprintf(answer, sizeof(answer), "HTTP/1.1 200 -\r\n\r\n{\"errno\":0,\"data\":%s}",
                 strstr(request, "/check?type=") == NULL
                     ? "{}"
                     : "{\"target\":\"2.0\",\"token\":\"T\",\"tid\":7,\"size\":6,\"md5\":\"" MD5 "\",\"retry\":-1}");
    }
    send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    while (recv(fd, answer, sizeof(answer), 0) > 0) {
    }
    close(fd);
}

static void *serve(void *arg)
{
    int fd;

    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        serve_one(fd);
    }
    return arg;
}

static uint32_t serve_on_loopback(pthread_t *thread)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);

    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind(listener, (struct sockaddr *)&address, len), 0);
    CHECK_EQ(listen(listener, 64), 0);
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    CHECK_EQ(pthread_create(thread, NULL, serve, NULL), 0);
    return ntohs(address.sin_port);
}

/* ---- every function that takes a device, and what it returns with one ---- */

static const uint8_t *text(const char *text)
{
    return (const uint8_t *)text;
}

static int32_t on_event(enum ota_state_t state, uint8_t *data, uint32_t data_len);

#ifdef CONFIG_TM
#define TASK 7
#define INFORM 0
static int32_t init(void)
{
    return ota_init(on_event, text("p"), text("d"), text(KEY), text("1.0"), 1);
}
#else
#define TASK ((uint8_t *)(uintptr_t)text("T"))
#define INFORM ERR_NOT_SUPPORT
static int32_t init(void)
{
    return ota_init(on_event, text(KEY), text("1"), text("1.0"), text("000"), text("00001"), 1, false);
}
#endif

static int32_t check_task(void)
{
    struct ota_task_info_t info;

    return ota_check_task(&info, LIMIT);
}

static int32_t post_version(void)
{
    return ota_post_version(LIMIT);
}

static int32_t check_token(void)
{
    return ota_check_token(TASK, LIMIT);
}

static int32_t download(void)
{
    return ota_download_package(TASK, 2, 2, LIMIT);
}

static int32_t report(void)
{
    return ota_report_status(TASK, 50, LIMIT);
}

static int32_t measure(void *user);
static int32_t progress(void *user, uint64_t stored, uint64_t total);
static int32_t apply(void *user, const char *version);

static int32_t run(void)
{
    struct onenet_run_t options;

    memset(&options, 0, sizeof(options));
    options.path = STORED;
    options.slice = 4;
    options.timeout_ms = LIMIT;
    options.signal = measure;
    options.power = measure;
    options.progress = progress;
    options.apply = apply;
    return onenet_ota_run(&options, NULL);
}

static int32_t inform(void)
{
    int32_t ret = onenet_inform_start();

    onenet_inform_stop();
    return ret;
}

static int32_t inform_wait(void)
{
    return onenet_inform_wait(0);
}

static const struct {
    const char *name;
    int32_t (*call)(void);
    int32_t with_a_device, without;
} FUNCTIONS[] = {
    {"init", init, ERR_REPETITIVE, 0},
    {"post_version", post_version, 0, ERR_UNINITIALIZED},
    {"check_task", check_task, 0, ERR_UNINITIALIZED},
    {"check_token", check_token, 0, ERR_UNINITIALIZED},
    {"download", download, 0, ERR_UNINITIALIZED},
    {"report", report, 0, ERR_UNINITIALIZED},
    {"run", run, 0, ERR_UNINITIALIZED},
    {"last_errno", onenet_last_errno, 0, 0},
    {"inform_stop", onenet_inform_stop, ERR_UNINITIALIZED, ERR_UNINITIALIZED},
    {"inform_start", inform, INFORM, ERR_UNINITIALIZED},
    {"inform_wait", inform_wait, ERR_UNINITIALIZED, ERR_UNINITIALIZED},
};
#define COUNT (sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]))

static void returns(size_t function, int32_t expected, const char *moment)
{
    int32_t got = FUNCTIONS[function].call();

    checks_made++;
    if (got != expected) {
        checks_failed++;
        fprintf(stderr, "%s %s: %ld, not %ld\n", FUNCTIONS[function].name, moment, (long)got, (long)expected);
    }
}

static void without_a_device(const char *moment)
{
    size_t i;

    for (i = 1; i < COUNT; i++) {
        returns(i, FUNCTIONS[i].without, moment);
        returns(i, FUNCTIONS[i].without, moment);
    }
}

/* ---- what callbacks do ---- */

static int depth;
static size_t inside = COUNT; /* the function that callbacks call */
static int ends_inside;       /* callbacks end the device */
static int sleeps_ms;
static int returned;          /* ota_deinit of another thread has returned */
static int heard;

static int sum(int *counter, int more)
{
    return __atomic_add_fetch(counter, more, __ATOMIC_SEQ_CST);
}

static void pause_ms(int ms)
{
    struct timespec time;

    time.tv_sec = ms / 1000;
    time.tv_nsec = (long)(ms % 1000) * 1000000L;
    nanosleep(&time, NULL);
}

static void called_back(void)
{
    sum(&heard, 1);
    CHECK_EQ(sum(&returned, 0), 0);
    if (depth == 0 && inside < COUNT) {
        depth++;
        returns(inside, FUNCTIONS[inside].with_a_device, "inside a callback");
        returns(inside, FUNCTIONS[inside].with_a_device, "inside a callback, again");
        depth--;
    }
    if (depth == 0 && ends_inside) {
        ota_deinit();
        ota_deinit();
        depth++;
        without_a_device("inside a callback that ended the device");
        depth--;
    }
    if (sleeps_ms > 0) {
        pause_ms(sleeps_ms);
        CHECK_EQ(sum(&returned, 0), 0);
    }
}

static int32_t on_event(enum ota_state_t state, uint8_t *data, uint32_t data_len)
{
    (void)state;
    CHECK_EQ(data[data_len], 0);
    called_back();
    return 0;
}

static int32_t measure(void *user)
{
    (void)user;
    called_back();
    return -1;
}

static int32_t progress(void *user, uint64_t stored, uint64_t total)
{
    (void)user;
    CHECK_EQ(stored <= total, 1);
    called_back();
    return 0;
}

static int32_t apply(void *user, const char *version)
{
    (void)user;
    CHECK_EQ(strcmp(version, "2.0"), 0);
    called_back();
    return 201;
}

/* ---- the moments; functions 1 to 6 call back ---- */

static void inside_callbacks(void)
{
    size_t outer;

    for (outer = 1; outer <= 6; outer++) {
        for (inside = 0; inside < COUNT; inside++) {
            int before = heard;

            if (inside == 6 && outer == 6) {
                continue; /* two runs into one file */
            }
            returns(outer, FUNCTIONS[outer].with_a_device, "around a callback");
            CHECK_EQ(heard > before, 1);
        }
        inside = COUNT;
        ends_inside = 1;
        /* The answer is there; what is under way still ends as it would have, or as a call on an ended device. */
        if (outer == 6) {
            int32_t ret = run();

            CHECK_EQ(ret == 0 || ret == ERR_UNINITIALIZED, 1);
        } else {
            returns(outer, FUNCTIONS[outer].with_a_device, "around a callback that ended the device");
        }
        ends_inside = 0;
        without_a_device("after an end inside a callback");
        CHECK_EQ(init(), 0);
    }
}

static void *end_soon(void *arg)
{
    pause_ms(*(int *)arg);
    ota_deinit();
    sum(&returned, 1);
    return NULL;
}

/* In each call, at each of many moments: no callback runs once ota_deinit has returned. */
static void while_it_ends(void)
{
    size_t outer;
    int delay;

    for (outer = 1; outer <= 6; outer++) {
        for (delay = 0; delay < 24; delay += 2) {
            pthread_t thread;
            int32_t ret = 0;

            sleeps_ms = 5;
            CHECK_EQ(pthread_create(&thread, NULL, end_soon, &delay), 0);
            while (ret == 0) {
                ret = FUNCTIONS[outer].call();
            }
            CHECK_EQ(ret, ERR_UNINITIALIZED);
            CHECK_EQ(pthread_join(thread, NULL), 0);
            sleeps_ms = 0;
            returned = 0;
            CHECK_EQ(init(), 0);
        }
    }
}

/* Two threads end the device while a third is in a callback: both wait for it. */
static void two_ends(void)
{
    pthread_t threads[2];
    int delay = 20;

    sleeps_ms = 100;
    CHECK_EQ(pthread_create(&threads[0], NULL, end_soon, &delay), 0);
    CHECK_EQ(pthread_create(&threads[1], NULL, end_soon, &delay), 0);
    while (post_version() == 0) {
    }
    CHECK_EQ(pthread_join(threads[0], NULL), 0);
    CHECK_EQ(pthread_join(threads[1], NULL), 0);
    sleeps_ms = 0;
    returned = 0;
}

int main(void)
{
    pthread_t platform;

    otakit_set_log_level(0);
    CHECK_EQ(onenet_set_text(ONENET_HOST, "127.0.0.1"), 0);
    CHECK_EQ(onenet_set_text(ONENET_MQTT_HOST, "127.0.0.1"), 0);
    CHECK_EQ(onenet_set_number(ONENET_MQTT_PORT, 9), 0);
    CHECK_EQ(onenet_set_number(ONENET_TLS, 0), 0);
    CHECK_EQ(onenet_set_number(ONENET_PORT, serve_on_loopback(&platform)), 0);
    without_a_device("before init");
    CHECK_EQ(init(), 0);
    CHECK_EQ(check_task(), 0);
    inside_callbacks();
    while_it_ends();
    two_ends();
    without_a_device("after deinit");
    ota_deinit();
    without_a_device("after a second deinit");
    shutdown(listener, SHUT_RDWR);
    CHECK_EQ(pthread_join(platform, NULL), 0);
    close(listener);
    remove(STORED);
    return checks_done("onenet_lifetimes");
}
