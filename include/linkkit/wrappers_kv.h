/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_kv.h
 * @brief Porting layer: small values that outlive a restart. The general rules are in wrappers.h.
 */
#ifndef OTAKIT_LINKKIT_WRAPPERS_KV_H
#define OTAKIT_LINKKIT_WRAPPERS_KV_H

#include "infra_types.h"
#include "infra_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Stores a value; replaces an older one whole or, after a power failure, not at all.
 * @param key  its name
 * @param val  the bytes; copied
 * @param len  how many, 1 or more
 * @param sync not 0: it is on the medium when the function returns
 * @return 0; not 0 if it could not be stored
 */
int HAL_Kv_Set(const char *key, const void *val, int len, int sync);

/**
 * @brief Reads a value.
 * @param key        its name
 * @param val        receives the bytes
 * @param buffer_len in: room in val, in bytes; out: length of the value
 * @return 0; not 0 if there is none, or it does not fit
 */
int HAL_Kv_Get(const char *key, void *val, int *buffer_len);

/**
 * @brief Deletes a value.
 * @param key its name
 * @return 0; not 0 if it could not be deleted
 */
int HAL_Kv_Del(const char *key);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_WRAPPERS_KV_H */
