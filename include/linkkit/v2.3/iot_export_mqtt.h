/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_export_mqtt.h
 * @brief Generation V2.3: the MQTT client.
 */
#ifndef OTAKIT_LINKKIT_V23_IOT_EXPORT_MQTT_H
#define OTAKIT_LINKKIT_V23_IOT_EXPORT_MQTT_H

#include <stddef.h>
#include <stdint.h>

/* The parameters have another layout in this generation. */
#define iotx_mqtt_param_t otakit_v301_mqtt_param_t
#define iotx_mqtt_param_pt otakit_v301_mqtt_param_pt
#define IOT_MQTT_Construct otakit_v301_IOT_MQTT_Construct
#include "../mqtt_api.h"
#undef iotx_mqtt_param_t
#undef iotx_mqtt_param_pt
#undef IOT_MQTT_Construct

#ifdef __cplusplus
extern "C" {
#endif

/** How to connect; see the v3.0.1 header. */
typedef struct {
    uint16_t port;
    const char *host;
    const char *client_id;
    const char *username;
    const char *password;
    const char *pub_key;
    uint8_t clean_session;
    uint32_t request_timeout_ms;
    uint32_t keepalive_interval_ms;
    uint32_t write_buf_size;
    uint32_t read_buf_size;
    iotx_mqtt_event_handle_t handle_event;
} iotx_mqtt_param_t, *iotx_mqtt_param_pt;

#define IOT_MQTT_Construct otakit_v23_IOT_MQTT_Construct
/** @brief Makes a client and connects it; see the v3.0.1 header. */
void *IOT_MQTT_Construct(iotx_mqtt_param_t *pInitParams);

/**
 * @brief Sends a line to the platform's log service.
 * @param pclient the client, or NULL for the process's
 * @param level   level, module and msg: NUL-terminated
 * @return 0 or more when sent; -1 when not
 */
int IOT_MQTT_LogPost(void *pclient, const char *level, const char *module, const char *msg);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_V23_IOT_EXPORT_MQTT_H */
