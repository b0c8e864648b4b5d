/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A device whose own firmware the library fetches: `haas_system PK DN DS FILE`. Prints `ready`, and `system VALUE` for each
 * firmware that came or failed; ends with the end of its input.
 */
#include <poll.h>
#include <stdio.h>

#include "haas_ota.h"

static char **words;
static int closed;

static void on_event(void *user, const struct haas_event *event)
{
    (void)user;
    if (event->kind == HAAS_ON_CONNECT) {
        printf("ready %d\n", haas_ota_system_path(event->device, words[4]) == 0 && haas_ota_init(event->device) == 0 &&
                                 haas_ota_report(event->device, words[1], words[2], "default", "1.0.0") == 0);
    } else if (event->kind == HAAS_OTA_SYSTEM) {
        printf("system %d\n", (int)event->value);
    } else if (event->kind == HAAS_ON_CLOSE || event->kind == HAAS_ON_ERROR) {
        closed = 1;
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct pollfd input = {0, POLLIN, 0};
    int64_t device;

    if (argc != 5) {
        fprintf(stderr, "usage: haas_system PK DN DS FILE\n");
        return 2;
    }
    words = argv;
    device = haas_device_connect(NULL, argv[1], argv[2], argv[3], 60);
    while (device > 0 && !closed && poll(&input, 1, 0) == 0) {
        haas_dispatch(on_event, NULL, 50);
    }
    haas_device_end(device);
    while (device > 0 && !closed) {
        haas_dispatch(on_event, NULL, 1000);
    }
    return device > 0 ? 0 : 1;
}
