/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A firmware that was written for an SDK without threads, and does what such programs do beside one update.
 *
 *   old_program HABIT PK DN DS FILE
 *
 * Prints `ready` once it has reported 1.0.0, then waits for an offer (60 s), downloads it into FILE and prints
 * `VERSION BYTES valid`. Exit code 0 when every check holds. HABIT is a name of the table at the end.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "dev_sign_api.h"
#include "infra_compat.h"
#include "mqtt_api.h"
#include "ota_api.h"
#include "wrappers.h"

typedef struct {
    const char *name;
    void (*before)(void);       /* before the first call of the SDK */
    void (*connected)(void);    /* once the version has been reported */
    void (*turn)(unsigned long bytes); /* in each turn of the main loop */
    void (*after)(void);        /* when the update is over */
} habit_t;

/* Where the test's own output goes, far from the numbers that programs here close. */
enum { OWN_OUTPUT = 300, OWN_IMAGE = 301 };

/* What threads of small systems have, and main where the limit says so. */
enum { SMALL_STACK = 64 * 1024 };

static iotx_dev_meta_info_t identity;
static iotx_sign_mqtt_t sign;
static void *client, *ota;
static unsigned long turns;
static FILE *image, *out;

/* Signals that are taken synchronously ---------------------------------------------------------------------------- */

static unsigned long raised, taken;

static void block(int signal_number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signal_number);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

/* Only now: threads that the SDK has started must not be the ones that take the signals. */
static void wait_connected(void)
{
    block(SIGRTMIN);
    block(SIGTERM);
}

/* To the process, not to a thread: the only thread that the program knows of must get each one. */
static void wait_turn(unsigned long bytes)
{
    struct timespec soon = {2, 0};
    int signal_number = (bytes & 1) == 0 ? SIGRTMIN : SIGTERM;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGTERM);
    kill(getpid(), signal_number);
    raised++;
    if (sigtimedwait(&set, NULL, &soon) == signal_number) {
        taken++;
    }
}

static void wait_after(void)
{
    CHECK_EQ(raised > 0, 1);
    CHECK_EQ(taken, raised);
}

/* Handlers and timers --------------------------------------------------------------------------------------------- */

static pthread_t main_thread;
static volatile sig_atomic_t in_main, elsewhere;

static void on_alarm(int signal_number)
{
    (void)signal_number;
    if (pthread_equal(pthread_self(), main_thread)) {
        in_main++;
    } else {
        elsewhere++;
    }
}

static void timer_before(void)
{
    struct sigaction action;
    struct itimerval every = {{0, 2000}, {0, 2000}};

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_alarm; /* no SA_RESTART: calls of the program are interrupted, as it expects */
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &every, NULL), 0);
}

static void timer_turn(unsigned long bytes)
{
    struct timespec section = {0, 8000000}, longer = {5, 0}, left;
    sigset_t set;

    (void)bytes;
    /* A section that no handler may interrupt: the signal waits for its end. */
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    CHECK_EQ(nanosleep(&section, NULL), 0);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    CHECK_EQ(nanosleep(&longer, &left), -1);
    CHECK_EQ(errno, EINTR);
}

static void timer_after(void)
{
    struct itimerval none;

    memset(&none, 0, sizeof(none));
    setitimer(ITIMER_REAL, &none, NULL);
    CHECK_EQ(in_main > 0, 1);
    CHECK_EQ(elsewhere, 0);
}

/* Handlers that call the SDK ---------------------------------------------------------------------------------------- */

static volatile sig_atomic_t calling;
static unsigned long refused_calls;

static void on_alarm_calling(int signal_number)
{
    (void)signal_number;
    /* In the program's own code a handler may call nothing that takes memory. */
    if (calling) {
        uint32_t size = 0;

        refused_calls += IOT_MQTT_Publish_Simple(client, "/handler", 0, (void *)"x", 1) < 0;
        refused_calls += IOT_OTA_Ioctl(ota, IOT_OTAG_FILE_SIZE, &size, sizeof(size)) < 0;
    }
}

static void handler_before(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_alarm_calling;
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
}

static void handler_turn(unsigned long bytes)
{
    struct itimerval every = {{0, 500}, {0, 500}}, none;
    int i;

    (void)bytes;
    memset(&none, 0, sizeof(none));
    CHECK_EQ(setitimer(ITIMER_REAL, &every, NULL), 0);
    for (i = 0; i < 20; i++) {
        calling = 1;
        IOT_MQTT_Publish_Simple(client, "/main", 1, (void *)"x", 1);
        IOT_MQTT_Yield(client, 1);
        calling = 0;
    }
    CHECK_EQ(setitimer(ITIMER_REAL, &none, NULL), 0);
}

static void handler_after(void)
{
    CHECK_EQ(refused_calls > 0, 1);
}

/* Children that have nothing to do with the SDK ------------------------------------------------------------------- */

static int child_ends_by_exit, children_wrong;

static void children_turn(unsigned long bytes)
{
    pid_t child;
    int status = 0, how = (int)(turns % 3);

    (void)bytes;
    fflush(out);
    if (how == 2) {
        if (system("true") != 0) {
            children_wrong++;
        }
        return;
    }
    child = fork();
    if (child == 0) {
        child_ends_by_exit = 1;
        if (how == 0) {
            exit(7);
        }
        execlp("sh", "sh", "-c", "exit 7", (char *)NULL);
        _exit(8);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 7) {
        children_wrong++;
    }
}

static void children_after(void)
{
    CHECK_EQ(children_wrong, 0);
    CHECK_EQ(IOT_MQTT_CheckStateNormal(client), 1);
}

/* Becoming a daemon ----------------------------------------------------------------------------------------------- */

static void become_child(void)
{
    fflush(out);
    switch (fork()) {
    case -1:
        CHECK_EQ(errno, 0);
        break;
    case 0:
        setsid();
        break;
    default:
        _exit(0);
    }
}

static void daemon_early(void)
{
    become_child();
}

static void daemon_twice(void)
{
    become_child();
    become_child();
}

/* One child after the other, while the thread of each one's client is at work. */
static void daemon_chain(void)
{
    int n;

    for (n = 0; n < 24; n++) {
        pid_t parent = getpid();

        become_child();
        while (getppid() == parent) {
            usleep(1000);
        }
        IOT_MQTT_Yield(client, n % 8);
    }
}

static int forked;

static void daemon_turn(unsigned long bytes)
{
    pid_t parent = getpid();

    if (!forked && bytes > 20000) {
        forked = 1;
        become_child();
        /* The rest of the image is here in a moment: its parent's end must come first. */
        while (getppid() == parent) {
            usleep(1000);
        }
    }
}

/* A child that uses the parent's handles while the parent lives --------------------------------------------------- */

static void shared_turn(unsigned long bytes)
{
    pid_t child;
    int status = 0;

    if (forked || bytes < 20000) {
        return;
    }
    forked = 1;
    fflush(out);
    child = fork();
    if (child == 0) {
        char page[512];
        uint32_t valid = 0;
        int n = 0, turn;
        struct timespec begun, now;

        checks_failed = 0;
        /* The connection is the parent's, and the child is told so: no call says that all is well. Its loop burns no
         * processor. */
        clock_gettime(CLOCK_MONOTONIC, &begun);
        for (turn = 0; turn < 4; turn++) {
            CHECK_EQ(IOT_MQTT_Yield(client, 50) < 0, 1);
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        CHECK_EQ((now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 >= 199, 1);
        CHECK_EQ(IOT_MQTT_CheckStateNormal(client), 0);
        CHECK_EQ(IOT_MQTT_Publish_Simple(client, "/a", 0, (void *)"x", 1) < 0, 1);
        /* A download needs no connection but its own. */
        while (n >= 0 && !IOT_OTA_IsFetchFinish(ota)) {
            n = IOT_OTA_FetchYield(ota, page, sizeof(page), 5);
        }
        CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_CHECK_FIRMWARE, &valid, 4), 0);
        CHECK_EQ(valid, 1);
        exit(checks_failed == 0 ? 7 : 1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 7);
}

/* The end of the process in the middle of everything --------------------------------------------------------------- */

static volatile int torn_down;

static void tear_down(void)
{
    torn_down = 1;
}

/* The HAL's functions as this firmware has them: they may not be called once it has torn them down. */
int32_t __real_HAL_TCP_Read(uintptr_t fd, char *buf, uint32_t len, uint32_t timeout_ms);
int32_t __wrap_HAL_TCP_Read(uintptr_t fd, char *buf, uint32_t len, uint32_t timeout_ms);
int32_t __wrap_HAL_TCP_Read(uintptr_t fd, char *buf, uint32_t len, uint32_t timeout_ms)
{
    int32_t n;

    if (torn_down) {
        abort();
    }
    n = __real_HAL_TCP_Read(fd, buf, len, timeout_ms);
    if (torn_down) {
        abort();
    }
    return n;
}

static void exit_before(void)
{
    atexit(tear_down);
}

static void exit_turn(unsigned long bytes)
{
    if (bytes > 20000) {
        fprintf(out, "exit\n");
        fflush(out);
        exit(0);
    }
}

static void destructor_pause(void) __attribute__((destructor));

/* Runs after `tear_down`: time for a thread to do wrong. */
static void destructor_pause(void)
{
    struct timespec pause = {0, 300000000};

    if (torn_down) {
        nanosleep(&pause, NULL);
    }
}

/* Descriptors ------------------------------------------------------------------------------------------------------ */

static void closed_before(void)
{
    close(0);
    close(1);
    close(2);
}

/* A small stack --------------------------------------------------------------------------------------------------- */

static char **arguments;

/* What main has on a small system. The limit counts from the next exec on. */
static void small_stack_before(void)
{
    struct rlimit limit = {SMALL_STACK, SMALL_STACK}, now;

    CHECK_EQ(getrlimit(RLIMIT_STACK, &now), 0);
    if (now.rlim_cur == SMALL_STACK) {
        return;
    }
    CHECK_EQ(setrlimit(RLIMIT_STACK, &limit), 0);
    fflush(NULL);
    dup2(OWN_OUTPUT, 1);
    execv("/proc/self/exe", arguments);
    CHECK_EQ(errno, 0);
}


static int own[2] = {-1, -1}, own_file = -1;
static struct stat own_as_opened;
static int swept;

static void sweep_turn(unsigned long bytes)
{
    int fd;

    if (swept || bytes < 20000) {
        return;
    }
    swept = 1;
    for (fd = 3; fd < OWN_OUTPUT; fd++) {
        close(fd);
    }
    /* What it opens now gets the numbers that the library had. */
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, own), 0);
    own_file = open("/dev/null", O_RDWR);
    CHECK_EQ(own_file >= 0, 1);
    CHECK_EQ(fstat(own_file, &own_as_opened), 0);
    CHECK_EQ(write(own[0], "mine", 4), 4);
}

static void sweep_after(void)
{
    struct stat now;
    char text[8];

    CHECK_EQ(fstat(own_file, &now), 0);
    CHECK_EQ(now.st_ino, own_as_opened.st_ino);
    CHECK_EQ(recv(own[1], text, sizeof(text), MSG_DONTWAIT), 4);
    CHECK_EQ(memcmp(text, "mine", 4), 0);
    CHECK_EQ(recv(own[1], text, sizeof(text), MSG_DONTWAIT), -1);
    CHECK_EQ(errno == EAGAIN, 1);
}

static const habit_t *habit;

/* The main loop ---------------------------------------------------------------------------------------------------- */

static void start(void)
{
    iotx_mqtt_param_t params;

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
}

static void update(void)
{
    char version[IOTX_FIRMWARE_VER_LEN + 1] = "", chunk[512];
    time_t end = time(NULL) + 60;
    unsigned long bytes = 0;
    uint32_t valid = 0;
    int n = 0;

    while (checks_failed == 0 && n >= 0 && time(NULL) < end && !IOT_OTA_IsFetchFinish(ota)) {
        IOT_MQTT_Yield(client, 5);
        n = IOT_OTA_IsFetching(ota) ? IOT_OTA_FetchYield(ota, chunk, sizeof(chunk), 1) : 0;
        if (n > 0) {
            CHECK_EQ(fwrite(chunk, 1, (size_t)n, image), n);
            bytes += (unsigned long)n;
        }
        turns++;
        if (habit->turn != NULL) {
            habit->turn(bytes);
        }
    }
    CHECK_EQ(n >= 0, 1);
    CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_VERSION, version, sizeof(version)), 0);
    CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_CHECK_FIRMWARE, &valid, 4), 0);
    CHECK_EQ(valid, 1);
    fprintf(out, "%s %lu %s\n", version, bytes, valid ? "valid" : "INVALID");
    fflush(out);
}

static const habit_t habits[] = {
    {"plain", NULL, NULL, NULL, NULL},
    {"sigwait", NULL, wait_connected, wait_turn, wait_after},
    {"timer", timer_before, NULL, timer_turn, timer_after},
    {"handler", handler_before, NULL, handler_turn, handler_after},
    {"children", NULL, NULL, children_turn, children_after},
    {"daemon", NULL, daemon_early, NULL, NULL},
    {"daemon-twice", NULL, daemon_twice, NULL, NULL},
    {"daemon-chain", NULL, daemon_chain, NULL, NULL},
    {"daemon-fetching", NULL, NULL, daemon_turn, NULL},
    {"shared", NULL, NULL, shared_turn, NULL},
    {"exit", exit_before, NULL, exit_turn, NULL},
    {"no-standard-descriptors", closed_before, NULL, NULL, NULL},
    {"sweep", NULL, NULL, sweep_turn, sweep_after},
    {"small-stack", small_stack_before, NULL, NULL, NULL},
    {"small-thread", NULL, NULL, NULL, NULL},
};

static void *run(void *unused)
{
    (void)unused;
    if (habit->before != NULL) {
        habit->before();
    }
    start();
    fprintf(out, "ready\n");
    fflush(out);
    if (habit->connected != NULL) {
        habit->connected();
    }
    update();
    if (habit->after != NULL) {
        habit->after();
    }
    CHECK_EQ(IOT_OTA_Deinit(ota), 0);
    CHECK_EQ(IOT_MQTT_Destroy(&client), 0);
    return NULL;
}

int main(int argc, char **argv)
{
    size_t i;

    for (i = 0; argc == 6 && i < sizeof(habits) / sizeof(habits[0]); i++) {
        if (strcmp(argv[1], habits[i].name) == 0) {
            habit = &habits[i];
        }
    }
    if (habit == NULL) {
        fprintf(stderr, "usage: %s HABIT PK DN DS FILE\n", argv[0]);
        return 2;
    }
    main_thread = pthread_self();
    arguments = argv;
    out = fdopen(fcntl(1, F_DUPFD, OWN_OUTPUT), "w");
    image = fopen(argv[5], "wb");
    if (out == NULL || image == NULL || dup2(fileno(image), OWN_IMAGE) != OWN_IMAGE) {
        return 2;
    }
    fclose(image);
    image = fdopen(OWN_IMAGE, "wb");
    setvbuf(image, NULL, _IONBF, 0); /* a child that ends by exit() would write the parent's bytes again */
    strncpy(identity.product_key, argv[2], IOTX_PRODUCT_KEY_LEN);
    strncpy(identity.device_name, argv[3], IOTX_DEVICE_NAME_LEN);
    strncpy(identity.device_secret, argv[4], IOTX_DEVICE_SECRET_LEN);
    IOT_SetLogLevel(IOT_LOG_WARNING);
    if (strcmp(habit->name, "small-thread") == 0) {
        pthread_attr_t attributes;
        pthread_t thread;

        CHECK_EQ(pthread_attr_init(&attributes), 0);
        CHECK_EQ(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
        CHECK_EQ(pthread_create(&thread, &attributes, run, NULL), 0);
        CHECK_EQ(pthread_join(thread, NULL), 0);
    } else {
        run(NULL);
    }
    fclose(image);
    if (dup2(OWN_OUTPUT, 1) != 1) {
        return 2;
    }
    return checks_done("old_program");
}
