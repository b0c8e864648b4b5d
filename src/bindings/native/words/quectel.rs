// SPDX-License-Identifier: MIT OR Apache-2.0
//! `quectel_fota.h`: QuecPython.

use std::ffi::{CStr, c_int};

pub const TEXTS: &[(c_int, &CStr)] = &[
    (0, c"0: success"),
    (1, c"QUECTEL_FOTA_FETCHING: the download is still under way"),
    (-1, c"-1: failure; the log has a line about it"),
    (1001, c"QUECTEL_FOTA_DOMAIN_NOT_EXIST: the host name cannot be resolved"),
    (1002, c"QUECTEL_FOTA_DOMAIN_TIMEOUT: not in time"),
    (1003, c"QUECTEL_FOTA_DOMAIN_UNKNOWN: the URL cannot be used"),
    (1004, c"QUECTEL_FOTA_SERVER_CONN_FAIL: cannot connect, or the connection broke"),
    (1005, c"QUECTEL_FOTA_AUTH_FAILED: HTTP status 401 or 403"),
    (1006, c"QUECTEL_FOTA_FILE_NOT_EXIST: HTTP status 404 or 410"),
    (1007, c"QUECTEL_FOTA_FILE_SIZE_INVALID: the server announces no usable length"),
    (1008, c"QUECTEL_FOTA_FILE_GET_ERR: the package did not come"),
    (1009, c"QUECTEL_FOTA_FILE_CHECK_ERR: the package is not valid"),
    (1010, c"QUECTEL_FOTA_INTERNAL_ERR: the package could not be stored, or a defect of the library"),
    (1011, c"QUECTEL_FOTA_NOT_INPROGRESS: no download is under way: cancelled"),
    (1012, c"QUECTEL_FOTA_NO_MEMORY: out of memory or of threads"),
    (1013, c"QUECTEL_FOTA_FILE_SIZE_TOO_LARGE: the package is too large"),
    (1014, c"QUECTEL_FOTA_PARAM_SIZE_INVALID: a parameter has a wrong size"),
];
