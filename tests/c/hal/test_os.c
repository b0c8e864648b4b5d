/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The other defaults: identity, memory, clock, text, synchronisation, threads, storage. */
#include "check.h"
#include "hal_posix.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void identity(void)
{
    char too_long[] = "123456789012345678901";
    char key[] = "a1B2c3D4e5F", name[] = "lamp", secret[] = "s3cret", product_secret[] = "pS";
    char out[OTAKIT_HAL_SECRET_LEN + 1] = "?";
    char *chip;

    CHECK(HAL_GetProductKey(out) == 0 && out[0] == '\0');
    CHECK(HAL_GetDeviceID(out) == 0 && out[0] == '\0');
    CHECK(HAL_SetProductKey(too_long) == -1);
    CHECK(HAL_SetProductKey(NULL) == -1);
    CHECK(HAL_GetProductKey(NULL) == -1);
    CHECK(HAL_SetProductKey(key) == 11 && HAL_SetDeviceName(name) == 4);
    CHECK(HAL_SetDeviceSecret(secret) == 6 && HAL_SetProductSecret(product_secret) == 2);
    CHECK(HAL_GetProductKey(out) == 11 && strcmp(out, key) == 0);
    CHECK(HAL_GetDeviceName(out) == 4 && strcmp(out, name) == 0);
    CHECK(HAL_GetDeviceSecret(out) == 6 && strcmp(out, secret) == 0);
    CHECK(HAL_GetProductSecret(out) == 2 && strcmp(out, product_secret) == 0);
    CHECK(HAL_GetDeviceID(out) == 16 && strcmp(out, "a1B2c3D4e5F.lamp") == 0);
    CHECK(HAL_GetFirmwareVersion(out) == 23 && strcmp(out, "app-1.0.0-20180101.1000") == 0);
    CHECK(HAL_GetFirmwareVersion(NULL) == -1);
    strcpy(out, "?");
    CHECK(HAL_GetPartnerID(out) == 0 && out[0] == '\0');
    CHECK(HAL_GetModuleID(out) == 0 && HAL_GetNetifInfo(out) == 0);
    chip = HAL_GetChipID(out);
    CHECK(chip == out && out[0] == '\0');
}

/* What a timer's function does, and that it was called. */
struct rung {
    void *sem, *timer;
    int calls, again, deletes;
};

static void ring(void *argument)
{
    struct rung *rung = argument;

    rung->calls++;
    if (rung->again-- > 0) {
        CHECK(HAL_Timer_Start(rung->timer, 1) == 0);
    }
    if (rung->deletes) {
        CHECK(HAL_Timer_Delete(rung->timer) == 0);
    }
    HAL_SemaphorePost(rung->sem);
}

static void timers(void)
{
    struct rung once = {0}, never = {0}, again = {0}, own = {0};
    uint64_t before;

    CHECK(HAL_Timer_Create("none", NULL, NULL) == NULL);
    CHECK(HAL_Timer_Start(NULL, 1) == -1 && HAL_Timer_Stop(NULL) == -1 && HAL_Timer_Delete(NULL) == -1);
    once.sem = never.sem = again.sem = own.sem = HAL_SemaphoreCreate();
    once.timer = HAL_Timer_Create("once", ring, &once);
    never.timer = HAL_Timer_Create(NULL, ring, &never);
    again.timer = HAL_Timer_Create("again", ring, &again);
    own.timer = HAL_Timer_Create("own", ring, &own);
    CHECK(HAL_Timer_Start(once.timer, -1) == -1);

    /* Not before its time, and once. */
    before = HAL_UptimeMs();
    CHECK(HAL_Timer_Start(once.timer, 30) == 0);
    CHECK(HAL_SemaphoreWait(once.sem, 60000) == 0 && once.calls == 1);
    CHECK(HAL_UptimeMs() - before >= 29);
    CHECK(HAL_SemaphoreWait(once.sem, 50) == -1);
    /* Started inside its own function. */
    again.again = 2;
    CHECK(HAL_Timer_Start(again.timer, 1) == 0);
    CHECK(HAL_SemaphoreWait(again.sem, 60000) == 0 && HAL_SemaphoreWait(again.sem, 60000) == 0);
    CHECK(HAL_SemaphoreWait(again.sem, 60000) == 0 && again.calls == 3);
    /* Stopped, and begun again: the new time counts. */
    CHECK(HAL_Timer_Start(never.timer, 60000) == 0 && HAL_Timer_Stop(never.timer) == 0);
    CHECK(HAL_Timer_Start(once.timer, 60000) == 0 && HAL_Timer_Start(once.timer, 1) == 0);
    CHECK(HAL_SemaphoreWait(once.sem, 60000) == 0 && once.calls == 2);
    /* Deleted inside its own function, while it waits, and never started. */
    own.deletes = 1;
    CHECK(HAL_Timer_Start(own.timer, 0) == 0 && HAL_SemaphoreWait(own.sem, 60000) == 0);
    CHECK(HAL_Timer_Start(never.timer, 60000) == 0);
    CHECK(HAL_Timer_Delete(never.timer) == 0 && never.calls == 0);
    CHECK(HAL_Timer_Delete(once.timer) == 0 && HAL_Timer_Delete(again.timer) == 0);
    CHECK(HAL_Timer_Delete(HAL_Timer_Create("idle", ring, NULL)) == 0);
    HAL_SemaphoreDestroy(once.sem);
}

static int format(char *out, int len, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = HAL_Vsnprintf(out, len, fmt, ap);
    va_end(ap);
    return n;
}

static void memory_clock_text(void)
{
    uint64_t began = HAL_UptimeMs();
    unsigned char *zeroed = HAL_Calloc(4, 4);
    char out[8];
    uint32_t first;
    int i;

    CHECK(zeroed != NULL);
    for (i = 0; i < 16; i++) {
        CHECK(zeroed[i] == 0);
    }
    zeroed = HAL_Realloc(zeroed, 32);
    CHECK(zeroed != NULL && zeroed[15] == 0);
    HAL_Free(zeroed);
    HAL_Free(NULL);
    CHECK(HAL_Calloc(UINT32_MAX, 2) == NULL);

    HAL_SleepMs(20);
    CHECK(HAL_UptimeMs() - began >= 20);

    CHECK(HAL_Snprintf(out, sizeof(out), "%d-%s", 7, "abcdefgh") == 10 && strcmp(out, "7-abcde") == 0);
    CHECK(HAL_Snprintf(out, -1, "x") == -1);
    CHECK(format(out, sizeof(out), "%c", 'z') == 1 && strcmp(out, "z") == 0);
    CHECK(format(out, -1, "%c", 'z') == -1);
    HAL_Printf("%s %d\n", "printed", 1);

    CHECK(HAL_Random(0) == 0 && HAL_Random(1) == 0);
    for (i = 0; i < 1000; i++) {
        CHECK(HAL_Random(6) < 6);
    }
    HAL_Srandom(42);
    first = HAL_Random(UINT32_MAX);
    HAL_Srandom(42);
    CHECK(HAL_Random(UINT32_MAX) == first);
    HAL_Srandom(43);
    CHECK(HAL_Random(UINT32_MAX) != first);
}

struct shared {
    void *mutex;
    void *sem;
    int count;
};

static void *work(void *arg)
{
    struct shared *shared = arg;
    int i;

    for (i = 0; i < 10000; i++) {
        HAL_MutexLock(shared->mutex);
        shared->count++;
        HAL_MutexUnlock(shared->mutex);
    }
    HAL_SemaphorePost(shared->sem);
    return NULL;
}

static void threads(void)
{
    /* The detached threads may still be leaving when this function returns: theirs is never destroyed. */
    static struct shared lasting;
    struct shared shared = {HAL_MutexCreate(), HAL_SemaphoreCreate(), 0};
    void *first = NULL, *second = NULL, *third = NULL, *fourth = NULL;
    hal_os_thread_param_t param;
    int used = -1;

    lasting.mutex = HAL_MutexCreate();
    lasting.sem = HAL_SemaphoreCreate();
    CHECK(shared.mutex != NULL && shared.sem != NULL && lasting.mutex != NULL && lasting.sem != NULL);
    CHECK(HAL_SemaphoreWait(shared.sem, 10) == -1);
    CHECK(HAL_SemaphoreWait(NULL, 0) == -1);
    memset(&param, 0, sizeof(param));
    param.stack_size = 4096;
    CHECK(HAL_ThreadCreate(NULL, work, &shared, NULL, NULL) == -1);
    CHECK(HAL_ThreadCreate(&first, work, &shared, &param, &used) == 0 && first != NULL && used == 0);
    CHECK(HAL_ThreadCreate(&second, work, &shared, NULL, NULL) == 0);
    CHECK(HAL_SemaphoreWait(shared.sem, UINT32_MAX) == 0);
    CHECK(HAL_SemaphoreWait(shared.sem, 60000) == 0);
    CHECK(shared.count == 20000);
    HAL_ThreadDelete(first);
    HAL_ThreadDelete(second);

    param.detach_state = 1;
    CHECK(HAL_ThreadCreate(&third, work, &lasting, &param, &used) == 0);
    CHECK(HAL_ThreadCreate(&fourth, work, &lasting, NULL, NULL) == 0);
    HAL_ThreadDetach(fourth);
    HAL_ThreadDetach(NULL);
    CHECK(HAL_SemaphoreWait(lasting.sem, 60000) == 0);
    CHECK(HAL_SemaphoreWait(lasting.sem, 60000) == 0);

    HAL_SemaphoreDestroy(shared.sem);
    HAL_MutexDestroy(shared.mutex);
    HAL_SemaphoreDestroy(NULL);
    HAL_MutexDestroy(NULL);
    HAL_SemaphorePost(NULL);
    HAL_MutexLock(NULL);
    HAL_MutexUnlock(NULL);
}

static void kv(void)
{
    char out[8];
    char huge[400];
    int len = sizeof(out);

    memset(huge, 'k', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    CHECK(HAL_Kv_Get("absent", out, &len) == -1);
    CHECK(HAL_Kv_Set("../up/a:b", "\0one", 4, 1) == 0);
    CHECK(HAL_Kv_Get("../up/a:b", out, &len) == 0 && len == 4 && memcmp(out, "\0one", 4) == 0);
    CHECK(HAL_Kv_Set("../up/a:b", "twice-as-long", 13, 0) == 0);
    len = sizeof(out);
    strcpy(out, "kept");
    CHECK(HAL_Kv_Get("../up/a:b", out, &len) == -1 && len == 13 && strcmp(out, "kept") == 0);
    CHECK(HAL_Kv_Set("../up/a:b", "", 0, 0) == 0);
    len = sizeof(out);
    CHECK(HAL_Kv_Get("../up/a:b", out, &len) == 0 && len == 0);
    CHECK(HAL_Kv_Del("../up/a:b") == 0);
    CHECK(HAL_Kv_Del("../up/a:b") == -1);
    CHECK(HAL_Kv_Get("../up/a:b", out, &len) == -1);
    CHECK(HAL_Kv_Set(NULL, "x", 1, 1) == -1 && HAL_Kv_Set("", "x", 1, 1) == -1);
    CHECK(HAL_Kv_Set(huge, "x", 1, 1) == -1 && HAL_Kv_Set("k", "x", -1, 1) == -1);
    CHECK(HAL_Kv_Set("k", NULL, 1, 1) == -1);
    /* Nothing is left behind, temporary files included. */
    CHECK(rmdir("kv") == 0);
    CHECK(HAL_Kv_Get("k", out, &len) == -1);
}

static void persistence(void)
{
    struct stat info;
    char block[1000];
    FILE *file;

    memset(block, 'f', sizeof(block));
    CHECK(HAL_Firmware_Persistence_Write(block, sizeof(block)) == -1);
    CHECK(HAL_Firmware_Persistence_Stop() == -1);
    /* An image that is not valid replaces nothing: a Write of no bytes says so. */
    {
        FILE *good = fopen("fw.bin", "wb");
        char content[8] = {0};

        CHECK(good != NULL && fputs("good", good) >= 0 && fclose(good) == 0);
        HAL_Firmware_Persistence_Start();
        CHECK(HAL_Firmware_Persistence_Write(block, 1) == 0);
        CHECK(HAL_Firmware_Persistence_Write(block, 0) == 0);
        CHECK(HAL_Firmware_Persistence_Stop() == -1);
        /* Nor is anything written through a link. */
        CHECK(symlink("fw.bin", "fw.bin.part") == 0);
        HAL_Firmware_Persistence_Start();
        CHECK(HAL_Firmware_Persistence_Write(block, 1) == -1 && HAL_Firmware_Persistence_Stop() == -1);
        CHECK(unlink("fw.bin.part") == 0);
        good = fopen("fw.bin", "rb");
        CHECK(good != NULL && fread(content, 1, sizeof(content), good) == 4 && strcmp(content, "good") == 0);
        CHECK(good != NULL && fclose(good) == 0 && unlink("fw.bin") == 0);
    }
    HAL_Firmware_Persistence_Start();
    CHECK(HAL_Firmware_Persistence_Write(block, sizeof(block)) == 0);
    CHECK(stat("fw.bin", &info) != 0);
    HAL_Firmware_Persistence_Start(); /* begins again */
    CHECK(HAL_Firmware_Persistence_Write(block, sizeof(block)) == 0);
    CHECK(HAL_Firmware_Persistence_Write(block, 24) == 0);
    CHECK(HAL_Firmware_Persistence_Stop() == 0);
    CHECK(stat("fw.bin", &info) == 0 && info.st_size == 1024);
    CHECK(stat("fw.bin.part", &info) != 0);
    file = fopen("fw.bin", "rb");
    CHECK(file != NULL && fread(block, 1, sizeof(block), file) == sizeof(block) && block[0] == 'f');
    fclose(file);
    CHECK(HAL_Firmware_Persistence_Stop() == -1);

    /* A write that failed must not replace the good file. */
    HAL_Firmware_Persistence_Start();
    CHECK(HAL_Firmware_Persistence_Write(NULL, 1) == -1);
    CHECK(HAL_Firmware_Persistence_Write(block, 1) == -1);
    CHECK(HAL_Firmware_Persistence_Stop() == -1);
    CHECK(stat("fw.bin", &info) == 0 && info.st_size == 1024);
    CHECK(stat("fw.bin.part", &info) != 0);
    CHECK(unlink("fw.bin") == 0);
}

/* Programs that close what they do not know, and that fork in the middle. */
static void persistence_of_its_process(void)
{
    struct stat info;
    int fd, own = -1, status = 1;
    pid_t child;

    HAL_Firmware_Persistence_Start();
    CHECK(HAL_Firmware_Persistence_Write("a", 1) == 0);
    child = fork();
    if (child == 0) {
        /* Its parent is there, and so is what the parent writes. */
        _exit(HAL_Firmware_Persistence_Write("b", 1) == -1 && HAL_Firmware_Persistence_Stop() == -1 ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(HAL_Firmware_Persistence_Write("c", 1) == 0);
    CHECK(HAL_Firmware_Persistence_Stop() == 0);
    CHECK(stat("fw.bin", &info) == 0 && info.st_size == 2);
    CHECK(unlink("fw.bin") == 0);

    HAL_Firmware_Persistence_Start();
    CHECK(HAL_Firmware_Persistence_Write("a", 1) == 0);
    for (fd = 3; fd < 256; fd++) {
        if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
            own = open("own", O_RDWR | O_CREAT, 0600);
            CHECK(own >= 0 && dup2(own, fd) == fd);
            if (own != fd) {
                close(own);
            }
            own = fd;
        }
    }
    CHECK(own >= 3);
    CHECK(HAL_Firmware_Persistence_Write("b", 1) == -1);
    CHECK(HAL_Firmware_Persistence_Stop() == -1);
    CHECK(fstat(own, &info) == 0 && info.st_size == 0);
    CHECK(close(own) == 0 && unlink("own") == 0 && stat("fw.bin", &info) != 0);
    /* It is the next one's to begin. */
    HAL_Firmware_Persistence_Start();
    CHECK(HAL_Firmware_Persistence_Write("d", 1) == 0 && HAL_Firmware_Persistence_Stop() == 0);
    CHECK(unlink("fw.bin") == 0);
}

int main(void)
{
    char dir[] = "hal-test-XXXXXX";

    CHECK(mkdtemp(dir) != NULL && chdir(dir) == 0);
    CHECK(setenv("OTAKIT_KV_DIR", "kv", 1) == 0 && setenv("OTAKIT_FIRMWARE_FILE", "fw.bin", 1) == 0);
    timers();
    identity();
    memory_clock_text();
    threads();
    kv();
    persistence();
    persistence_of_its_process();
    HAL_Reboot(); /* returns */
    CHECK(chdir("..") == 0 && rmdir(dir) == 0);
    return 0;
}
