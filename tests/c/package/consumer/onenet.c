/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A OneNET program built from the installed package: its headers are OneNET's, though Link Kit's have the same names.
 */
#include <string.h>

#include "dev_token.h"
#include "err_def.h"
#include "onenet_ota.h"
#include "ota_api.h"

int main(void)
{
    uint8_t token[256];
    struct ota_task_info_t info;

    return dev_token_generate(token, SIG_METHOD_SHA1, 1, (const uint8_t *)"p", NULL, (const uint8_t *)"Zm9v") == 0 &&
                   strstr((const char *)token, "res=products%2Fp") != NULL &&
                   ota_check_task(&info, 10) == ERR_UNINITIALIZED && onenet_last_errno() == 0
               ? 0
               : 1;
}
