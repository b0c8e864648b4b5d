/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Downloads an image into a file, up to TRIES times in one process, as firmware that was started anew would:
 *
 *   kill_download URL VERSION SIZE SHA256 PATH JOURNAL TRIES
 *
 * Prints `resumed N`, the byte at which a try begins, and `ret CODE` at its end. The exit code is 0 when the last try
 * succeeded.
 */
#include <stdio.h>
#include <stdlib.h>

#include "otakit.h"

static int watch(void *user, uint64_t fetched, uint64_t total)
{
    int *begun = user;

    (void)total;
    if (!*begun) {
        *begun = 1;
        printf("resumed %llu\n", (unsigned long long)fetched);
        fflush(stdout);
    }
    return 0;
}

int main(int argc, char **argv)
{
    otakit_image_t image = {0};
    int tries, ret = OTAKIT_FAILED;

    if (argc != 8) {
        fprintf(stderr, "usage: kill_download URL VERSION SIZE SHA256 PATH JOURNAL TRIES\n");
        return 2;
    }
    otakit_set_log_level(0);
    image.url = argv[1];
    image.version = argv[2];
    image.size = strtoull(argv[3], NULL, 10);
    image.sha256 = argv[4];
    for (tries = atoi(argv[7]); tries > 0 && ret != OTAKIT_OK; tries--) {
        int begun = 0;

        ret = otakit_download_file(&image, argv[5], argv[6], watch, &begun);
        printf("ret %d\n", ret);
        fflush(stdout);
    }
    return ret == OTAKIT_OK ? 0 : 1;
}
