/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file mqtt_api.h
 * @brief Generation V3.10: the MQTT client. Constants differ from v3.0.1, and the defaults of time-outs and buffers.
 */
#ifndef OTAKIT_LINKKIT_V310_MQTT_API_H
#define OTAKIT_LINKKIT_V310_MQTT_API_H

#include "infra_defs.h"

/* Takes a request_timeout_ms of 1000..10000, else 5000; a buffer size of 0 is 3072. */
#define IOT_MQTT_Construct otakit_v310_IOT_MQTT_Construct
#include "../mqtt_api.h"

#undef CONFIG_MQTT_MESSAGE_MAXLEN
#undef CONFIG_MQTT_OFFLINE_TOPIC_MAXNUM
#undef CONFIG_MQTT_REQUEST_TIMEOUT
#undef CONFIG_MQTT_REQ_TIMEOUT_MIN
#undef CONFIG_MQTT_REQ_TIMEOUT_MAX
#define CONFIG_MQTT_MESSAGE_MAXLEN (3072)
#define CONFIG_MQTT_REQUEST_TIMEOUT (5000)
#define CONFIG_MQTT_REQ_TIMEOUT_MIN (1000)
#define CONFIG_MQTT_REQ_TIMEOUT_MAX (10000)

#endif /* OTAKIT_LINKKIT_V310_MQTT_API_H */
