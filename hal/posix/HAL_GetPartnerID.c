/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A partner's id is given by the platform to a vendor; without one: an empty string and 0. */
#include "hal_posix.h"

int HAL_GetPartnerID(char *partner_id)
{
    if (partner_id == NULL) {
        return -1;
    }
    partner_id[0] = '\0';
    return 0;
}
