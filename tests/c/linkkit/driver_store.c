/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The driver's own store for the device model's downloads: HAL_Firmware_Persistence_*, which count, keep, rest or fail as
 * the commands say.
 */
#include "driver.h"
#include "driver_model.h"

#include <string.h>

#include "otakit.h"
#include "wrappers.h"

static struct {
    int starts, writes, stops;
    unsigned long bytes;
    unsigned int first, last;
    int fail_at; /* this write fails; 0: none */
    int fail_stop;
    unsigned long pace_bytes; /* > 0: a pause of pace_ms each time that so many more bytes are there */
    int pace_ms;
    FILE *file;
    char order[64];
} store;

static void step(char what)
{
    size_t n = strlen(store.order);

    if (n + 1 < sizeof(store.order) && (n == 0 || store.order[n - 1] != what)) {
        store.order[n] = what;
        store.order[n + 1] = '\0';
    }
}

void HAL_Firmware_Persistence_Start(void)
{
    store.starts++;
    step('S');
}

int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length)
{
    store.writes++;
    step('W');
    if (store.writes == store.fail_at) {
        return -1;
    }
    store.first = store.first == 0 ? length : store.first;
    store.last = length;
    if (store.pace_bytes > 0 && store.bytes / store.pace_bytes != (store.bytes + length) / store.pace_bytes) {
        rest(store.pace_ms);
    }
    store.bytes += length;
    if (store.file != NULL && fwrite(buffer, 1, length, store.file) != length) {
        return -1;
    }
    return 0;
}

int HAL_Firmware_Persistence_Stop(void)
{
    store.stops++;
    step('E');
    if (store.file != NULL) {
        fflush(store.file);
    }
    return store.fail_stop ? -1 : 0;
}

/* lk-store FILE FAIL-AT-WRITE FAIL-STOP: forgets what was counted. */
static void lk_store(const command_t *c)
{
    double started = now_ms();

    if (store.file != NULL) {
        fclose(store.file);
    }
    memset(&store, 0, sizeof(store));
    store.file = c->word[1] == NULL ? NULL : fopen(c->word[1], "wb");
    store.fail_at = (int)number(c->word[2]);
    store.fail_stop = (int)number(c->word[3]);
    answer("lk-store");
    finish(started);
}

static void lk_stored(const command_t *c)
{
    double started = now_ms();

    (void)c;
    answer("lk-stored starts=%d writes=%d stops=%d bytes=%lu first=%u last=%u", store.starts, store.writes, store.stops,
           store.bytes, store.first, store.last);
    answer_text("text", store.order);
    finish(started);
}

/* lk-pace BYTES MS: the store rests each time that so many more bytes have come. */
static void lk_pace(const command_t *c)
{
    double started = now_ms();

    store.pace_bytes = (unsigned long)number(c->word[1]);
    store.pace_ms = (int)number(c->word[2]);
    answer("lk-pace");
    finish(started);
}

static int own_fails; /* 1 start, 2 write, 3 stop */

static int own_start(void *user, uint64_t size)
{
    (void)user;
    note("own_start|%lu", (unsigned long)size);
    return own_fails == 1 ? -1 : 0;
}

static int own_write(void *user, char *buffer, uint32_t length)
{
    (void)user;
    (void)buffer;
    store.bytes += length;
    return own_fails == 2 ? -1 : 0;
}

static int own_stop(void *user, int valid)
{
    (void)user;
    note("own_stop|%d", valid);
    return own_fails == 3 ? -1 : 0;
}

/* lk-own-store DEVID WHICH: a store of the device's own, of which the given call fails; -1: back to the HAL's. */
static void lk_own_store(const command_t *c)
{
    otakit_linkkit_store_t own;
    double started = now_ms();
    int devid = (int)number(c->word[1]), which = (int)number(c->word[2]);

    memset(&own, 0, sizeof(own));
    own.start = own_start;
    own.write = own_write;
    own.stop = which == 4 ? NULL : own_stop;
    own_fails = which;
    answer("lk-own-store ret=%d", otakit_linkkit_set_store(devid, which < 0 ? NULL : &own));
    finish(started);
}

const entry_t store_commands[] = {
    {"lk-store", 4, lk_store},
    {"lk-stored", 1, lk_stored},
    {"lk-pace", 3, lk_pace},
    {"lk-own-store", 3, lk_own_store},
    {NULL, 0, NULL},
};

void store_cleanup(void)
{
    if (store.file != NULL) {
        fclose(store.file);
    }
}
