// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit.h`: what this library offers beside the platforms' own APIs.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use super::guard::guard;
use super::settings;
use super::text;

/// Success.
pub const OTAKIT_OK: c_int = 0;
/// Another failure.
pub const OTAKIT_FAILED: c_int = -1;
/// An argument cannot be used: NULL, out of range, or no open handle.
pub const OTAKIT_INVALID: c_int = -2;
/// Not possible now: there was no offer yet.
pub const OTAKIT_STATE: c_int = -3;

/// Failures in a row without a new byte before a download is given up; 1 or more, 12 unless set.
pub const OTAKIT_OPTION_RETRY_ATTEMPTS: c_int = 0;
/// Longest wait before the first retry, in ms; it doubles with each further one. 250 unless set.
pub const OTAKIT_OPTION_RETRY_BASE_MS: c_int = 1;
/// Longest wait before any retry, in ms. 30000 unless set.
pub const OTAKIT_OPTION_RETRY_CAP_MS: c_int = 2;
/// Time for connecting, name resolution and TLS included, in ms; 10000 unless set.
pub const OTAKIT_OPTION_CONNECT_MS: c_int = 3;
/// Time from a request to the end of its answer's header, in ms; 30000 unless set.
pub const OTAKIT_OPTION_ANSWER_MS: c_int = 4;
/// Longest silence of a server within an answer, in ms; the connection is then made anew. 30000 unless set.
pub const OTAKIT_OPTION_STALL_MS: c_int = 5;
/// Number of buffers between the network and the application, 2..=64; 4 unless set.
pub const OTAKIT_OPTION_SLOTS: c_int = 6;
/// Size of each of them in bytes, 1024..=1048576; 16384 unless set.
pub const OTAKIT_OPTION_SLOT_SIZE: c_int = 7;

/// The library's version, "major.minor.patch". Static; never freed.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// Sets the most talkative level of log lines that are printed through `HAL_Printf`: 0 none, 1 critical, 2 error,
/// 3 warning (unless set), 4 info, 5 debug. Does not block; any thread.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_set_log_level(level: c_int) {
    guard("otakit_set_log_level", (), || crate::log::set_limit(crate::log::Level::from_number(level)));
}

/// Sets an option (`OTAKIT_OPTION_…`) for downloads of sessions opened from now on. Does not block; any thread.
///
/// Returns `OTAKIT_OK`, or `OTAKIT_INVALID` for an unknown option or a value out of its range.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_set_option(option: c_int, value: u32) -> c_int {
    guard("otakit_set_option", OTAKIT_FAILED, || {
        let set = settings::change(|settings| {
            let duration = Duration::from_millis(u64::from(value));
            let (patience, http) = (&mut settings.session.patience, &mut settings.http);
            match (option, value) {
                (OTAKIT_OPTION_RETRY_ATTEMPTS, 1..) => patience.attempts = value,
                (OTAKIT_OPTION_RETRY_BASE_MS, _) => patience.base = duration,
                (OTAKIT_OPTION_RETRY_CAP_MS, _) => patience.cap = duration,
                (OTAKIT_OPTION_CONNECT_MS, 1..) => http.connect = duration,
                (OTAKIT_OPTION_ANSWER_MS, 1..) => http.answer = duration,
                (OTAKIT_OPTION_STALL_MS, 1..) => http.stall = duration,
                (OTAKIT_OPTION_SLOTS, 2..=64) => settings.session.slots = value as usize,
                (OTAKIT_OPTION_SLOT_SIZE, 1024..=1_048_576) => settings.session.slot_size = value as usize,
                _ => return false,
            }
            true
        });
        if set { OTAKIT_OK } else { OTAKIT_INVALID }
    })
}

/// Sets the certificate authorities that https downloads of sessions opened from now on trust, in place of the public
/// ones: one or several certificates in PEM form, copied. NULL goes back to the public ones. Does not block.
///
/// Returns `OTAKIT_OK`, or `OTAKIT_INVALID` for a text without a certificate.
///
/// # Safety
/// `pem` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_set_https_ca(pem: *const c_char) -> c_int {
    guard("otakit_set_https_ca", OTAKIT_FAILED, || {
        // SAFETY: as the caller vouches.
        let given = unsafe { text::given(pem) };
        if !pem.is_null() && !given.is_some_and(|pem| pem.contains("-----BEGIN CERTIFICATE-----")) {
            return OTAKIT_INVALID;
        }
        settings::change(|settings| settings.authorities = given.map(str::to_owned));
        OTAKIT_OK
    })
}

/// Bytes fetched and size of the image of a Link Kit OTA session (the handle of `IOT_OTA_Init`), in 64 bits, where
/// `IOT_OTA_Ioctl` has but 32. Either pointer may be NULL. Does not block; any thread.
///
/// Returns `OTAKIT_OK`, `OTAKIT_INVALID` for a handle that is not open, or `OTAKIT_STATE` before the first offer.
///
/// # Safety
/// `fetched` and `total` are NULL or point to a `uint64_t`.
#[cfg(feature = "linkkit")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_linkkit_ota_size(
    ota_handle: *mut std::ffi::c_void,
    fetched: *mut u64,
    total: *mut u64,
) -> c_int {
    guard("otakit_linkkit_ota_size", OTAKIT_FAILED, || {
        let Some(ota) = super::linkkit::ota::session(ota_handle) else { return OTAKIT_INVALID };
        let Some((done, size)) = ota.session().progress() else { return OTAKIT_STATE };
        for (out, value) in [(fetched, done), (total, size)] {
            if !out.is_null() {
                // SAFETY: not NULL; writable, as the caller vouches; alignment is not relied upon.
                unsafe { out.write_unaligned(value) };
            }
        }
        OTAKIT_OK
    })
}

/// What the last download of a Link Kit OTA session failed of, in words: copied into `buf`, cut to `buf_len` bytes with
/// the NUL that ends it. Does not block; any thread.
///
/// Returns the length of the whole text in bytes (0: nothing failed), or `OTAKIT_INVALID`.
///
/// # Safety
/// `buf` is NULL or points to `buf_len` bytes.
#[cfg(feature = "linkkit")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_linkkit_ota_failure(
    ota_handle: *mut std::ffi::c_void,
    buf: *mut c_char,
    buf_len: usize,
) -> c_int {
    guard("otakit_linkkit_ota_failure", OTAKIT_FAILED, || {
        let Some(ota) = super::linkkit::ota::session(ota_handle) else { return OTAKIT_INVALID };
        // SAFETY: as the caller vouches.
        let Some(out) = (unsafe { text::buffer(buf, buf_len) }) else { return OTAKIT_INVALID };
        let words = ota.session().failure().map(|failure| failure.to_string()).unwrap_or_default();
        text::copy_truncated(&words, out);
        c_int::try_from(words.len()).unwrap_or(OTAKIT_FAILED)
    })
}
