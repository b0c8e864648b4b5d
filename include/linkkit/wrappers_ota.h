/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file wrappers_ota.h
 * @brief Porting layer: where the device model writes a firmware that it downloads. General rules in wrappers.h.
 *
 * Called by one thread, the one that runs IOT_Linkkit_Query(ITM_MSG_QUERY_FOTA_DATA) or ..._COTA_DATA: Start once,
 * Write for each piece in order, Stop once. They may block as long as the flash does. The IOT_OTA_* functions do not
 * call them; there the program writes what IOT_OTA_FetchYield hands out.
 */
#ifndef OTAKIT_LINKKIT_WRAPPERS_OTA_H
#define OTAKIT_LINKKIT_WRAPPERS_OTA_H

#include "infra_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Prepares the place of the new firmware; what was written to it before is void. */
void HAL_Firmware_Persistence_Start(void);

/**
 * @brief Writes the next piece.
 * @param buffer the bytes; borrowed for the call, never NULL
 * @param length how many. 0: what was written is not valid (the download failed, was cancelled, or has another digest);
 *        Stop follows, and what is returned does not count. A store that does not care has nothing to write
 * @return 0; negative if they could not be written, which ends the update
 */
int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length);

/**
 * @brief Ends the writing, after success and after failure. Whether the firmware is valid is the update's verdict, not
 *        this call's: do not boot it because this was called.
 * @return 0; negative on error
 */
int HAL_Firmware_Persistence_Stop(void);

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_WRAPPERS_OTA_H */
