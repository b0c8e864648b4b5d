/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Compiles when every function has the same prototype in the hand-written headers and in Rust. */
#include "all_headers.h"

#ifdef GATE_WRONG_PROTOTYPE
short IOT_OTA_Ioctl(short wrong);
#endif

#include "gate.h"
