/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ota_api.h and the hooks of a device-model layer. */
#include "iotx_ota.h"
#include "iotx_ota_internal.h"
#include "ota_api.h"

#include "abi_check.h"

/* Macros. */
ABI_VALUE(OTA_CH_SIGNAL_MQTT, (0));
ABI_VALUE(OTA_CH_SIGNAL_COAP, (1));
ABI_VALUE(OTA_CH_FETCH_HTTP, (1));

ABI_SIZE(IOT_OTA_Err_t, 4, 4);
ABI_VALUE(IOT_OTAE_GENERAL, -1);
ABI_VALUE(IOT_OTAE_INVALID_PARAM, -2);
ABI_VALUE(IOT_OTAE_INVALID_STATE, -3);
ABI_VALUE(IOT_OTAE_STR_TOO_LONG, -4);
ABI_VALUE(IOT_OTAE_FETCH_FAILED, -5);
ABI_VALUE(IOT_OTAE_NOMEM, -6);
ABI_VALUE(IOT_OTAE_OSC_FAILED, -7);
ABI_VALUE(IOT_OTAE_NONE, 0);

ABI_SIZE(IOT_OTA_State_t, 4, 4);
ABI_VALUE(IOT_OTAS_UNINITED, 0);
ABI_VALUE(IOT_OTAS_INITED, 1);
ABI_VALUE(IOT_OTAS_FETCHING, 2);
ABI_VALUE(IOT_OTAS_FETCHED, 3);

ABI_SIZE(IOT_OTA_Type_t, 4, 4);
ABI_VALUE(IOT_OTAT_NONE, 0);
ABI_VALUE(IOT_OTAT_COTA, 1);
ABI_VALUE(IOT_OTAT_FOTA, 2);

ABI_SIZE(IOT_OTA_Progress_t, 4, 4);
ABI_VALUE(IOT_OTAP_BURN_FAILED, -4);
ABI_VALUE(IOT_OTAP_CHECK_FALIED, -3);
ABI_VALUE(IOT_OTAP_FETCH_FAILED, -2);
ABI_VALUE(IOT_OTAP_GENERAL_FAILED, -1);
ABI_VALUE(IOT_OTAP_FETCH_PERCENTAGE_MIN, 0);
ABI_VALUE(IOT_OTAP_FETCH_PERCENTAGE_MAX, 100);

ABI_SIZE(IOT_OTA_CmdType_t, 4, 4);
ABI_VALUE(IOT_OTAG_COTA_CONFIG_ID, 0);
ABI_VALUE(IOT_OTAG_COTA_CONFIG_SIZE, 1);
ABI_VALUE(IOT_OTAG_COTA_SIGN, 2);
ABI_VALUE(IOT_OTAG_COTA_SIGN_METHOD, 3);
ABI_VALUE(IOT_OTAG_COTA_URL, 4);
ABI_VALUE(IOT_OTAG_COTA_GETTYPE, 5);
ABI_VALUE(IOT_OTAG_OTA_TYPE, 6);
ABI_VALUE(IOT_OTAG_FETCHED_SIZE, 7);
ABI_VALUE(IOT_OTAG_FILE_SIZE, 8);
ABI_VALUE(IOT_OTAG_MD5SUM, 9);
ABI_VALUE(IOT_OTAG_VERSION, 10);
ABI_VALUE(IOT_OTAG_CHECK_FIRMWARE, 11);
ABI_VALUE(IOT_OTAG_CHECK_CONFIG, 12);
ABI_VALUE(IOT_OTAG_RESET_FETCHED_SIZE, 13);

/* Prototypes. */
ABI_FUNCTION(IOT_OTA_Init, void *(*)(const char *, const char *, void *));
ABI_FUNCTION(IOT_OTA_Deinit, int (*)(void *));
ABI_FUNCTION(IOT_OTA_ReportVersion, int (*)(void *, const char *));
ABI_FUNCTION(IOT_OTA_ReportProgress, int (*)(void *, IOT_OTA_Progress_t, const char *));
ABI_FUNCTION(IOT_OTA_IsFetching, int (*)(void *));
ABI_FUNCTION(IOT_OTA_IsFetchFinish, int (*)(void *));
ABI_FUNCTION(IOT_OTA_FetchYield, int (*)(void *, char *, uint32_t, uint32_t));
ABI_FUNCTION(IOT_OTA_Ioctl, int (*)(void *, IOT_OTA_CmdType_t, void *, int));
ABI_FUNCTION(IOT_OTA_GetLastError, int (*)(void *));

/* Hooks. */
ABI_FUNCTION(iotx_req_image, int (*)(void *, const char *));
ABI_FUNCTION(iotx_ota_get_config, int (*)(void *, const char *, const char *, const char *));
ABI_FUNCTION(iotx_ota_set_fetch_callback, int (*)(void *, void (*)(void *, int, uint32_t, char *,
             char *), void *));
ABI_FUNCTION(iotx_ota_set_cota_fetch_callback,
             int (*)(void *, void (*)(void *, int, char *,
             uint32_t, char *, char *, char *, char *), void *));
