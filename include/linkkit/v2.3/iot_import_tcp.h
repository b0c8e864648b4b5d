/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_import_tcp.h
 * @brief Generation V2.3: connections, as in v3.0.1.
 */
#ifndef OTAKIT_LINKKIT_V23_IOT_IMPORT_TCP_H
#define OTAKIT_LINKKIT_V23_IOT_IMPORT_TCP_H

#include "../wrappers_tcp.h"

#endif /* OTAKIT_LINKKIT_V23_IOT_IMPORT_TCP_H */
