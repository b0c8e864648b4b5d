/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* dev_reset_api.h and dynreg_api.h. */
#include "dev_reset_api.h"
#include "dynreg_api.h"

#include "abi_check.h"

ABI_SIZE(iotx_devrst_evt_type_t, 4, 4);
ABI_VALUE(IOTX_DEVRST_EVT_RECEIVED, 0);

ABI_SIZE(iotx_devrst_evt_recv_msg_t, 24, 12);
ABI_MEMBER(iotx_devrst_evt_recv_msg_t, msgid, 0, 4, 0, 4);
ABI_MEMBER(iotx_devrst_evt_recv_msg_t, payload, 8, 8, 4, 4);
ABI_MEMBER(iotx_devrst_evt_recv_msg_t, payload_len, 16, 4, 8, 4);

ABI_FUNCTION(IOT_DevReset_Report, int (*)(iotx_dev_meta_info_t *, void (*)(iotx_devrst_evt_type_t, void *), void *));
ABI_FUNCTION(IOT_Dynamic_Register, int32_t (*)(iotx_http_region_types_t, iotx_dev_meta_info_t *));
