/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file iot_import_product.h
 * @brief Generation V2.3: the header one level up.
 */
#ifndef OTAKIT_LINKKIT_V23_IMPORTS_IOT_IMPORT_PRODUCT_H
#define OTAKIT_LINKKIT_V23_IMPORTS_IOT_IMPORT_PRODUCT_H

#include "../iot_import_product.h"

#endif /* OTAKIT_LINKKIT_V23_IMPORTS_IOT_IMPORT_PRODUCT_H */
