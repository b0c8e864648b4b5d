/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every public header of include/linkkit, together. */
#ifndef OTAKIT_TESTS_ALL_HEADERS_H
#define OTAKIT_TESTS_ALL_HEADERS_H

#include "dev_model_api.h"
#include "dev_reset_api.h"
#include "dev_sign_api.h"
#include "dev_sign_internal.h"
#include "dev_sign_wrapper.h"
#include "dm_wrapper.h"
#include "dynreg_api.h"
#include "infra_compat.h"
#include "infra_config.h"
#include "infra_defs.h"
#include "infra_errno.h"
#include "infra_list.h"
#include "infra_log.h"
#include "infra_mem_stats.h"
#include "infra_types.h"
#include "iotx_log.h"
#include "iotx_ota.h"
#include "iotx_ota_internal.h"
#include "linkkit_export.h"
#include "linkkit_gateway_export.h"
#include "mqtt_api.h"
#include "mqtt_wrapper.h"
#include "ota_api.h"
#include "ota_wrapper.h"
#include "wrappers.h"
#include "wrappers_defs.h"
#include "wrappers_kv.h"
#include "wrappers_os.h"
#include "wrappers_ota.h"
#include "wrappers_product.h"
#include "wrappers_tcp.h"
#include "wrappers_tls.h"

#endif /* OTAKIT_TESTS_ALL_HEADERS_H */
