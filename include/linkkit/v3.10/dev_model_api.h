/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_model_api.h
 * @brief Generation V3.10: the device model. What differs from v3.0.1 has an own symbol.
 */
#ifndef OTAKIT_LINKKIT_V310_DEV_MODEL_API_H
#define OTAKIT_LINKKIT_V310_DEV_MODEL_API_H

#include "infra_defs.h"

/* One more message; Yield returns something. */
#define IOTX_LINKKIT_MSG_MAX otakit_v301_IOTX_LINKKIT_MSG_MAX
#define IOT_Linkkit_Yield otakit_v301_IOT_Linkkit_Yield
#define IOT_Linkkit_Report otakit_v301_IOT_Linkkit_Report
#include "../dev_model_api.h"
#undef IOTX_LINKKIT_MSG_MAX
#undef IOT_Linkkit_Yield
#undef IOT_Linkkit_Report

#ifdef __cplusplus
extern "C" {
#endif

/** R (JSON array) values of properties and events with their times. */
#define ITM_MSG_POST_HISTORY_DATA ((iotx_linkkit_msg_type_t)16)
#define IOTX_LINKKIT_MSG_MAX ((iotx_linkkit_msg_type_t)17)

#define IOT_Linkkit_Yield otakit_v310_IOT_Linkkit_Yield
/** @brief As in v3.0.1. @return 0; -1: not connected, or timeout_ms is not positive */
int IOT_Linkkit_Yield(int timeout_ms);

#define IOT_Linkkit_Report otakit_v310_IOT_Linkkit_Report
/** @brief As in v3.0.1, with ITM_MSG_POST_HISTORY_DATA. */
int IOT_Linkkit_Report(int devid, iotx_linkkit_msg_type_t msg_type, unsigned char *payload, int payload_len);

/**
 * @brief Answers a service that came with ITE_SERVICE_REQUEST_EXT, once.
 * @param devid         the device
 * @param serviceid     the service's name; not needed, kept for the signature
 * @param serviceid_len its length
 * @param response      JSON; borrowed for the call
 * @param response_len  its length in bytes
 * @param p_service_ctx what the callback was given
 * @return 0; -1: there is no such call, the response is not JSON, or it could not be sent
 */
int IOT_Linkkit_AnswerService(int devid, char *serviceid, int serviceid_len, char *response, int response_len,
                              void *p_service_ctx);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_V310_DEV_MODEL_API_H */
