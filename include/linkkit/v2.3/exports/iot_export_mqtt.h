/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_export_mqtt.h
 * @brief Generation V2.3: the header one level up.
 */
#ifndef OTAKIT_LINKKIT_V23_EXPORTS_IOT_EXPORT_MQTT_H
#define OTAKIT_LINKKIT_V23_EXPORTS_IOT_EXPORT_MQTT_H

#include "../iot_export_mqtt.h"

#endif /* OTAKIT_LINKKIT_V23_EXPORTS_IOT_EXPORT_MQTT_H */
