/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A device whose process forks: `haas_daemon HABIT PK DN DS FILE [URL]`. Prints each event; a message on /DN/end ends it.
 *   connected   becomes a daemon once it is connected
 *   connecting  becomes a daemon while it connects
 *   fetching    becomes a daemon 0.3 s after haas_ota_download has begun
 *   beside      forks then; both go on, and the child says what it hears
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "haas_ota.h"

static char **words;
static const char *who = "first";
static int closed, connected, fetched;

static void on_event(void *user, const struct haas_event *event)
{
    char topic[128];

    (void)user;
    printf("%s event %d %d\n", who, (int)event->kind, (int)event->value);
    switch (event->kind) {
    case HAAS_ON_CONNECT:
        if (!connected) {
            connected = 1;
            snprintf(topic, sizeof topic, "/%s/end", words[3]);
            printf("ready %d %d %d %d\n", haas_device_subscribe(event->device, topic, 1),
                   haas_ota_system_path(event->device, words[5]), haas_ota_init(event->device),
                   haas_ota_report(event->device, words[2], words[3], "default", "1.0.0"));
        }
        break;
    case HAAS_ON_MESSAGE:
        printf("end %d\n", haas_device_end(event->device));
        break;
    case HAAS_OTA_DOWNLOAD:
        fetched = 1;
        break;
    case HAAS_ON_CLOSE:
    case HAAS_ON_ERROR:
        closed = 1;
        break;
    }
}

static void become_child(void)
{
    if (fork() != 0) {
        _exit(0);
    }
    setsid();
    who = "child";
}

static int connection(int early)
{
    int64_t device = haas_device_connect(NULL, words[2], words[3], words[4], 60);
    int n;

    if (early) {
        become_child();
    }
    while (device > 0 && !closed && !connected) {
        haas_dispatch(on_event, NULL, 50);
    }
    if (!early) {
        become_child();
    }
    for (n = 0; n < 1200 && device > 0 && !closed; n++) {
        haas_dispatch(on_event, NULL, 50);
    }
    return closed;
}

static int download(int beside)
{
    int n, again = -2, status = 0;
    pid_t child = 0;

    printf("begun %d\n", haas_ota_download(words[6], words[5]));
    usleep(300000);
    if (!beside) {
        become_child();
    } else if ((child = fork()) == 0) {
        who = "child";
    }
    if (child == 0) {
        /* Under way here too, in this process or in its parent. */
        again = haas_ota_download(words[6], words[5]);
    }
    for (n = 0; n < 600 && !fetched; n++) {
        haas_dispatch(on_event, NULL, 50);
    }
    for (n = 0; n < 10; n++) {
        haas_dispatch(on_event, NULL, 50);
    }
    if (child != 0) {
        return waitpid(child, &status, 0) == child && status == 0 && fetched;
    }
    printf("%s again %d\n", who, again);
    return fetched;
}

int main(int argc, char **argv)
{
    int good;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 6) {
        fprintf(stderr, "usage: haas_daemon HABIT PK DN DS FILE [URL]\n");
        return 2;
    }
    words = argv;
    if (strncmp(argv[1], "connect", 7) == 0) {
        good = connection(strcmp(argv[1], "connecting") == 0);
    } else {
        good = argc > 6 && download(strcmp(argv[1], "beside") == 0);
    }
    printf("%s done %d\n", who, good);
    return good ? 0 : 1;
}
