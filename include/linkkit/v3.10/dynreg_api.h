/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file dynreg_api.h
 * @brief Generation V3.10: as in v3.0.1; a program that defines MQTT_DYNAMIC_REGISTER, as the SDK's build did, registers over MQTT.
 */
#ifndef OTAKIT_LINKKIT_V310_DYNREG_API_H
#define OTAKIT_LINKKIT_V310_DYNREG_API_H

#include "infra_defs.h"

#ifdef MQTT_DYNAMIC_REGISTER
#define IOT_Dynamic_Register otakit_v310_IOT_Dynamic_Register
#endif
#include "../dynreg_api.h"

#endif /* OTAKIT_LINKKIT_V310_DYNREG_API_H */
