/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every function of quectel_fota.h, and every code that needs nothing but this machine. */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <poll.h>

#include "http_server.h"
#include "otakit.h"
#include "quectel_fota.h"

#define PACKAGE "quectel-calls.bin"
/* SHA-256 of "abcdef". */
#define ABCDEF "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721"
#define BAD "0000000000000000000000000000000000000000000000000000000000000000"
#define PEM                                                                          \
    "-----BEGIN PUBLIC KEY-----\n"                                                   \
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"                 \
    "-----END PUBLIC KEY-----\n"

static struct http_server server;
static pthread_t owner;

static struct {
    int events, restarts, last_sorted;
    int64_t status, progress;
} seen;

static uint64_t now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000u + (uint64_t)time.tv_nsec / 1000000u;
}

static void on_event(void *user, int64_t status, int64_t progress)
{
    CHECK(user == &seen && pthread_equal(pthread_self(), owner));
    if (status == 1) {
        seen.last_sorted = seen.last_sorted && progress >= seen.progress;
    }
    CHECK(seen.status == 1 || seen.events == 0); /* nothing after the last */
    seen.events++;
    seen.status = status;
    seen.progress = progress;
}

static void on_restart(void *user)
{
    CHECK(user == &seen && pthread_equal(pthread_self(), owner) && is_there(PACKAGE));
    seen.restarts++;
}

static int64_t on_apn(void *user, const char *apn, int64_t ip_type, const char *name, const char *password)
{
    CHECK(user == &seen);
    return strcmp(apn, "CMNET") == 0 && ip_type == 1 && strcmp(name, "abc") == 0 && strcmp(password, "") == 0 ? 0 : 7;
}

static void reset(void)
{
    remove(PACKAGE);
    remove(PACKAGE ".2");
    memset(&seen, 0, sizeof(seen));
    seen.last_sorted = 1;
    CHECK(quectel_fota_init() == 0);
    CHECK(quectel_fota_callbacks(on_event, on_apn, on_restart, &seen) == 0);
    CHECK(quectel_fota_package_path(PACKAGE) == 0);
}

static void downloads(void)
{
    char url[256], second[256], digest[65];

    reset();
    CHECK(quectel_fota_download(http_server_url(&server, "/ok", url), NULL) == 0);
    CHECK(seen.status == 2 && seen.progress == 100 && seen.restarts == 1 && seen.last_sorted && is_served(PACKAGE));
    CHECK(quectel_fota_sha256(digest, 64) == -1 && quectel_fota_sha256(NULL, 65) == -1);
    CHECK(quectel_fota_sha256(digest, 65) == 0 && strlen(digest) == 64);

    reset(); /* both stages, the module stays up, the digest is right */
    CHECK(quectel_fota_reset_disable(1) == 0 && quectel_fota_expect("sha256", digest) == 0);
    CHECK(quectel_fota_download(url, http_server_url(&server, "/ok?2", second)) == 0);
    CHECK(seen.status == 0 && seen.progress == 100 && seen.restarts == 0);
    CHECK(is_served(PACKAGE) && is_served(PACKAGE ".2"));

    reset(); /* one stage of two is none */
    CHECK(quectel_fota_download(url, http_server_url(&server, "/404", second)) == -1);
    CHECK(seen.status == -1 && seen.progress == QUECTEL_FOTA_FILE_NOT_EXIST && seen.restarts == 0);
    CHECK(!is_there(PACKAGE) && !is_there(PACKAGE ".2"));
    CHECK(quectel_fota_sha256(digest, 65) == -1);
}

static void fails(const char *url, int code)
{
    CHECK(quectel_fota_download(url, NULL) == -1);
    if (seen.status != -1 || seen.progress != code) {
        fprintf(stderr, "%s: [%d, %d], not %d\n", url, (int)seen.status, (int)seen.progress, code);
        exit(1);
    }
    CHECK(seen.restarts == 0 && !is_there(PACKAGE));
    reset();
}

static void codes(void)
{
    char url[256];

    reset();
    fails("http://no-such-host.invalid/p", QUECTEL_FOTA_DOMAIN_NOT_EXIST);
    fails("gopher://127.0.0.1/p", QUECTEL_FOTA_DOMAIN_UNKNOWN);
    fails("ftp://127.0.0.1/p", QUECTEL_FOTA_DOMAIN_UNKNOWN);
    fails("http://127.0.0.1:1/p", QUECTEL_FOTA_SERVER_CONN_FAIL);
    fails(http_server_url(&server, "/401", url), QUECTEL_FOTA_AUTH_FAILED);
    fails(http_server_url(&server, "/403", url), QUECTEL_FOTA_AUTH_FAILED);
    fails(http_server_url(&server, "/404", url), QUECTEL_FOTA_FILE_NOT_EXIST);
    fails(http_server_url(&server, "/nolength", url), QUECTEL_FOTA_FILE_SIZE_INVALID);
    fails(http_server_url(&server, "/418", url), QUECTEL_FOTA_FILE_GET_ERR);
    fails(http_server_url(&server, "/ok#sha256=" BAD, url), QUECTEL_FOTA_FILE_CHECK_ERR);
    CHECK(quectel_fota_package_path("/nonexistent/folder/package") == 0);
    fails(http_server_url(&server, "/ok", url), QUECTEL_FOTA_INTERNAL_ERR);
    otakit_policy_max_size(SERVED_SIZE - 1);
    fails(http_server_url(&server, "/ok", url), QUECTEL_FOTA_FILE_SIZE_TOO_LARGE);
    otakit_policy_max_size(0);
    otakit_policy_https_only(1);
    fails(http_server_url(&server, "/ok", url), QUECTEL_FOTA_PARAM_SIZE_INVALID);
    otakit_policy_https_only(0);
    CHECK(otakit_set_option(4, 300) == OTAKIT_OK && otakit_set_option(5, 300) == OTAKIT_OK);
}

static void *cancel_soon(void *arg)
{
    int64_t *result = arg;

    serve_pause(300);
    *result = quectel_fota_download_cancel();
    return NULL;
}

static void cancels(void)
{
    char url[256];
    int64_t result = 1;
    uint64_t began;
    pthread_t thread;

    reset();
    CHECK(quectel_fota_download_cancel() == -1);
    CHECK(pthread_create(&thread, NULL, cancel_soon, &result) == 0);
    began = now_ms();
    fails(http_server_url(&server, "/slow", url), QUECTEL_FOTA_NOT_INPROGRESS);
    CHECK(now_ms() - began < 1500); /* undisturbed it takes 2 s at least */
    CHECK(pthread_join(thread, NULL) == 0 && result == 0);
    CHECK(!is_there(PACKAGE ".part"));
}

static void asynchronous(void)
{
    char url[256];
    int64_t status = 1, progress = 0;
    struct pollfd readable;

    reset();
    CHECK(quectel_fota_poll_event(NULL, &progress, 0) == -1 && quectel_fota_poll_event(&status, NULL, 0) == -1);
    CHECK(quectel_fota_poll_event(&status, &progress, 0) == 0 && quectel_fota_dispatch(0) == 0);
    readable.fd = quectel_fota_event_fd();
    readable.events = POLLIN;
    CHECK(readable.fd >= 0 && poll(&readable, 1, 0) == 0);
    CHECK(quectel_fota_download_start(http_server_url(&server, "/ok", url), NULL) == 0);
    CHECK(quectel_fota_download_start(url, NULL) == -1 && quectel_fota_write("x", 1, 1) == -1);
    CHECK(poll(&readable, 1, 20000) == 1);
    while (status == 1) {
        CHECK(quectel_fota_poll_event(&status, &progress, 20000) == 1);
    }
    CHECK(status == 2 && progress == 100 && seen.events == 0 && is_served(PACKAGE));
    CHECK(poll(&readable, 1, 0) == 0);

    reset();
    CHECK(quectel_fota_download_start(url, NULL) == 0);
    while (seen.events == 0 || seen.status == 1) {
        CHECK(quectel_fota_dispatch(20000) > 0);
    }
    CHECK(seen.status == 2 && seen.restarts == 1);

    reset(); /* without callbacks the events are taken all the same */
    CHECK(quectel_fota_callbacks(NULL, NULL, NULL, NULL) == 0);
    CHECK(quectel_fota_download(url, NULL) == 0 && seen.events == 0 && seen.restarts == 0);
    CHECK(quectel_fota_apn_set("CMNET", 0, NULL, NULL) == -1);
}

static void local(void)
{
    reset();
    CHECK(quectel_fota_write(NULL, 1, 6) == -1 && quectel_fota_write("x", 1, 0) == -1);
    CHECK(quectel_fota_flush() == -1 && quectel_fota_verify() == -1);
    CHECK(quectel_fota_expect("sha256", ABCDEF) == 0);
    CHECK(quectel_fota_write("abc", 3, 6) == 0 && quectel_fota_write("def", 3, 6) == 0);
    CHECK(!is_there(PACKAGE) && quectel_fota_flush() == 0 && quectel_fota_verify() == 0 && is_there(PACKAGE));
    remove(PACKAGE);
    CHECK(quectel_fota_write("abc", 3, 6) == 0 && quectel_fota_flush() == 0 && quectel_fota_verify() == -1);
    CHECK(quectel_fota_write("abcdef", 6, 6) == 0 && quectel_fota_verify() == 0); /* flushed on the way */
    remove(PACKAGE);
    CHECK(quectel_fota_write("abc", 3, 6) == 0 && quectel_fota_verify() == -1);
    CHECK(quectel_fota_abandon() == -1 && quectel_fota_write("abc", 3, 6) == 0 && quectel_fota_abandon() == 0);
    CHECK(quectel_fota_write("def", 3, 6) == 0 && quectel_fota_verify() == -1 && !is_there(PACKAGE));
    CHECK(quectel_fota_write("abcdefg", 7, 6) == -1 && quectel_fota_flush() == -1 && quectel_fota_verify() == -1);
    CHECK(quectel_fota_expect("md5", BAD) == -1 && quectel_fota_expect("crc", BAD) == -1);
    CHECK(quectel_fota_expect("sha256", NULL) == -1 && quectel_fota_expect("SHA256", BAD) == 0);
    CHECK(quectel_fota_write("abcdef", 6, 6) == 0 && quectel_fota_flush() == 0 && quectel_fota_verify() == -1);
    CHECK(quectel_fota_expect_signature("?") == -1 && quectel_fota_expect_signature("") == -1);
    CHECK(quectel_fota_expect_signature(NULL) == 0);
    if (otakit_policy_trust_key(PEM) == OTAKIT_OK) {
        CHECK(quectel_fota_expect_signature("AAECAwQFBgc=") == 0); /* not that key's */
        CHECK(quectel_fota_write("abcdef", 6, 6) == 0 && quectel_fota_flush() == 0 && quectel_fota_verify() == -1);
        CHECK(quectel_fota_write("abcdef", 6, 6) == 0 && quectel_fota_flush() == 0 && quectel_fota_verify() == 0);
        otakit_policy_signed_only(1);
        CHECK(quectel_fota_write("abcdef", 6, 6) == 0 && quectel_fota_flush() == 0 && quectel_fota_verify() == -1);
        otakit_policy_signed_only(0);
        CHECK(otakit_policy_trust_key(NULL) == OTAKIT_OK);
    }
    remove(PACKAGE);
}

/* ---- every function from inside a callback, and after the service has ended, twice each ---- */

static void every_function(void)
{
    int64_t number = 0, other = 0;
    char text[65];

    CHECK(quectel_fota_reset_disable(1) == 0 && quectel_fota_reset_disable(1) == 0);
    CHECK(quectel_fota_package_path(PACKAGE) == 0);
    CHECK(quectel_fota_expect(NULL, NULL) == 0 && quectel_fota_expect_signature(NULL) == 0);
    quectel_fota_sha256(text, sizeof(text));
    CHECK(quectel_fota_flush() == -1 && quectel_fota_verify() == -1 && quectel_fota_abandon() == -1);
    CHECK(quectel_fota_event_fd() >= 0 && quectel_fota_poll_event(&number, &other, 0) == 0);
    CHECK(quectel_fota_dispatch(0) == 0 && quectel_fota_fetch_wait(12345, 0) == -1);
    CHECK(quectel_fota_fetch_cancel(12345) == -1);
    quectel_fota_apn_set("CMNET", 0, NULL, NULL);
}

static int inside, returned, running;

static void while_inside(void *user, int64_t status, int64_t progress)
{
    (void)progress;
    CHECK(user == &inside);
    __atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
    if (status != 1) { /* the download is over; what is called now does not meet it */
        every_function();
        every_function();
        inside++;
        if (inside == 2) {
            CHECK(quectel_fota_deinit() == 0 && quectel_fota_deinit() == 0);
            every_function();
        }
    }
    serve_pause(30);
    CHECK(__atomic_load_n(&returned, __ATOMIC_SEQ_CST) == 0);
    __atomic_store_n(&running, 0, __ATOMIC_SEQ_CST);
}

static void *end_soon(void *arg)
{
    while (!__atomic_load_n(&running, __ATOMIC_SEQ_CST)) {
        serve_pause(1);
    }
    CHECK(quectel_fota_deinit() == 0);
    CHECK(!__atomic_load_n(&running, __ATOMIC_SEQ_CST));
    __atomic_store_n(&returned, 1, __ATOMIC_SEQ_CST);
    return arg;
}

static void moments(void)
{
    char url[256];
    int64_t status = 1, progress = 0;
    pthread_t thread;
    int i;

    reset();
    CHECK(quectel_fota_callbacks(while_inside, NULL, NULL, &inside) == 0 && quectel_fota_reset_disable(1) == 0);
    for (i = 0; i < 2; i++) {
        CHECK(quectel_fota_download(http_server_url(&server, "/ok", url), NULL) == 0);
    }
    CHECK(inside == 2);
    every_function();
    CHECK(quectel_fota_deinit() == 0);
    every_function();

    /* Ended by another thread while a callback runs: it is waited for, and none runs afterwards. */
    for (i = 0; i < 3; i++) {
        CHECK(quectel_fota_callbacks(while_inside, NULL, NULL, &inside) == 0);
        CHECK(pthread_create(&thread, NULL, end_soon, NULL) == 0);
        quectel_fota_download(http_server_url(&server, "/slow", url), NULL);
        CHECK(pthread_join(thread, NULL) == 0);
        returned = 0;
    }

    /* Downloads that nobody follows: each last event stays, in order, and the next one starts at once. */
    reset();
    for (i = 0; i < 3; i++) {
        CHECK(quectel_fota_download_start(http_server_url(&server, "/slow", url), NULL) == 0);
        CHECK(quectel_fota_download_cancel() == 0);
    }
    CHECK(quectel_fota_init() == 0);
    for (i = 0; i < 3; i++) {
        do {
            CHECK(quectel_fota_poll_event(&status, &progress, 20000) == 1);
        } while (status == 1);
        CHECK(status == -1 && progress == QUECTEL_FOTA_NOT_INPROGRESS);
    }
    CHECK(quectel_fota_poll_event(&status, &progress, 0) == 0);
    /* An earlier one's last event is not taken for that of the download that blocks. */
    CHECK(quectel_fota_download_start(http_server_url(&server, "/404", url), NULL) == 0);
    while (is_there(PACKAGE ".part") || quectel_fota_download_start("", NULL) != -1) {
    }
    serve_pause(300);
    CHECK(quectel_fota_callbacks(NULL, NULL, NULL, NULL) == 0);
    CHECK(quectel_fota_download(http_server_url(&server, "/ok", url), NULL) == 0 && is_served(PACKAGE));
}

static void files(void)
{
    char url[256];
    int64_t fetch = 0, second = 0;
    int code;

    reset();
    http_server_url(&server, "/ok", url);
    CHECK(quectel_fota_fetch_start(url, PACKAGE, NULL, NULL, NULL) == -1);
    CHECK(quectel_fota_fetch_start(NULL, PACKAGE, NULL, NULL, &fetch) == -1 && fetch == 0);
    CHECK(quectel_fota_fetch_start(url, PACKAGE, "sha256", "7", &fetch) == -1 && fetch == 0);
    CHECK(quectel_fota_fetch_start(url, PACKAGE, NULL, NULL, &fetch) == 0 && fetch > 0);
    while ((code = quectel_fota_fetch_wait(fetch, 100)) == QUECTEL_FOTA_FETCHING) {
    }
    CHECK(code == 0 && is_served(PACKAGE));
    CHECK(quectel_fota_fetch_wait(fetch, 0) == -1 && quectel_fota_fetch_cancel(fetch) == -1);
    remove(PACKAGE);
    CHECK(quectel_fota_fetch_start(http_server_url(&server, "/slow", url), PACKAGE, NULL, NULL, &second) == 0);
    CHECK(second != fetch && quectel_fota_fetch_wait(second, 50) == QUECTEL_FOTA_FETCHING);
    CHECK(quectel_fota_fetch_cancel(second) == 0 && quectel_fota_fetch_cancel(second) == 0);
    CHECK(quectel_fota_fetch_wait(second, 20000) == QUECTEL_FOTA_NOT_INPROGRESS);
    CHECK(!is_there(PACKAGE) && !is_there(PACKAGE ".part"));
    CHECK(quectel_fota_fetch_file(http_server_url(&server, "/ok", url), "/", NULL, NULL) == QUECTEL_FOTA_INTERNAL_ERR);
}

static void rest(void)
{
    char url[256];

    reset();
    CHECK(quectel_fota_apn_set("CMNET", 1, "abc", NULL) == 0);
    CHECK(quectel_fota_apn_set("CMNET", 2, "abc", NULL) == -1 && quectel_fota_apn_set("other", 1, "abc", NULL) == -1);
    CHECK(quectel_fota_download(NULL, NULL) == -1 && quectel_fota_download_start("", NULL) == -1);
    CHECK(quectel_fota_package_path(NULL) == -1 && quectel_fota_package_path("") == -1);
    http_server_url(&server, "/ok", url);
    CHECK(quectel_fota_fetch_file(NULL, PACKAGE, NULL, NULL) == -1 && quectel_fota_fetch_file(url, "", NULL, NULL) == -1);
    CHECK(quectel_fota_fetch_file(url, PACKAGE, "sha256", BAD) == QUECTEL_FOTA_FILE_CHECK_ERR && !is_there(PACKAGE));
    CHECK(quectel_fota_fetch_file(url, PACKAGE, NULL, NULL) == 0 && is_served(PACKAGE));
    CHECK(quectel_fota_deinit() == 0);
    CHECK(quectel_fota_apn_set("CMNET", 1, "abc", NULL) == -1);
    remove(PACKAGE);
}

int main(void)
{
    owner = pthread_self();
    http_server_start(&server);
    downloads();
    cancels();
    asynchronous();
    local();
    moments();
    files();
    codes();
    rest();
    http_server_stop(&server);
    return 0;
}
