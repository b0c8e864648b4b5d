/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_import_tcp.h
 * @brief Generation V2.3: the header one level up.
 */
#ifndef OTAKIT_LINKKIT_V23_IMPORTS_IOT_IMPORT_TCP_H
#define OTAKIT_LINKKIT_V23_IMPORTS_IOT_IMPORT_TCP_H

#include "../iot_import_tcp.h"

#endif /* OTAKIT_LINKKIT_V23_IMPORTS_IOT_IMPORT_TCP_H */
