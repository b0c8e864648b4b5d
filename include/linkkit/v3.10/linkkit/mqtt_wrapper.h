/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file mqtt_wrapper.h
 * @brief Generation V3.10, the include layout of AliOS Things: mqtt_wrapper.h.
 */
#ifndef OTAKIT_LINKKIT_V310_LINKKIT_MQTT_WRAPPER_H
#define OTAKIT_LINKKIT_V310_LINKKIT_MQTT_WRAPPER_H

#include "../mqtt_wrapper.h"

#endif /* OTAKIT_LINKKIT_V310_LINKKIT_MQTT_WRAPPER_H */
