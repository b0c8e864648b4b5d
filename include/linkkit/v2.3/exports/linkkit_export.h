/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file linkkit_export.h
 * @brief Generation V2.3: the header of all generations.
 */
#ifndef OTAKIT_LINKKIT_V23_EXPORTS_LINKKIT_EXPORT_H
#define OTAKIT_LINKKIT_V23_EXPORTS_LINKKIT_EXPORT_H

#include "../../linkkit_export.h"

#endif /* OTAKIT_LINKKIT_V23_EXPORTS_LINKKIT_EXPORT_H */
