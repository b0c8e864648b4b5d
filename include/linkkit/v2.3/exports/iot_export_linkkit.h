/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_export_linkkit.h
 * @brief Generation V2.3: the header one level up.
 */
#ifndef OTAKIT_LINKKIT_V23_EXPORTS_IOT_EXPORT_LINKKIT_H
#define OTAKIT_LINKKIT_V23_EXPORTS_IOT_EXPORT_LINKKIT_H

#include "../iot_export_linkkit.h"

#endif /* OTAKIT_LINKKIT_V23_EXPORTS_IOT_EXPORT_LINKKIT_H */
