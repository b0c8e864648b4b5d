/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The driver's commands of the v3.0.1 generation alone.
 */
#include "driver.h"

#include <string.h>

static void lk_activation(const command_t *c)
{
    unsigned char version[4] = {3, 0, 1, 0}, random[4] = {0xAB, 0, 1, 0xFF}, mac[8] = {1, 2, 3, 4, 5, 6, 0, 2};
    unsigned char chip[4] = {1, 2, 3, 4}, out[AOS_ACTIVE_INFO_LEN];
    double started = now_ms();
    unsigned int ret;

    memset(out, 0, sizeof(out));
    ret = aos_get_version_info(version, random, mac, chip, out, (unsigned int)number(c->word[1]));
    answer("lk-activation ret=%u", ret);
    answer_text("text", (const char *)out);
    finish(started);
}

const entry_t generation_commands[] = {
    {"lk-activation", 2, lk_activation},
    {NULL, 0, NULL},
};
