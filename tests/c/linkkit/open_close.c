/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Opens and closes the device model again and again: the heap must be as large at the end as it was at the beginning.
 *
 *   open_close PK DN DS ROUNDS CONNECTIONS
 *
 * ROUNDS rounds without the network, with a sub-device each, then CONNECTIONS rounds with a connection. Exit code 0 when
 * the heap stayed flat.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "dev_model_api.h"
#include "infra_compat.h"
#include "../text.h"

static iotx_linkkit_dev_meta_info_t identity;

static int on_fota(const int type, const char *version)
{
    (void)version;
    return type;
}

static void identify(iotx_linkkit_dev_meta_info_t *meta, const char *pk, const char *dn, const char *ds)
{
    memset(meta, 0, sizeof(*meta));
    text_fill(meta->product_key, pk, sizeof(meta->product_key) - 1);
    text_fill(meta->device_name, dn, sizeof(meta->device_name) - 1);
    text_fill(meta->device_secret, ds, sizeof(meta->device_secret) - 1);
}

static void round_offline(void)
{
    iotx_linkkit_dev_meta_info_t sub;

    identify(&sub, "a1SubProduct", "sub", "");
    CHECK_EQ(IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_MASTER, &identity), 0);
    CHECK_EQ(IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_SLAVE, &sub), 1);
    CHECK_EQ(IOT_Linkkit_Close(0), 0);
}

static void round_connected(void)
{
    CHECK_EQ(IOT_Linkkit_Open(IOTX_LINKKIT_DEV_TYPE_MASTER, &identity), 0);
    CHECK_EQ(IOT_Linkkit_Connect(0), 0);
    CHECK_EQ(IOT_Linkkit_Report(0, ITM_MSG_POST_PROPERTY, (unsigned char *)"{}", 2) > 0, 1);
    IOT_Linkkit_Yield(1);
    CHECK_EQ(IOT_Linkkit_Close(0), 0);
}

/* Bytes by which the heap's low-water mark grew from the second fifth of the rounds to the last one. What allocators keep
 * at hand comes and goes from round to round; what is lost stays. */
static long growth(void (*round)(void), int rounds)
{
    size_t low[2] = {(size_t)-1, (size_t)-1};
    int fifth = rounds / 5, i;

    for (i = 0; i < rounds; i++) {
        size_t used;

        round();
        used = mallinfo2().uordblks;
        if (i >= fifth && i < 2 * fifth && used < low[0]) {
            low[0] = used;
        }
        if (i >= 4 * fifth && used < low[1]) {
            low[1] = used;
        }
    }
    return (long)low[1] - (long)low[0];
}

int main(int argc, char **argv)
{
    long offline, connected;

    if (argc != 6) {
        return 2;
    }
    /* One arena, so that what threads allocate is counted. */
    mallopt(M_ARENA_MAX, 1);
    IOT_SetLogLevel(IOT_LOG_ERROR);
    IOT_RegisterCallback(ITE_FOTA, on_fota);
    identify(&identity, argv[1], argv[2], argv[3]);
    offline = growth(round_offline, atoi(argv[4]));
    connected = growth(round_connected, atoi(argv[5]));
    printf("growth %ld bytes without, %ld bytes with a connection\n", offline, connected);
    CHECK_EQ(offline > 1024, 0);
    CHECK_EQ(connected > 4096, 0);
    return checks_done("open_close");
}
