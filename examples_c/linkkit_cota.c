/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Remote configuration with Link Kit's advanced API: asks the cloud for the product's configuration, downloads it into a
 * file, and takes one that the cloud pushes.
 *
 *   linkkit_cota [-k product-key] [-n device-name] [-s device-secret] [-o file] [-t max-wait-seconds] [-p]
 *
 * The identity comes from the options, else from OTAKIT_PRODUCT_KEY, OTAKIT_DEVICE_NAME and OTAKIT_DEVICE_SECRET. The
 * configuration goes to `-o` (config.bin). With `-p` it does not ask but waits for a push. `-t` (60) bounds the wait.
 *
 * Exit code: 0 the configuration is there and verified, 2 could not connect, 3 the download failed,
 *            4 wrong usage, or no configuration came in time.
 */
#define _POSIX_C_SOURCE 200809L /* getopt */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dev_model_api.h"
#include "dm_wrapper.h"
#include "infra_compat.h"

enum { EXIT_DONE = 0, EXIT_NO_CONNECTION = 2, EXIT_DOWNLOAD_FAILED = 3, EXIT_USAGE_OR_TIMEOUT = 4 };

#define MASTER 0
#define CHUNK 1025

static iotx_linkkit_dev_meta_info_t identity;
static const char *path = "config.bin";
static long max_wait_s = 60;
static int over, verified;

/* ---- the store: configurations and firmware come through the same three functions ---- */

static FILE *store;

void HAL_Firmware_Persistence_Start(void)
{
    store = fopen(path, "wb");
}

int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length)
{
    return store != NULL && fwrite(buffer, 1, length, store) == length ? 0 : -1;
}

int HAL_Firmware_Persistence_Stop(void)
{
    int stored = store != NULL && fclose(store) == 0;

    store = NULL;
    return stored ? 0 : -1;
}

/* ---- callbacks ---- */

static int on_cota(const int type, const char *config_id, int config_size, const char *get_type, const char *sign,
                   const char *sign_method, const char *url)
{
    static unsigned char buffer[CHUNK];

    (void)url;
    if (type != 0) {
        return 0;
    }
    printf("configuration %s: %d bytes, %s, %s %s\n", config_id, config_size, get_type, sign_method, sign);
    fflush(stdout);
    verified = IOT_Linkkit_Query(MASTER, ITM_MSG_QUERY_COTA_DATA, buffer, sizeof(buffer)) == 0;
    over = 1;
    return 0;
}

/* ---- the device ---- */

static int run(int wait_for_push)
{
    time_t started = time(NULL);

    if (!wait_for_push && IOT_Linkkit_Query(MASTER, ITM_MSG_REQUEST_COTA, NULL, 0) != 0) {
        fprintf(stderr, "cannot ask for the configuration\n");
        return EXIT_NO_CONNECTION;
    }
    printf("waiting for a configuration\n");
    fflush(stdout);
    while (!over) {
        if (difftime(time(NULL), started) > (double)max_wait_s) {
            fprintf(stderr, "no configuration within %ld s\n", max_wait_s);
            return EXIT_USAGE_OR_TIMEOUT;
        }
        IOT_Linkkit_Yield(200);
    }
    printf("configuration: %s\n", verified ? "verified" : "download failed");
    /* What was reported last goes out before the connection does. */
    IOT_Linkkit_Yield(100);
    return verified ? EXIT_DONE : EXIT_DOWNLOAD_FAILED;
}

/* Copies the option, else the variable. Returns -1 if neither is there or it does not fit. */
static int take(char *to, size_t room, const char *option, const char *variable)
{
    const char *from = option != NULL ? option : getenv(variable);

    if (from == NULL || strlen(from) >= room) {
        return -1;
    }
    strcpy(to, from);
    return 0;
}

static int parse(int argc, char **argv, int *wait_for_push)
{
    const char *key = NULL, *name = NULL, *secret = NULL;
    char *end = NULL;
    int option;

    while ((option = getopt(argc, argv, "k:n:s:o:t:p")) != -1) {
        switch (option) {
            case 'k': key = optarg; break;
            case 'n': name = optarg; break;
            case 's': secret = optarg; break;
            case 'o': path = optarg; break;
            case 'p': *wait_for_push = 1; break;
            case 't':
                max_wait_s = strtol(optarg, &end, 10);
                if (*end != '\0' || max_wait_s <= 0) {
                    return -1;
                }
                break;
            default: return -1;
        }
    }
    if (optind != argc) {
        return -1;
    }
    return take(identity.product_key, sizeof(identity.product_key), key, "OTAKIT_PRODUCT_KEY") |
           take(identity.device_name, sizeof(identity.device_name), name, "OTAKIT_DEVICE_NAME") |
           take(identity.device_secret, sizeof(identity.device_secret), secret, "OTAKIT_DEVICE_SECRET");
}

int main(int argc, char **argv)
{
    int wait_for_push = 0;
    int code;

    if (parse(argc, argv, &wait_for_push) != 0) {
        fprintf(stderr, "usage: %s -k product-key -n device-name -s device-secret [-o file] [-t max-wait-seconds] [-p]\n",
                argv[0]);
        return EXIT_USAGE_OR_TIMEOUT;
    }
    IOT_SetLogLevel(IOT_LOG_ERROR);
    IOT_RegisterCallback(ITE_COTA, on_cota);
    if (IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_MASTER, &identity) != MASTER) {
        return EXIT_USAGE_OR_TIMEOUT;
    }
    if (IOT_Linkkit_Connect(MASTER) == 0) {
        code = run(wait_for_push);
    } else {
        fprintf(stderr, "cannot connect as %s/%s\n", identity.product_key, identity.device_name);
        code = EXIT_NO_CONNECTION;
    }
    IOT_Linkkit_Close(MASTER);
    return code;
}
