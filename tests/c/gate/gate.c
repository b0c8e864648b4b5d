/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Compiles when every function has the same prototype in the hand-written headers and in Rust. */
#include "all_headers.h"

#ifdef CONFIG_TM
/* The things-model functions of OneNET are declared under their own names now; the general ones follow. */
#undef ota_init
#undef ota_check_task
#undef ota_check_token
#undef ota_download_package
#undef ota_report_status
#endif

#ifdef GATE_WRONG_PROTOTYPE_LINKKIT
short IOT_OTA_Ioctl(short wrong);
#endif
#ifdef GATE_WRONG_PROTOTYPE_ONENET
short onenet_ota_run(short wrong);
#endif
#ifdef GATE_WRONG_PROTOTYPE_HAAS
short haas_device_connect(short wrong, short too, short many);
#endif
#ifdef GATE_WRONG_PROTOTYPE_QUECTEL
short quectel_fota_apn_set(short wrong, short too, short many);
#endif

/* The parameters of other generations, whose headers cannot be included beside those of v3.0.1. */
typedef struct otakit_v23_mqtt_param_t otakit_v23_mqtt_param_t;
typedef struct otakit_v310_sign_mqtt_t otakit_v310_sign_mqtt_t;

#include "gate.h"
