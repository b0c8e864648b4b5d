/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dev_reset_api.h
 * @brief A device that changes hands: asks the platform to forget whom it belongs to.
 */
#ifndef OTAKIT_LINKKIT_DEV_RESET_API_H
#define OTAKIT_LINKKIT_DEV_RESET_API_H

#include "infra_types.h"
#include "infra_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The event that a callback reports. */
typedef enum {
    IOTX_DEVRST_EVT_RECEIVED = 0 /**< the answer came; `msg` points to an iotx_devrst_evt_recv_msg_t */
} iotx_devrst_evt_type_t;

/** The platform's answer; valid during the callback. */
typedef struct {
    int msgid;            /**< packet id of the answer: 0, as IOT_DevReset_Report returned */
    char *payload;        /**< JSON; a NUL follows it */
    uint32_t payload_len; /**< bytes, without that NUL */
} iotx_devrst_evt_recv_msg_t;

/** Hears the answer, inside a yield. */
typedef void (*iotx_devrst_evt_handle_t)(iotx_devrst_evt_type_t evt, void *msg);

/**
 * @brief Asks the platform to undo a device's bindings to users and its place in gateways' topologies.
 *
 * Needs a connected MQTT client: the process's own, also that of the device model. Waits for the subscription to the
 * answer, up to 5 s, the first time for a device.
 *
 * @param meta_info product_key and device_name are read
 * @param handle    called with the answer; one for the process, the last one given counts
 * @param extended  not used
 *
 * @retval 0           sent
 * @retval FAIL_RETURN an argument is not valid, there is no connection, or it could not be sent
 */
int IOT_DevReset_Report(iotx_dev_meta_info_t *meta_info, iotx_devrst_evt_handle_t handle, void *extended);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_DEV_RESET_API_H */
