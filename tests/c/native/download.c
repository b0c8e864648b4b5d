/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Downloads with the native API, as its arguments say, and prints the code of each download.
 *
 *   native_download SETTING... get URL SIZE SHA256 PATH [SETTING... get ...]
 *
 * `delta` in place of `get`: the image is made from a delta package and the image that is there, `base FILE` (by its name)
 * or `base-read FILE` (by a function).
 *
 * Settings hold for all that follows: https-only N, host H, max-size N, floor V, keep-floor V, key FILE, signed-only N,
 * option N V, ca FILE, version V, md5 HEX, signature BASE64, journal FILE, log N, cancel-at BYTES. "-" stands for NULL.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "otakit.h"

static char file_text[16384];
static uint64_t cancel_at;

static const char *or_null(const char *argument)
{
    return strcmp(argument, "-") == 0 ? NULL : argument;
}

/* The content of a file, or NULL for "-". */
static const char *content(const char *path)
{
    size_t length;
    FILE *file;

    if (or_null(path) == NULL) {
        return NULL;
    }
    file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    length = fread(file_text, 1, sizeof file_text - 1, file);
    file_text[length] = '\0';
    fclose(file);
    return file_text;
}

/* Reads the image that is there; `user` is the file. */
static int read_base(void *user, uint64_t offset, char *buffer, uint32_t length)
{
    if (fseek(user, (long)offset, SEEK_SET) != 0) {
        return -1;
    }
    return (int)fread(buffer, 1, length, user);
}

static int watch(void *user, uint64_t fetched, uint64_t total)
{
    uint64_t *seen = user;

    /* 0 again: an image of several parts was not valid and is fetched in one piece. */
    if ((fetched < *seen && fetched != 0) || fetched > total) {
        printf("progress went wrong: %llu after %llu\n", (unsigned long long)fetched, (unsigned long long)*seen);
    }
    *seen = fetched;
    return cancel_at != 0 && fetched >= cancel_at;
}

static int setting(const char *name, const char *value)
{
    if (strcmp(name, "https-only") == 0) {
        otakit_policy_https_only(atoi(value));
        return 0;
    }
    if (strcmp(name, "host") == 0) {
        return otakit_policy_allow_host(or_null(value));
    }
    if (strcmp(name, "max-size") == 0) {
        otakit_policy_max_size(strtoull(value, NULL, 10));
        return 0;
    }
    if (strcmp(name, "floor") == 0) {
        return otakit_policy_version_floor(or_null(value), 0);
    }
    if (strcmp(name, "keep-floor") == 0) {
        return otakit_policy_version_floor(or_null(value), 1);
    }
    if (strcmp(name, "key") == 0) {
        return otakit_policy_trust_key(content(value));
    }
    if (strcmp(name, "signed-only") == 0) {
        otakit_policy_signed_only(atoi(value));
        return 0;
    }
    if (strcmp(name, "ca") == 0) {
        return otakit_set_https_ca(content(value));
    }
    if (strcmp(name, "log") == 0) {
        otakit_set_log_level(atoi(value));
        return 0;
    }
    if (strcmp(name, "cancel-at") == 0) {
        cancel_at = strtoull(value, NULL, 10);
        return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    otakit_image_t image = {NULL, NULL, 0, NULL, NULL, NULL};
    otakit_base_t base = {NULL, NULL, NULL};
    const char *journal = NULL;
    int i = 1;

    while (i < argc) {
        if (i + 4 < argc && (strcmp(argv[i], "get") == 0 || strcmp(argv[i], "delta") == 0)) {
            uint64_t seen = 0;
            int code;

            image.url = or_null(argv[i + 1]);
            image.size = strtoull(argv[i + 2], NULL, 10);
            image.sha256 = or_null(argv[i + 3]);
            if (argv[i][0] == 'g') {
                code = otakit_download_file(&image, or_null(argv[i + 4]), journal, watch, &seen);
            } else {
                code = otakit_download_delta(&image, &base, or_null(argv[i + 4]), journal, watch, &seen);
            }
            printf("get %d at %llu\n", code, (unsigned long long)seen);
            i += 5;
        } else if (i + 2 < argc && strcmp(argv[i], "option") == 0) {
            printf("option %d\n", otakit_set_option(atoi(argv[i + 1]), (uint32_t)strtoul(argv[i + 2], NULL, 10)));
            i += 3;
        } else if (i + 1 < argc && strcmp(argv[i], "version") == 0) {
            image.version = or_null(argv[i + 1]);
            i += 2;
        } else if (i + 1 < argc && strcmp(argv[i], "md5") == 0) {
            image.md5 = or_null(argv[i + 1]);
            i += 2;
        } else if (i + 1 < argc && strcmp(argv[i], "signature") == 0) {
            image.signature = or_null(argv[i + 1]);
            i += 2;
        } else if (i + 1 < argc && strcmp(argv[i], "base") == 0) {
            base.path = or_null(argv[i + 1]);
            i += 2;
        } else if (i + 1 < argc && strcmp(argv[i], "base-read") == 0) {
            base.path = NULL;
            base.read = read_base;
            base.user = fopen(argv[i + 1], "rb");
            if (base.user == NULL) {
                perror(argv[i + 1]);
                return 2;
            }
            i += 2;
        } else if (i + 1 < argc && strcmp(argv[i], "journal") == 0) {
            journal = or_null(argv[i + 1]);
            i += 2;
        } else if (i + 1 < argc) {
            int code = setting(argv[i], argv[i + 1]);

            if (code == 1) {
                fprintf(stderr, "unknown setting %s\n", argv[i]);
                return 2;
            }
            printf("%s %d\n", argv[i], code);
            i += 2;
        } else {
            fprintf(stderr, "%s: argument missing\n", argv[i]);
            return 2;
        }
        fflush(stdout);
    }
    return 0;
}
