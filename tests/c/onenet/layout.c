/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Values and layouts of OneNET's C API, and of what this library adds to it; compiled once for each variant. */
#include <stddef.h>

#include "dev_token.h"
#include "err_def.h"
#include "onenet_ota.h"
#include "ota_api.h"

#define SAME(name, value) _Static_assert((name) == (value), #name)
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member)

SIZE(boolean, 1);
SIZE(enum ota_state_t, 4);
SIZE(enum sig_method_e, 4);

AT(struct ota_task_info_t, target, 0);
AT(struct ota_task_info_t, md5, 32);
AT(struct ota_task_info_t, size, 68);
#ifdef CONFIG_TM
AT(struct ota_task_info_t, tid, 72);
AT(struct ota_task_info_t, type, 76);
SIZE(struct ota_task_info_t, 80);
#else
AT(struct ota_task_info_t, token, 72);
AT(struct ota_task_info_t, ip, 104);
AT(struct ota_task_info_t, interval, 136);
AT(struct ota_task_info_t, retry, 140);
AT(struct ota_task_info_t, signal, 142);
AT(struct ota_task_info_t, power, 143);
AT(struct ota_task_info_t, type, 144);
SIZE(struct ota_task_info_t, 148);
#endif

/* As src/bindings/onenet/update.rs has them. */
AT(struct onenet_run_t, path, 24 - 4 * (sizeof(void *) == 4));
AT(struct onenet_run_t, user, 24 - 4 * (sizeof(void *) == 4) + 6 * sizeof(void *));
AT(struct onenet_result_t, size, 64);
AT(struct onenet_result_t, resumed_at, 72);
AT(struct onenet_result_t, status_code, 80);

SAME(OTA_EVT_POST_VERSION, 0);
SAME(OTA_EVT_CHECK_TASK, 1);
SAME(OTA_EVT_CHECK_TOKEN, 2);
SAME(OTA_EVT_DOWNLOAD_PACKAGE, 3);
SAME(OTA_EVT_REPORT_STATUS, 4);
SAME(SIG_METHOD_MD5, 0);
SAME(SIG_METHOD_SHA1, 1);
SAME(SIG_METHOD_SHA256, 2);

SAME(ERR_OK, 0);
SAME(ERR_NO_MEM, -1);
SAME(ERR_INVALID_PARAM, -2);
SAME(ERR_INVALID_DATA, -3);
SAME(ERR_RESOURCE_BUSY, -4);
SAME(ERR_UNINITIALIZED, -5);
SAME(ERR_INITIALIZING, -6);
SAME(ERR_REPETITIVE, -7);
SAME(ERR_IO, -8);
SAME(ERR_NOT_SUPPORT, -9);
SAME(ERR_SYSTEM_CONTROL, -10);
SAME(ERR_NETWORK, -11);
SAME(ERR_CLOUD, -12);
SAME(ERR_TIMEOUT, -13);
SAME(ERR_REQUEST_FAILED, -14);
SAME(ERR_OVERFLOW, -15);
SAME(ERR_OTHERS, -16);

SAME(OTA_ERR_OK, 0);
SAME(OTA_CHECK_NO_DEVICE, 1);
SAME(OTA_CHECK_PARAMS_ERROR, 2);
SAME(OTA_CHECK_TOKEN_DISCORD, 4);
SAME(OTA_CHECK_INTERNAL_ERROR, 7);
SAME(OTA_CHECK_MANUL_MODEL_DISCORD, 8);
SAME(OTA_CHECK_VERSION_DISCORD, 9);
SAME(OTA_CHECK_NO_TASK, 11);
SAME(OTA_CHECK_TOKEN_EXPIRED, 12);
SAME(OTA_CHECK_INVALID_TASK_STATE, 17);
SAME(OTA_CHECK_TASK_TERMINATE, 20);
SAME(OTA_CHECK_INVALID_OPERATION, 21);
SAME(OTA_CHECK_TASK_CANCELED, 22);
SAME(OTA_CHECK_VERSION_FORMAT_ERROR, 27);
SAME(OTA_DOWNLOAD_NO_SOURCE, 1);
SAME(OTA_DOWNLOAD_FILE_SIZE_DISCORD, 2);
SAME(OTA_DOWNLOAD_INVALID_TOKEN, 3);
SAME(OTA_DOWNLOAD_SUCCESS, 101);
SAME(OTA_DOWNLOAD_NO_MEMORY, 102);
SAME(OTA_DOWNLOAD_OUT_OF_MEMORY, 103);
SAME(OTA_DOWNLOAD_REQUEST_TIMEOUT, 104);
SAME(OTA_DOWNLOAD_LOW_POWER, 105);
SAME(OTA_DOWNLOAD_BAD_SIGNAL, 106);
SAME(OTA_DOWNLOAD_UNKNOWN_ERROR, 107);
SAME(OTA_UPGRADE_SUCCESS, 201);
SAME(OTA_UPGRADE_LOW_POWER, 202);
SAME(OTA_UPGRADE_OUT_OF_MEMORY, 203);
SAME(OTA_UPGRADE_VERSION_DISCORD, 204);
SAME(OTA_UPGRADE_MD5_ERROR, 205);
SAME(OTA_UPGRADE_UNKNOWN_ERROR, 206);
SAME(OTA_UPGRADE_OVER_RETRY, 207);
SAME(OTA_UPGRADE_EXPIRED, 208);

typedef int onenet_layout_is_not_empty;
