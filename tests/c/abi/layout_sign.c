/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* dev_sign_api.h. Apart from the others because it brings <stdio.h> and <string.h>, as programs expect. */
#include "dev_sign_api.h"

#include "dynreg_api.h"

#include "abi_check.h"

ABI_FUNCTION(IOT_Sign_MQTT, int32_t (*)(iotx_mqtt_region_types_t, iotx_dev_meta_info_t *, iotx_sign_mqtt_t *));
ABI_FUNCTION(IOT_Dynamic_Register, int32_t (*)(iotx_http_region_types_t, iotx_dev_meta_info_t *));
