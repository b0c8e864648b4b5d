/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The shared library, loaded and unloaded by a program while a thread of a cancelled download is in a network call, and used
 * again.
 *
 *   unload LIBRARY STALLING_URL URL SIZE SHA256 PATH
 *
 * Exit code 0 when every check holds.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "otakit.h"

typedef int download_fn(const otakit_image_t *, const char *, const char *,
                        int (*)(void *, uint64_t, uint64_t), void *);

static int cancel(void *user, uint64_t fetched, uint64_t total)
{
    (void)total;
    return *(int *)user && fetched > 0;
}

/* Whether the program has the file mapped. */
static int mapped(const char *part)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1024];
    int found = 0;

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        found |= strstr(line, part) != NULL;
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return found;
}

static int use(char **argv, const char *url, int cancelled)
{
    otakit_image_t image = {NULL, NULL, 0, NULL, NULL, NULL};
    void *library = dlopen(argv[1], RTLD_NOW);
    download_fn *download = NULL;
    void *symbol;
    int code;

    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    symbol = dlsym(library, "otakit_download_file");
    CHECK_EQ(symbol != NULL, 1);
    memcpy(&download, &symbol, sizeof(symbol));
    image.url = url;
    image.size = strtoull(argv[4], NULL, 10);
    image.sha256 = argv[5];
    code = download(&image, argv[6], NULL, cancel, &cancelled);
    CHECK_EQ(dlclose(library), 0);
    return code;
}

int main(int argc, char **argv)
{
    struct timespec pause = {1, 0};
    int n;

    if (argc != 7) {
        return 2;
    }
    for (n = 0; n < 3; n++) {
        char url[1024];

        /* The server stalls once for each token, which is the URL's end. */
        snprintf(url, sizeof(url), "%s-%d", argv[2], n);
        CHECK_EQ(use(argv, url, 1), OTAKIT_ERR_CANCELLED);
    }
    /* Time for the threads to return from where they are. */
    nanosleep(&pause, NULL);
    CHECK_EQ(mapped("libotakit_posix.so"), 1);
    CHECK_EQ(use(argv, argv[3], 0), OTAKIT_OK);
    return checks_done("unload");
}
