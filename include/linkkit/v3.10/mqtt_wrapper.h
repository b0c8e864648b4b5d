/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file mqtt_wrapper.h
 * @brief Generation V3.10: HAL functions that the MQTT client uses.
 */
#ifndef OTAKIT_LINKKIT_V310_MQTT_WRAPPER_H
#define OTAKIT_LINKKIT_V310_MQTT_WRAPPER_H

#include "wrappers.h"
#include "mqtt_api.h"

#endif /* OTAKIT_LINKKIT_V310_MQTT_WRAPPER_H */
