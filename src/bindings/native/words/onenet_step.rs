// SPDX-License-Identifier: MIT OR Apache-2.0
//! The numbers from 100 on of OneNET's `ota_api.h`: what is reported to the platform.

use std::ffi::{CStr, c_int};

pub const TEXTS: &[(c_int, &CStr)] = &[
    (101, c"OTA_DOWNLOAD_SUCCESS: download success"),
    (102, c"OTA_DOWNLOAD_NO_MEMORY: no room to store it"),
    (103, c"OTA_DOWNLOAD_OUT_OF_MEMORY: download out of memory"),
    (104, c"OTA_DOWNLOAD_REQUEST_TIMEOUT: download request timeout"),
    (105, c"OTA_DOWNLOAD_LOW_POWER: download low power"),
    (106, c"OTA_DOWNLOAD_BAD_SIGNAL: download bad signal"),
    (107, c"OTA_DOWNLOAD_UNKNOWN_ERROR: download unknown error"),
    (201, c"OTA_UPGRADE_SUCCESS: upgrade success"),
    (202, c"OTA_UPGRADE_LOW_POWER: upgrade low power"),
    (203, c"OTA_UPGRADE_OUT_OF_MEMORY: upgrade out of memory"),
    (204, c"OTA_UPGRADE_VERSION_DISCORD: upgrade version discord"),
    (205, c"OTA_UPGRADE_MD5_ERROR: upgrade md5 error"),
    (206, c"OTA_UPGRADE_UNKNOWN_ERROR: upgrade unknown error"),
    (207, c"OTA_UPGRADE_OVER_RETRY: upgrade over retry"),
    (208, c"OTA_UPGRADE_EXPIRED: upgrade expired"),
];
