// SPDX-License-Identifier: MIT OR Apache-2.0
//! Error codes in words. The same number means different things on different platforms: whoever asks names the platform.

use std::ffi::{CStr, c_char, c_int};

#[cfg(feature = "haas")]
mod haas;
#[cfg(feature = "linkkit")]
mod linkkit;
#[cfg(feature = "linkkit")]
mod linkkit_ota;
#[cfg(feature = "linkkit")]
mod linkkit_v310;
#[cfg(feature = "onenet")]
mod onenet;
#[cfg(feature = "onenet")]
mod onenet_step;
#[cfg(feature = "quectel")]
mod quectel;

use super::codes::*;
use crate::bindings::guard::guard;

/// `OTAKIT_…` codes: what functions of otakit.h return.
pub const OTAKIT_CODES_NATIVE: c_int = 0;
/// Link Kit, infra_errno.h: what `IOT_MQTT_*`, `IOT_Sign_MQTT` and `IOT_Linkkit_*` return in v3.0.1 and V2.3.
pub const OTAKIT_CODES_LINKKIT: c_int = 1;
/// Link Kit, ota_api.h: what `IOT_OTA_*` return (`IOT_OTAE_…`).
pub const OTAKIT_CODES_LINKKIT_OTA: c_int = 2;
/// Link Kit V3.10, infra_state.h (`STATE_…`).
pub const OTAKIT_CODES_LINKKIT_V310: c_int = 3;
/// OneNET: local errors (`ERR_…`, below 0), the platform's numbers (1..99), HTTP statuses (100 and above).
pub const OTAKIT_CODES_ONENET: c_int = 4;
/// OneNET: the steps that `ota_report_status` reports (101 and above).
pub const OTAKIT_CODES_ONENET_STEP: c_int = 5;
/// HaaS: `HAAS_OTA_…`, below 0.
pub const OTAKIT_CODES_HAAS: c_int = 6;
/// QuecPython: `QUECTEL_FOTA_…`, 1001 and above.
pub const OTAKIT_CODES_QUECTEL: c_int = 7;

const UNKNOWN: &CStr = c"unknown code";
const UNKNOWN_SET: &CStr = c"unknown set of codes, or one of a platform that this build does not have";

/// A code of otakit.h (`OTAKIT_…`) in words, with its name in front. Never NULL; static, never freed. Does not block; any
/// thread. For the codes of a platform's own API see `otakit_strerror_of`.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_strerror(code: c_int) -> *const c_char {
    guard("otakit_strerror", UNKNOWN.as_ptr(), || native(code).unwrap_or(UNKNOWN).as_ptr())
}

/// As `otakit_strerror`, for a code of `set` (`OTAKIT_CODES_…`). The same number means different things in different sets.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_strerror_of(set: c_int, code: c_int) -> *const c_char {
    guard("otakit_strerror_of", UNKNOWN.as_ptr(), || of(set, code).as_ptr())
}

fn of(set: c_int, code: c_int) -> &'static CStr {
    let table = match set {
        OTAKIT_CODES_NATIVE => return native(code).unwrap_or(UNKNOWN),
        #[cfg(feature = "linkkit")]
        OTAKIT_CODES_LINKKIT => linkkit::TEXTS,
        #[cfg(feature = "linkkit")]
        OTAKIT_CODES_LINKKIT_OTA => linkkit_ota::TEXTS,
        #[cfg(feature = "linkkit")]
        OTAKIT_CODES_LINKKIT_V310 => linkkit_v310::TEXTS,
        #[cfg(feature = "onenet")]
        OTAKIT_CODES_ONENET if (100..600).contains(&code) => return http(code),
        #[cfg(feature = "onenet")]
        OTAKIT_CODES_ONENET => onenet::TEXTS,
        #[cfg(feature = "onenet")]
        OTAKIT_CODES_ONENET_STEP => onenet_step::TEXTS,
        #[cfg(feature = "haas")]
        OTAKIT_CODES_HAAS => haas::TEXTS,
        #[cfg(feature = "quectel")]
        OTAKIT_CODES_QUECTEL => quectel::TEXTS,
        _ => return UNKNOWN_SET,
    };
    find(table, code)
}

#[cfg_attr(
    not(any(feature = "linkkit", feature = "onenet", feature = "haas", feature = "quectel")),
    allow(dead_code, reason = "no platform, no table")
)]
fn find(table: &[(c_int, &'static CStr)], code: c_int) -> &'static CStr {
    table.iter().find(|(known, _)| *known == code).map_or(UNKNOWN, |(_, text)| text)
}

#[cfg(feature = "onenet")]
fn http(status: c_int) -> &'static CStr {
    u16::try_from(status).ok().and_then(otakit_core::http::status::sentence).unwrap_or(c"HTTP status")
}

fn native(code: c_int) -> Option<&'static CStr> {
    Some(match code {
        OTAKIT_OK => c"OTAKIT_OK: success",
        OTAKIT_FAILED => c"OTAKIT_FAILED: a defect of the library, caught; the log has a line about it",
        OTAKIT_INVALID => {
            c"OTAKIT_INVALID: an argument is NULL, out of range or no open handle; the log names it"
        }
        OTAKIT_STATE => {
            c"OTAKIT_STATE: not possible now: there was no offer yet, or another thread is downloading"
        }
        OTAKIT_ERR_RESOURCES => c"OTAKIT_ERR_RESOURCES: out of memory or of threads",
        OTAKIT_ERR_CANCELLED => c"OTAKIT_ERR_CANCELLED: cancelled",
        OTAKIT_ERR_CONNECT => c"OTAKIT_ERR_CONNECT: the host could not be found, or no connection came about",
        OTAKIT_ERR_TIMEOUT => c"OTAKIT_ERR_TIMEOUT: the server was silent for too long",
        OTAKIT_ERR_BROKEN => c"OTAKIT_ERR_BROKEN: the connection broke",
        OTAKIT_ERR_CERTIFICATE => c"OTAKIT_ERR_CERTIFICATE: the server's certificate was refused",
        OTAKIT_ERR_TLS => c"OTAKIT_ERR_TLS: TLS failed",
        OTAKIT_ERR_NO_TLS => c"OTAKIT_ERR_NO_TLS: this build has no TLS",
        OTAKIT_ERR_CA => c"OTAKIT_ERR_CA: the certificate authority that was set cannot be read",
        OTAKIT_ERR_URL => c"OTAKIT_ERR_URL: the URL cannot be used",
        OTAKIT_ERR_STATUS => c"OTAKIT_ERR_STATUS: the server answered with an HTTP status that is no success",
        OTAKIT_ERR_REDIRECT => c"OTAKIT_ERR_REDIRECT: too many redirects, or one that leads nowhere",
        OTAKIT_ERR_INSECURE_REDIRECT => {
            c"OTAKIT_ERR_INSECURE_REDIRECT: a redirect from https to http was refused"
        }
        OTAKIT_ERR_LENGTH => c"OTAKIT_ERR_LENGTH: the server announces another size than the offer",
        OTAKIT_ERR_RANGE => c"OTAKIT_ERR_RANGE: the server answered another range than the one asked for",
        OTAKIT_ERR_PROTOCOL => c"OTAKIT_ERR_PROTOCOL: the answer is not valid HTTP",
        OTAKIT_ERR_ENCODING => c"OTAKIT_ERR_ENCODING: the body is compressed although that was not asked for",
        OTAKIT_ERR_TRUNCATED => c"OTAKIT_ERR_TRUNCATED: the body ended early",
        OTAKIT_ERR_EXPIRED => c"OTAKIT_ERR_EXPIRED: the URL has expired, and no fresh one was to be had",
        OTAKIT_ERR_DIGEST => c"OTAKIT_ERR_DIGEST: the image's digest is not the one promised",
        OTAKIT_ERR_SIGNATURE => c"OTAKIT_ERR_SIGNATURE: the image's signature is not by a trusted key",
        OTAKIT_ERR_OTHER_IMAGE => c"OTAKIT_ERR_OTHER_IMAGE: the platform offers another image now",
        OTAKIT_ERR_TOO_SLOW => c"OTAKIT_ERR_TOO_SLOW: the image comes slower than allowed",
        OTAKIT_ERR_DEADLINE => c"OTAKIT_ERR_DEADLINE: the time for the download is over",
        OTAKIT_ERR_POLICY_HTTPS => c"OTAKIT_ERR_POLICY_HTTPS: policy: not https",
        OTAKIT_ERR_POLICY_HOST => c"OTAKIT_ERR_POLICY_HOST: policy: host not allowed",
        OTAKIT_ERR_POLICY_SIZE => c"OTAKIT_ERR_POLICY_SIZE: policy: image too large",
        OTAKIT_ERR_POLICY_ROLLBACK => c"OTAKIT_ERR_POLICY_ROLLBACK: policy: version not newer than the floor",
        OTAKIT_ERR_POLICY_UNSIGNED => {
            c"OTAKIT_ERR_POLICY_UNSIGNED: policy: image not signed, or no key to check the signature with"
        }
        OTAKIT_ERR_STORE_FULL => c"OTAKIT_ERR_STORE_FULL: no room left to store the image",
        OTAKIT_ERR_STORE => c"OTAKIT_ERR_STORE: the image could not be stored",
        OTAKIT_ERR_STORE_BUSY => {
            c"OTAKIT_ERR_STORE_BUSY: another update is storing an image at the same place"
        }
        OTAKIT_ERR_DELTA => c"OTAKIT_ERR_DELTA: not a delta package, or a damaged one",
        OTAKIT_ERR_DELTA_BASE => {
            c"OTAKIT_ERR_DELTA_BASE: the image that is there is not the one that the delta package was made for"
        }
        OTAKIT_ERR_DELTA_MEMORY => {
            c"OTAKIT_ERR_DELTA_MEMORY: the delta package needs more memory than OTAKIT_OPTION_DELTA_MEMORY allows"
        }
        OTAKIT_ERR_NO_DELTA => c"OTAKIT_ERR_NO_DELTA: this build applies no delta packages",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and numbers that a header defines, by `#define NAME NUMBER`, `#define NAME (BASE - NUMBER)` or
    /// `NAME = NUMBER`, of which the name begins with one of `prefixes`.
    fn codes(path: &str, prefixes: &[&str]) -> Vec<(String, c_int)> {
        let header =
            std::fs::read_to_string(format!("{}/include/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let number = |text: &str| {
            let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
            let value = match digits.strip_prefix("0x") {
                Some(hex) => c_int::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            value.ok().map(|value| sign * value)
        };
        let mut found: Vec<(String, c_int)> = Vec::new();
        for line in header.lines() {
            let line = line.trim().split("/*").next().unwrap_or_default().trim().trim_end_matches(',');
            let pair = match line.strip_prefix("#define ") {
                Some(rest) => rest.split_once(' '),
                None => line.split_once(" = "),
            };
            let Some((name, value)) = pair else { continue };
            let value = value.trim().trim_matches(['(', ')']);
            let value = match value.split_once(" - ") {
                Some((base, less)) => found
                    .iter()
                    .find(|(name, _)| name == base)
                    .and_then(|(_, base)| Some(base - number(less)?)),
                None => number(value),
            };
            if let Some(value) = value.filter(|_| prefixes.iter().any(|prefix| name.starts_with(prefix))) {
                found.push((name.to_owned(), value));
            }
        }
        found
    }

    fn all_have_words(set: c_int, path: &str, prefixes: &[&str], at_least: usize) {
        let codes = codes(path, prefixes);
        assert!(codes.len() >= at_least, "{path}: {} codes found", codes.len());
        for (name, code) in codes {
            let text = of(set, code).to_str().unwrap();
            let (names, words) = text.split_once(": ").unwrap_or((text, ""));
            assert!(
                names.split(" or ").any(|known| known == name),
                "{path}: {name} ({code}) is told as '{text}'"
            );
            assert!(words.len() >= 4, "{path}: {name} has no words: '{text}'");
        }
    }

    #[test]
    fn every_code_of_the_public_headers_has_words() {
        all_have_words(
            OTAKIT_CODES_NATIVE,
            "otakit.h",
            &["OTAKIT_OK", "OTAKIT_FAILED", "OTAKIT_INVALID", "OTAKIT_STATE", "OTAKIT_ERR_"],
            35,
        );
        #[cfg(feature = "linkkit")]
        {
            all_have_words(OTAKIT_CODES_LINKKIT, "linkkit/infra_errno.h", &[""], 180);
            all_have_words(OTAKIT_CODES_LINKKIT_OTA, "linkkit/ota_api.h", &["IOT_OTAE_"], 8);
            let v310 = "linkkit/v3.10/infra_state.h";
            let named: &[&str] = &[
                "STATE_SUCCESS",
                "STATE_USER",
                "STATE_SYS",
                "STATE_MQTT",
                "STATE_WIFI",
                "STATE_COAP",
                "STATE_HTTP",
                "STATE_OTA",
                "STATE_BIND",
                "STATE_DEV",
            ];
            all_have_words(OTAKIT_CODES_LINKKIT_V310, v310, named, 90);
        }
        #[cfg(feature = "onenet")]
        {
            all_have_words(OTAKIT_CODES_ONENET, "onenet/err_def.h", &["ERR_"], 22);
            all_have_words(OTAKIT_CODES_ONENET, "onenet/ota_api.h", &["OTA_CHECK_"], 12);
            all_have_words(
                OTAKIT_CODES_ONENET,
                "onenet/ota_api.h",
                &["OTA_DOWNLOAD_NO_SOURCE", "OTA_DOWNLOAD_FILE", "OTA_DOWNLOAD_INVALID"],
                3,
            );
            let steps: &[&str] = &[
                "OTA_DOWNLOAD_SUCCESS",
                "OTA_DOWNLOAD_NO_MEMORY",
                "OTA_DOWNLOAD_OUT",
                "OTA_DOWNLOAD_REQUEST",
                "OTA_DOWNLOAD_LOW",
                "OTA_DOWNLOAD_BAD",
                "OTA_DOWNLOAD_UNKNOWN",
                "OTA_UPGRADE_",
            ];
            all_have_words(OTAKIT_CODES_ONENET_STEP, "onenet/ota_api.h", steps, 15);
            assert_eq!(of(OTAKIT_CODES_ONENET, 403), c"HTTP status 403: Forbidden");
        }
        #[cfg(feature = "haas")]
        all_have_words(
            OTAKIT_CODES_HAAS,
            "haas/haas_ota.h",
            &[
                "HAAS_OTA_INIT_FAIL",
                "HAAS_OTA_DOWNLOAD_",
                "HAAS_OTA_VERIFY_",
                "HAAS_OTA_UPGRADE",
                "HAAS_OTA_INVALID",
            ],
            14,
        );
        #[cfg(feature = "quectel")]
        all_have_words(OTAKIT_CODES_QUECTEL, "quectel/quectel_fota.h", &["QUECTEL_FOTA_"], 14);
    }

    #[test]
    fn no_table_has_a_number_twice() {
        let tables: &[&[(c_int, &CStr)]] = &[
            #[cfg(feature = "linkkit")]
            linkkit::TEXTS,
            #[cfg(feature = "linkkit")]
            linkkit_ota::TEXTS,
            #[cfg(feature = "linkkit")]
            linkkit_v310::TEXTS,
            #[cfg(feature = "onenet")]
            onenet::TEXTS,
            #[cfg(feature = "onenet")]
            onenet_step::TEXTS,
            #[cfg(feature = "haas")]
            haas::TEXTS,
            #[cfg(feature = "quectel")]
            quectel::TEXTS,
        ];
        for table in tables {
            let numbers: std::collections::HashSet<c_int> = table.iter().map(|(code, _)| *code).collect();
            assert_eq!(numbers.len(), table.len());
        }
    }

    #[test]
    fn unknown_numbers_are_said_to_be_so() {
        assert_eq!(of(OTAKIT_CODES_NATIVE, 1), UNKNOWN);
        assert_eq!(of(OTAKIT_CODES_NATIVE, c_int::MIN), UNKNOWN);
        assert_eq!(of(99, 0), UNKNOWN_SET);
        assert_eq!(of(-1, -1), UNKNOWN_SET);
    }
}
