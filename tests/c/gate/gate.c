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

#include "gate.h"
