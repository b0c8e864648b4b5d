/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_config.h
 * @brief Feature switches that programs written for Link Kit test with #ifdef.
 *
 * They only tell a program what the library behind these headers has. Nothing here depends on a platform,
 * and changing a value does not change the library. Each may be set on the compiler's command line instead.
 *
 * Left undefined on purpose:
 *  - SUPPORT_TLS: TLS is decided per connection at run time, not by a macro.
 *  - INFRA_MEM_STATS: if a program defines it, infra_compat.h brings the LITE_* macros of infra_mem_stats.h.
 *  - DEVICE_MODEL_ENABLED and its relatives: for the program's own build to set.
 */
#ifndef OTAKIT_LINKKIT_INFRA_CONFIG_H
#define OTAKIT_LINKKIT_INFRA_CONFIG_H

/** The IOT_MQTT_* functions exist. */
#ifndef MQTT_COMM_ENABLED
#define MQTT_COMM_ENABLED
#endif

/** The IOT_OTA_* functions exist. */
#ifndef OTA_ENABLED
#define OTA_ENABLED
#endif

/** IOT_Sign_MQTT exists. */
#ifndef DEV_SIGN
#define DEV_SIGN
#endif

/** infra_log.h and IOT_SetLogLevel exist. */
#ifndef INFRA_LOG
#define INFRA_LOG
#endif

/** infra_compat.h exists. */
#ifndef INFRA_COMPAT
#define INFRA_COMPAT
#endif

#endif /* OTAKIT_LINKKIT_INFRA_CONFIG_H */
