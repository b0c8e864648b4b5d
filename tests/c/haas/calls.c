/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every function of haas_ota.h as far as it needs no cloud; the rest is the example's, which the end-to-end tests run. */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <poll.h>
#include <sys/stat.h>

#include "haas_ota.h"
#include "http_server.h"
#include "otakit.h"

#define STORED "haas-calls.bin"
#define BAD "0000000000000000000000000000000000000000000000000000000000000000"
/* Of "abcdef". */
#define SHA256 "BEF57EC7F53A6D40BEB640A780A639C83BC29AC8A9816F1FC6C5C6DCD93C4721"
#define MD5 "e80b5017098950fc58aad83c8c14978e"

static struct http_server server;
static pthread_t owner;

static int64_t outcome(int64_t expected_kind)
{
    struct haas_event event;

    memset(&event, 0x5A, sizeof(event));
    CHECK(haas_poll_event(&event, 30000) == 1);
    CHECK(event.device == 0 && event.kind == expected_kind && event.offer == NULL && event.topic == NULL);
    CHECK(event.payload == NULL && event.payload_size == 0 && event.reason == NULL);
    return event.value;
}

static int64_t downloaded(const char *path)
{
    char url[256];

    remove(STORED);
    CHECK(haas_ota_download(http_server_url(&server, path, url), STORED) == 0);
    return outcome(HAAS_OTA_DOWNLOAD);
}

static int64_t verified(int64_t length, const char *path, const char *type, const char *hash)
{
    CHECK(haas_ota_verify(length, path, type, hash) == 0);
    return outcome(HAAS_OTA_VERIFY);
}

static int64_t installed(int64_t length, const char *from, const char *to)
{
    CHECK(haas_ota_install(length, from, to) == 0);
    return outcome(HAAS_OTA_INSTALL);
}

static void downloads(void)
{
    char url[256];

    CHECK(downloaded("/ok") == 0 && is_served(STORED));
    CHECK(downloaded("/404") == HAAS_OTA_DOWNLOAD_HEAD_FAIL && !is_there(STORED));
    CHECK(downloaded("/nolength") == HAAS_OTA_DOWNLOAD_HEAD_FAIL && !is_there(STORED));
    CHECK(haas_ota_download("http://127.0.0.1:1/x", STORED) == 0);
    CHECK(outcome(HAAS_OTA_DOWNLOAD) == HAAS_OTA_DOWNLOAD_CON_FAIL);
    CHECK(haas_ota_download("gopher://127.0.0.1/x", STORED) == 0);
    CHECK(outcome(HAAS_OTA_DOWNLOAD) == HAAS_OTA_INVALID_PARAMETER);
    {
        /* Where no file can appear: told before anything is fetched (this address would take time to fail). */
        static const char *const places[] = {"/nonexistent/folder/file", "/", ".", "/dev/null"};
        size_t i;

        for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            CHECK(haas_ota_download("http://127.0.0.1:1/never", places[i]) == 0);
            CHECK(outcome(HAAS_OTA_DOWNLOAD) == HAAS_OTA_UPGRADE_WRITE_FAIL);
        }
    }
    otakit_policy_max_size(10);
    CHECK(downloaded("/ok") == HAAS_OTA_UPGRADE_FW_SIZE_FAIL && !is_there(STORED));
    otakit_policy_max_size(0);
    /* One at a time into one file. */
    CHECK(haas_ota_download(http_server_url(&server, "/slow", url), STORED) == 0);
    CHECK(haas_ota_download(url, STORED) == -1);
    CHECK(outcome(HAAS_OTA_DOWNLOAD) == 0 && is_served(STORED));
    CHECK(haas_ota_download(NULL, STORED) == -1 && haas_ota_download("", STORED) == -1 &&
          haas_ota_download(url, NULL) == -1);
}

static void verifications(void)
{
    FILE *file = fopen(STORED, "wb");

    CHECK(file != NULL && fwrite("abcdef", 1, 6, file) == 6 && fclose(file) == 0);
    CHECK(verified(6, STORED, "sha256", SHA256) == 0 && verified(6, STORED, "MD5", MD5) == 0);
    CHECK(verified(6, STORED, "sha256", BAD) == HAAS_OTA_VERIFY_SHA2_FAIL);
    CHECK(verified(6, STORED, "md5", "00000000000000000000000000000000") == HAAS_OTA_VERIFY_MD5_FAIL);
    CHECK(verified(5, STORED, "sha256", SHA256) == HAAS_OTA_VERIFY_IMAGE_FAIL);
    CHECK(verified(6, STORED ".not", "sha256", SHA256) == HAAS_OTA_UPGRADE_SET_BOOT_FAIL);
    CHECK(installed(6, STORED, STORED ".installed") == 0 && is_there(STORED ".installed") && is_there(STORED));
    CHECK(verified(6, STORED ".installed", "sha256", SHA256) == 0);
    remove(STORED ".installed");
    CHECK(installed(7, STORED, STORED ".installed") == HAAS_OTA_VERIFY_IMAGE_FAIL && !is_there(STORED ".installed"));
    CHECK(installed(6, STORED ".not", STORED ".installed") == HAAS_OTA_UPGRADE_SET_BOOT_FAIL);
    CHECK(installed(6, STORED, "/nonexistent/folder/file") == HAAS_OTA_UPGRADE_WRITE_FAIL);
    CHECK(haas_ota_install(-1, STORED, "x") == -1 && haas_ota_install(6, STORED, NULL) == -1);
    otakit_policy_signed_only(1);
    CHECK(verified(6, STORED, "sha256", SHA256) == HAAS_OTA_VERIFY_RSA_FAIL);
    otakit_policy_signed_only(0);
    CHECK(haas_ota_verify(-1, STORED, "sha256", SHA256) == -1 && haas_ota_verify(6, STORED, "null", SHA256) == -1);
    CHECK(haas_ota_verify(6, STORED, "md5", SHA256) == -1 && haas_ota_verify(6, NULL, "md5", MD5) == -1);
    remove(STORED);
}

/* What is no file, or not of the length, is refused at once: a pipe is not waited for, a device not read to its end. */
static void no_files(void)
{
    static const char *const others[] = {STORED ".pipe", "/dev/zero", "/dev/null", ".", "/", STORED ".not"};
    FILE *holes = fopen(STORED ".holes", "wb");
    size_t i;

    CHECK(mkfifo(STORED ".pipe", 0600) == 0);
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        CHECK(verified(100000, others[i], "md5", MD5) == HAAS_OTA_UPGRADE_SET_BOOT_FAIL);
        CHECK(verified(0, others[i], "md5", MD5) == HAAS_OTA_UPGRADE_SET_BOOT_FAIL);
        CHECK(installed(100000, others[i], STORED) == HAAS_OTA_UPGRADE_SET_BOOT_FAIL);
    }
    /* 1 GiB without a block. */
    CHECK(holes != NULL && fseek(holes, 1073741823L, SEEK_SET) == 0 && fputc('x', holes) == 'x' && fclose(holes) == 0);
    CHECK(verified(100000, STORED ".holes", "md5", MD5) == HAAS_OTA_VERIFY_IMAGE_FAIL);
    CHECK(installed(100000, STORED ".holes", STORED) == HAAS_OTA_VERIFY_IMAGE_FAIL);
    CHECK(!is_there(STORED) && !is_there(STORED ".part"));
    /* Nor does anything go into what is no file. */
    CHECK(installed(1073741824, STORED ".holes", STORED ".pipe") == HAAS_OTA_UPGRADE_WRITE_FAIL);
    remove(STORED ".holes");
    remove(STORED ".pipe");
}

static void on_event(void *user, const struct haas_event *event)
{
    int64_t *got = user;

    CHECK(pthread_equal(pthread_self(), owner) && event->reason != NULL && event->reason[0] != '\0');
    CHECK(event->offer == NULL && event->topic == NULL);
    got[0] = event->device;
    got[1] = event->kind;
    got[2] = event->value;
}

static void devices(void)
{
    int64_t device, got[3] = {0, 0, 0};
    int64_t other = 0, kind = 0, value = 0;
    struct haas_event event;
    char small[8], text[1024], secret[65];
    int needed;

    CHECK(haas_device_connect("nowhere", "pk", "dn", "secret", 60) == -1);
    CHECK(haas_device_connect(NULL, NULL, "dn", "secret", 60) == -1);
    CHECK(haas_device_connect(NULL, "p/k", "dn", "secret", 60) == -1);
    CHECK(haas_device_open("127.0.0.1:1", "pk", "dn", "secret", 60, NULL) == -1);
    device = haas_device_connect("127.0.0.1:1", "pk", "dn", "secret", 60);
    CHECK(device > 0);
    /* Not connected yet. */
    CHECK(haas_device_publish(device, "t", "x", 1, 0) == -1 && haas_ota_init(device) == -1);
    CHECK(haas_ota_system_path(device, "x") == 0 && haas_ota_system_path(device, NULL) == 0);
    CHECK(haas_dispatch(on_event, got, 60000) == 1);
    CHECK(got[0] == device && got[1] == HAAS_ON_ERROR && got[2] == -1);
    /* Forgotten with that event, as is any number made up. */
    CHECK(haas_device_end(device) == -1 && haas_device_end(0) == -1 && haas_device_end(-7) == -1);
    CHECK(haas_device_subscribe(device, "t", 0) == -1 && haas_device_unsubscribe(device, "t") == -1);
    CHECK(haas_ota_report(device, "pk", "dn", "m", "1") == -1 && haas_ota_progress(device, "m", 1, "") == -1);
    CHECK(haas_ota_system_path(device, "x") == -1);
    CHECK(haas_device_open("127.0.0.1:1", "pk", "dn", "secret", 60, &device) == 0 && device > 0);
    /* A text that does not fit: how much room it needs, and the event stays, however often it is asked for. */
    needed = haas_poll_json(&other, &kind, &value, small, sizeof(small), 60000);
    CHECK(needed > 1 && other == 0 && (size_t)needed <= sizeof(text));
    CHECK(haas_poll_json(&other, &kind, &value, text, (size_t)needed - 1, 0) == needed);
    CHECK(haas_poll_json(&other, &kind, &value, text, (size_t)needed, 0) == 1);
    CHECK(other == device && kind == HAAS_ON_ERROR && value == -1 && strlen(text) + 1 == (size_t)needed);
    CHECK(strstr(text, "\"code\":-1") != NULL && strstr(text, "\"message\":") != NULL);

    CHECK(haas_dispatch(NULL, NULL, 0) == -1 && haas_dispatch(on_event, got, 0) == 0);
    CHECK(haas_poll_event(NULL, 0) == -1 && haas_poll_event(&event, 0) == 0);
    CHECK(haas_poll_json(NULL, &kind, &value, text, sizeof(text), 0) == -1);
    CHECK(haas_poll_json(&other, &kind, &value, NULL, 0, 0) == -1);
    CHECK(haas_poll_json(&other, &kind, &value, text, sizeof(text), 0) == 0);
    CHECK(haas_device_register("nowhere", "pk", "dn", "ps", secret, sizeof(secret)) == -1);
    CHECK(haas_device_register(NULL, "pk", "dn", NULL, secret, sizeof(secret)) == -1);
    CHECK(haas_device_register(NULL, "pk", "dn", "ps", NULL, 0) == -1);
}

/* No outcome is lost, however many wait. */
static void outcomes_are_kept(void)
{
    int i, told = 0;

    for (i = 0; i < 600; i++) {
        CHECK(haas_ota_verify(1, STORED ".not", "md5", MD5) == 0);
        if (i % 50 == 49) {
            serve_pause(50); /* threads come and go */
        }
    }
    while (told < 600) {
        CHECK(outcome(HAAS_OTA_VERIFY) == HAAS_OTA_UPGRADE_SET_BOOT_FAIL);
        told++;
    }
    CHECK(haas_dispatch(on_event, NULL, 200) == 0);
}

/* A device that is ended while it connects says that it is closed, and never that it is connected. */
static void ended_while_connecting(void)
{
    struct haas_event event;
    int64_t device;
    int i;

    for (i = 0; i < 2; i++) { /* each takes as long as a connection is tried */
        device = haas_device_connect("127.0.0.1:1", "pk", "dn", "secret", 60);
        CHECK(device > 0 && haas_device_end(device) == 0 && haas_device_end(device) == 0);
        CHECK(haas_poll_event(&event, 60000) == 1 && event.device == device);
        CHECK(event.kind == HAAS_ON_CLOSE || event.kind == HAAS_ON_ERROR);
        CHECK(haas_device_end(device) == -1 && haas_ota_init(device) == -1);
        CHECK(haas_poll_event(&event, 0) == 0);
    }
}

static void descriptor(void)
{
    struct pollfd readable;

    readable.fd = haas_event_fd();
    readable.events = POLLIN;
    CHECK(readable.fd >= 0 && poll(&readable, 1, 0) == 0);
    CHECK(haas_ota_verify(1, STORED ".not", "md5", MD5) == 0);
    CHECK(poll(&readable, 1, 20000) == 1);
    CHECK(outcome(HAAS_OTA_VERIFY) == HAAS_OTA_UPGRADE_SET_BOOT_FAIL && poll(&readable, 1, 0) == 0);
}

int main(void)
{
    owner = pthread_self();
    http_server_start(&server);
    descriptor();
    downloads();
    verifications();
    no_files();
    devices();
    outcomes_are_kept();
    ended_while_connecting();
    http_server_stop(&server);
    return 0;
}
