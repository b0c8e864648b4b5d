/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_import_ota.h
 * @brief Generation V2.3: where the firmware keeps a new image, as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V23_IOT_IMPORT_OTA_H
#define OTAKIT_LINKKIT_V23_IOT_IMPORT_OTA_H

#include "../wrappers_ota.h"

#endif /* OTAKIT_LINKKIT_V23_IOT_IMPORT_OTA_H */
