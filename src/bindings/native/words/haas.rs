// SPDX-License-Identifier: MIT OR Apache-2.0
//! `haas_ota.h`: HaaS.

use std::ffi::{CStr, c_int};

pub const TEXTS: &[(c_int, &CStr)] = &[
    (0, c"0: success"),
    (-1, c"HAAS_OTA_INIT_FAIL: failure; the log has a line about it"),
    (-5, c"HAAS_OTA_DOWNLOAD_INIT_FAIL: the download could not begin"),
    (-6, c"HAAS_OTA_DOWNLOAD_HEAD_FAIL: the server refused, or announced another length"),
    (-7, c"HAAS_OTA_DOWNLOAD_CON_FAIL: cannot connect, or the connection broke"),
    (-8, c"HAAS_OTA_DOWNLOAD_REQ_FAIL: a redirect that cannot be followed"),
    (-9, c"HAAS_OTA_DOWNLOAD_RECV_FAIL: the image did not come whole"),
    (-10, c"HAAS_OTA_VERIFY_MD5_FAIL: the MD5 is not the one promised"),
    (-11, c"HAAS_OTA_VERIFY_SHA2_FAIL: the SHA-256 is not the one promised"),
    (-12, c"HAAS_OTA_VERIFY_RSA_FAIL: the signature is not by a trusted key"),
    (-13, c"HAAS_OTA_VERIFY_IMAGE_FAIL: the length is not the one promised"),
    (-14, c"HAAS_OTA_UPGRADE_WRITE_FAIL: the file could not be written"),
    (-16, c"HAAS_OTA_UPGRADE_FW_SIZE_FAIL: no room for the file"),
    (-17, c"HAAS_OTA_UPGRADE_SET_BOOT_FAIL: the file cannot be read"),
    (-25, c"HAAS_OTA_INVALID_PARAMETER: an argument cannot be used, or the policy forbids it"),
];
