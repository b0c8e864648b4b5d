/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_import_ota.h
 * @brief Generation V2.3: the header one level up.
 */
#ifndef OTAKIT_LINKKIT_V23_IMPORTS_IOT_IMPORT_OTA_H
#define OTAKIT_LINKKIT_V23_IMPORTS_IOT_IMPORT_OTA_H

#include "../iot_import_ota.h"

#endif /* OTAKIT_LINKKIT_V23_IMPORTS_IOT_IMPORT_OTA_H */
