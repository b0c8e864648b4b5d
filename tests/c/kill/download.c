/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Downloads an image into a file, up to TRIES times in one process, as firmware that was started again would:
 *
 *   kill_download URL VERSION SIZE SHA256 PATH JOURNAL TRIES [CHECKPOINT]
 *
 * JOURNAL "-" stands for none; CHECKPOINT: bytes between two points that survive a power failure. Prints `resumed N`, the byte at which a try begins (the last of them counts), and `ret CODE` at its end. The exit code is 0 when the last try
 * succeeded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "otakit.h"

static int watch(void *user, uint64_t fetched, uint64_t total)
{
    uint64_t *seen = user;

    (void)total;
    /* While kept bytes are read again none counts yet; later ones come in small pieces. */
    if (*seen == UINT64_MAX || fetched > *seen + 32768) {
        printf("resumed %llu\n", (unsigned long long)fetched);
        fflush(stdout);
    }
    *seen = fetched;
    return 0;
}

int main(int argc, char **argv)
{
    otakit_image_t image = {0};
    int tries, ret = OTAKIT_FAILED;

    if (argc != 8 && argc != 9) {
        fprintf(stderr, "usage: kill_download URL VERSION SIZE SHA256 PATH JOURNAL TRIES [CHECKPOINT]\n");
        return 2;
    }
    otakit_set_log_level(0);
    if (argc == 9) {
        /* Never by time: where the operations lie must not depend on the machine. */
        otakit_set_option(OTAKIT_OPTION_CHECKPOINT_BYTES, (uint32_t)strtoul(argv[8], NULL, 10));
        otakit_set_option(OTAKIT_OPTION_CHECKPOINT_MS, 3600000);
    }
    image.url = argv[1];
    image.version = argv[2];
    image.size = strtoull(argv[3], NULL, 10);
    image.sha256 = argv[4];
    for (tries = atoi(argv[7]); tries > 0 && ret != OTAKIT_OK; tries--) {
        uint64_t begun = UINT64_MAX;

        ret = otakit_download_file(&image, argv[5], strcmp(argv[6], "-") == 0 ? NULL : argv[6], watch, &begun);
        printf("ret %d\n", ret);
        fflush(stdout);
    }
    return ret == OTAKIT_OK ? 0 : 1;
}
