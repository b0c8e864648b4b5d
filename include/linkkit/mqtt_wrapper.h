/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file mqtt_wrapper.h
 * @brief HAL functions that the MQTT part uses. The functions are described in the headers below.
 */
#ifndef OTAKIT_LINKKIT_MQTT_WRAPPER_H
#define OTAKIT_LINKKIT_MQTT_WRAPPER_H

#include "infra_types.h"
#include "infra_defs.h"
#include "wrappers_defs.h"
#include "wrappers_os.h"
#include "wrappers_product.h"
#include "mqtt_api.h"

#endif /* OTAKIT_LINKKIT_MQTT_WRAPPER_H */
