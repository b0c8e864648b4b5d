/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file mqtt_api.h
 * @brief Generation V3.10, the include layout of AliOS Things: mqtt_api.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_MQTT_API_H
#define OTAKIT_LINKKIT_V310_LINKKIT_MQTT_API_H

#include "../mqtt_api.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_MQTT_API_H */
