/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_list.h
 * @brief The include layout of AliOS Things, with the folder above on the include path: infra_list.h.
 */
#ifndef OTAKIT_LINKKIT_INFRA_INFRA_LIST_H
#define OTAKIT_LINKKIT_INFRA_INFRA_LIST_H

#include "../infra_list.h"

#endif /* OTAKIT_LINKKIT_INFRA_INFRA_LIST_H */
