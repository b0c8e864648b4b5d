/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fetches an upgrade package: quectel_fota URL [SECOND_URL]; the packages appear in fota_package.bin[.2]. */
#include <stdio.h>

#include "quectel_fota.h"

static void on_event(void *user, int64_t status, int64_t progress)
{
    (void)user;
    printf("download status: %d, progress: %d\n", (int)status, (int)progress);
}

static void on_restart(void *user)
{
    (void)user;
    printf("the module would restart now\n");
}

int main(int argc, char **argv)
{
    char sha256[65];

    if (argc < 2) {
        fprintf(stderr, "usage: quectel_fota URL [SECOND_URL]\n");
        return 2;
    }
    quectel_fota_init();
    quectel_fota_callbacks(on_event, NULL, on_restart, NULL);
    if (quectel_fota_download(argv[1], argc > 2 ? argv[2] : NULL) != 0) {
        fprintf(stderr, "download failed\n");
        return 1;
    }
    if (quectel_fota_sha256(sha256, sizeof(sha256)) == 0) {
        printf("sha256 %s\n", sha256);
    }
    return quectel_fota_deinit() == 0 ? 0 : 1;
}
