// SPDX-License-Identifier: MIT OR Apache-2.0
//! `ota_api.h` of Link Kit: `IOT_OTA_Err_t`.

use std::ffi::{CStr, c_int};

pub const TEXTS: &[(c_int, &CStr)] = &[
    (0, c"IOT_OTAE_NONE: success"),
    (-1, c"IOT_OTAE_GENERAL: failure; IOT_OTA_GetLastError and otakit_linkkit_ota_failure tell more"),
    (-2, c"IOT_OTAE_INVALID_PARAM: an argument is NULL, out of range or no open session"),
    (-3, c"IOT_OTAE_INVALID_STATE: not possible now: there is no offer, or nothing left to fetch"),
    (-4, c"IOT_OTAE_STR_TOO_LONG: the text is too long"),
    (-5, c"IOT_OTAE_FETCH_FAILED: the download failed; otakit_linkkit_ota_failure tells why"),
    (-6, c"IOT_OTAE_NOMEM: out of memory"),
    (-7, c"IOT_OTAE_OSC_FAILED: the message could not be published; check the MQTT connection"),
];
