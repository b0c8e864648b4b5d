/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The end of downloads that are cancelled: after otakit_wait_workers, or IOT_OTA_Deinit with OTAKIT_OPTION_END_WAIT_MS, their
 * threads are gone and call nothing of the HAL.
 *
 *   ended STALLING_URL SIZE SHA256 PATH PK DN DS
 *
 * Cancels 20 downloads that get no further, then prints `ready` and waits for an offer whose download it ends in the middle.
 * Exit code 0 when every check holds. Over HAL_TCP_Read, which here takes 300 ms longer: a thread that is not waited for is
 * inside.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "dev_sign_api.h"
#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "otakit.h"
#include "wrappers.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int inside, ended, late;

/* Counts calls by threads of downloads; `late` are those after the end. */
static int enter(void)
{
    char name[16] = "";

    pthread_getname_np(pthread_self(), name, sizeof(name));
    if (strncmp(name, "otakit-fetch", 12) != 0) {
        return 0;
    }
    pthread_mutex_lock(&lock);
    inside++;
    late += ended;
    pthread_mutex_unlock(&lock);
    return 1;
}

static void leave(int counted)
{
    pthread_mutex_lock(&lock);
    inside -= counted;
    late += counted && ended;
    pthread_mutex_unlock(&lock);
}

static int get(const int *number)
{
    int value;

    pthread_mutex_lock(&lock);
    value = *number;
    pthread_mutex_unlock(&lock);
    return value;
}

static void set_ended(int value)
{
    pthread_mutex_lock(&lock);
    ended = value;
    pthread_mutex_unlock(&lock);
}

static void sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

uintptr_t __real_HAL_TCP_Establish(const char *host, uint16_t port);
uintptr_t __wrap_HAL_TCP_Establish(const char *host, uint16_t port);
uintptr_t __wrap_HAL_TCP_Establish(const char *host, uint16_t port)
{
    int counted = enter();
    uintptr_t fd = __real_HAL_TCP_Establish(host, port);

    leave(counted);
    return fd;
}

int32_t __real_HAL_TCP_Read(uintptr_t fd, char *buf, uint32_t len, uint32_t timeout_ms);
int32_t __wrap_HAL_TCP_Read(uintptr_t fd, char *buf, uint32_t len, uint32_t timeout_ms);
int32_t __wrap_HAL_TCP_Read(uintptr_t fd, char *buf, uint32_t len, uint32_t timeout_ms)
{
    int counted = enter();
    int32_t n = __real_HAL_TCP_Read(fd, buf, len, timeout_ms);

    if (counted) {
        sleep_ms(300);
    }
    leave(counted);
    return n;
}

int32_t __real_HAL_TCP_Destroy(uintptr_t fd);
int32_t __wrap_HAL_TCP_Destroy(uintptr_t fd);
int32_t __wrap_HAL_TCP_Destroy(uintptr_t fd)
{
    int counted = enter();
    int32_t n = __real_HAL_TCP_Destroy(fd);

    leave(counted);
    return n;
}

/* How many threads of this process have a name that begins so. */
static int threads(const char *begin)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    int n = 0;

    while (tasks != NULL && (task = readdir(tasks)) != NULL) {
        char path[300], name[32] = "";
        FILE *comm;

        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
        comm = fopen(path, "r");
        if (comm != NULL) {
            n += fgets(name, sizeof(name), comm) != NULL && strncmp(name, begin, strlen(begin)) == 0;
            fclose(comm);
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return n;
}

/* A thread that has done its work is still in the list for the moment that the kernel takes to end it. */
static int threads_gone(const char *begin)
{
    int n;

    for (n = 0; n < 500 && threads(begin) != 0; n++) {
        sleep_ms(10);
    }
    return threads(begin) == 0;
}

/* Nobody of a download is in the HAL, nor comes back. */
static void check_quiet(void)
{
    set_ended(1);
    CHECK_EQ(get(&inside), 0);
    sleep_ms(700);
    CHECK_EQ(get(&late), 0);
    CHECK_EQ(threads_gone("otakit-fetch"), 1);
    set_ended(0);
}

static int cancel(void *user, uint64_t fetched, uint64_t total)
{
    (void)total;
    return fetched >= *(uint64_t *)user;
}

static void many(const char *url, uint64_t size, const char *sha256, const char *path)
{
    otakit_image_t image = {NULL, NULL, 0, NULL, NULL, NULL};
    int n, busy = 0;

    image.size = size;
    image.sha256 = sha256;
    for (n = 0; n < 20; n++) {
        uint64_t enough = 1;
        char own[1024];

        /* The server stalls once for each token, which is the URL's end. */
        snprintf(own, sizeof(own), "%s-%d", url, n);
        image.url = own;
        CHECK_EQ(otakit_download_file(&image, path, NULL, cancel, &enough), OTAKIT_ERR_CANCELLED);
        busy += get(&inside) > 0;
    }
    /* What is waited for: without it, threads of cancelled downloads go on. */
    CHECK_EQ(busy > 0, 1);
    CHECK_EQ(otakit_wait_workers(20000), OTAKIT_OK);
    check_quiet();
}

static void deinit(char **words)
{
    iotx_dev_meta_info_t identity;
    iotx_sign_mqtt_t sign;
    iotx_mqtt_param_t params;
    void *client, *ota;
    char chunk[512];
    time_t end = time(NULL) + 60;
    int n = 0;

    memset(&identity, 0, sizeof(identity));
    snprintf(identity.product_key, sizeof(identity.product_key), "%s", words[0]);
    snprintf(identity.device_name, sizeof(identity.device_name), "%s", words[1]);
    snprintf(identity.device_secret, sizeof(identity.device_secret), "%s", words[2]);
    CHECK_EQ(otakit_set_option(OTAKIT_OPTION_END_WAIT_MS, 20000), OTAKIT_OK);
    CHECK_EQ(IOT_Sign_MQTT(IOTX_CLOUD_REGION_SHANGHAI, &identity, &sign), 0);
    memset(&params, 0, sizeof(params));
    params.host = sign.hostname;
    params.port = sign.port;
    params.client_id = sign.clientid;
    params.username = sign.username;
    params.password = sign.password;
    params.keepalive_interval_ms = 60000;
    params.request_timeout_ms = 2000;
    params.read_buf_size = 2048;
    params.write_buf_size = 2048;
    client = IOT_MQTT_Construct(&params);
    CHECK_EQ(client != NULL, 1);
    ota = IOT_OTA_Init(identity.product_key, identity.device_name, client);
    CHECK_EQ(ota != NULL, 1);
    CHECK_EQ(IOT_OTA_ReportVersion(ota, "1.0.0"), 0);
    printf("ready\n");
    fflush(stdout);
    while (checks_failed == 0 && n <= 0 && time(NULL) < end) {
        IOT_MQTT_Yield(client, 5);
        n = IOT_OTA_IsFetching(ota) ? IOT_OTA_FetchYield(ota, chunk, sizeof(chunk), 1) : 0;
    }
    CHECK_EQ(n > 0, 1);
    CHECK_EQ(threads("otakit-fetch"), 1);
    CHECK_EQ(IOT_OTA_Deinit(ota), 0);
    check_quiet();
    CHECK_EQ(IOT_MQTT_Destroy(&client), 0);
    CHECK_EQ(threads_gone("otakit"), 1);
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: %s STALLING_URL SIZE SHA256 PATH PK DN DS\n", argv[0]);
        return 2;
    }
    IOT_SetLogLevel(IOT_LOG_ERROR);
    many(argv[1], strtoull(argv[2], NULL, 10), argv[3], argv[4]);
    deinit(argv + 5);
    return checks_done("ended");
}
