// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit.h`: what this library offers beside the platforms' own APIs.

use std::ffi::{c_char, c_int};
use std::time::Duration;

pub mod codes;
pub mod delta;
pub mod download;
#[cfg(all(feature = "linkkit", feature = "mqtt"))]
pub mod model;
pub mod policy;
#[cfg(feature = "linkkit")]
pub mod session;
pub mod words;

use otakit_core::pace::Floor;

use super::arguments::refuse;
use super::guard::guard;
use super::settings;
use super::text;
use crate::engine;
use crate::net::trace;
use codes::{OTAKIT_FAILED, OTAKIT_INVALID, OTAKIT_OK};

/// Failures in a row without a new byte before a download is given up; 1 or more, 12 unless set. It is also given up after
/// four times as many without 4 KiB, after three unreadable answers in a row, and with the first round of questions for another
/// URL that ends 25 s or more after its URL was refused (401, 403, 410). A round takes 10 s where nobody answers, and a wait
/// comes before the next one: three rounds and two waits then, 30 to 30.75 s. What worked before is believed to be refused
/// only once a request without `Range` is refused, too.
pub const OTAKIT_OPTION_RETRY_ATTEMPTS: c_int = 0;
/// Longest wait before the first retry, in ms; it doubles with each further one. 250 unless set.
pub const OTAKIT_OPTION_RETRY_BASE_MS: c_int = 1;
/// Longest wait before any retry, in ms. 30000 unless set.
pub const OTAKIT_OPTION_RETRY_CAP_MS: c_int = 2;
/// Time for connecting, name resolution and TLS included, in ms; 10000 unless set. `HAL_TCP_Establish` cannot be told a time:
/// what it takes beyond this (the default one ends after 10 s) is waited for by the fetching thread, never within a call.
pub const OTAKIT_OPTION_CONNECT_MS: c_int = 3;
/// Time from a request to the end of its answer's header, in ms; 30000 unless set.
pub const OTAKIT_OPTION_ANSWER_MS: c_int = 4;
/// Longest silence of a server within an answer, in ms; the connection is then opened again. 30000 unless set.
pub const OTAKIT_OPTION_STALL_MS: c_int = 5;
/// Number of buffers between the network and the application, 2..=64; 4 unless set.
pub const OTAKIT_OPTION_SLOTS: c_int = 6;
/// Size of each of them in bytes, 1024..=1048576; 16384 unless set.
pub const OTAKIT_OPTION_SLOT_SIZE: c_int = 7;

/// Most bytes per second of a download; 0, the default: as many as come.
pub const OTAKIT_OPTION_RATE_LIMIT: c_int = 8;
/// Fewest bytes per second, as a mean over the window below; a download that stays under it for three windows in a row is
/// given up (`OTAKIT_ERR_TOO_SLOW`). Waiting for the server counts, over all connections. 0, the default: any.
pub const OTAKIT_OPTION_MIN_RATE: c_int = 9;
/// That window, in ms, 1000 or more; 30000 unless set.
pub const OTAKIT_OPTION_MIN_RATE_WINDOW_MS: c_int = 10;
/// Longest time from the first read to the last byte, in ms; 0, the default: any.
pub const OTAKIT_OPTION_DEADLINE_MS: c_int = 11;

/// Longest time, in ms, that the end of a session or a download (`IOT_OTA_Deinit`, `otakit_download_*`) waits until its
/// thread uses the network no more; 0, the default: it does not wait. See `otakit_wait_workers`.
pub const OTAKIT_OPTION_END_WAIT_MS: c_int = 12;
/// Bytes of a download after which what was stored is made durable, 65536 or more; 1048576 unless set. A power loss costs
/// at most these, a crash of the process alone at most 64 KiB.
pub const OTAKIT_OPTION_CHECKPOINT_BYTES: c_int = 13;
/// Time after which it is made durable when fewer bytes came, in ms, 1 or more; 10000 unless set.
pub const OTAKIT_OPTION_CHECKPOINT_MS: c_int = 14;
/// Most bytes of memory that a delta package may ask for, 4096..=1048576; 32768 unless set. See `otakit_download_delta`.
pub const OTAKIT_OPTION_DELTA_MEMORY: c_int = 15;

/// The library's version, "major.minor.patch". Static; never freed.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// What this library was built from and how, in one line: version, platforms, MQTT client, TLS, signatures, cargo profile,
/// target, and whether it is a lab build, as in "otakit 0.1.0; platforms linkkit; mqtt yes; tls rustls; signature yes;
/// profile release; target x86_64-unknown-linux-gnu; lab no". Static; never freed. Does not block; any thread.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_build_info() -> *const c_char {
    const INFO: &str = concat!(env!("OTAKIT_BUILD_INFO"), "\0");
    INFO.as_ptr().cast()
}

/// For a `HAL_TCP_Establish`, which may call it and need not: names an address that it has tried, so that log lines can.
/// `address` is text such as "192.0.2.1:443", copied; `error` is the `errno` of a failed attempt, 0 when it is connected.
/// To be called by the thread that `HAL_TCP_Establish` runs in, before it returns. Does not block.
///
/// # Safety
/// `address` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_tried_address(address: *const c_char, error: c_int) {
    guard("otakit_tried_address", (), || {
        // SAFETY: NULL or NUL-terminated, by this function's contract.
        let Some(address) = (unsafe { text::given(address) }) else { return };
        let system = (error != 0).then(|| std::io::Error::from_raw_os_error(error));
        trace::tried(address, system.as_ref().map(|system| system as &dyn std::fmt::Display));
    });
}

/// For a `HAL_TCP_Establish`, which may call it and need not: why a host name could not be resolved, in the system's words
/// (`gai_strerror`), so that log lines have them. `reason` is copied. It then fails with `errno` ENODATA when there is no
/// such name or it has no address, EAGAIN when no name server answered. To be called by the thread that
/// `HAL_TCP_Establish` runs in, before it returns. Does not block.
///
/// # Safety
/// `reason` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_unresolved(reason: *const c_char) {
    guard("otakit_unresolved", (), || {
        // SAFETY: NULL or NUL-terminated, by this function's contract.
        if let Some(reason) = unsafe { text::given(reason) } {
            trace::reason(reason);
        }
    });
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
        let set = settings::change(|settings| set(settings, option, value).is_some());
        if set {
            return OTAKIT_OK;
        }
        crate::log!(
            Warning,
            "api",
            "otakit_set_option: option {option} is unknown, or {value} is out of its range"
        );
        OTAKIT_INVALID
    })
}

fn set(settings: &mut settings::Settings, option: c_int, value: u32) -> Option<()> {
    let duration = Duration::from_millis(u64::from(value));
    let given = (value != 0).then_some(u64::from(value));
    let (session, http) = (&mut settings.session, &mut settings.http);
    match (option, value) {
        (OTAKIT_OPTION_RETRY_ATTEMPTS, 1..) => session.retry_policy.attempts = value,
        (OTAKIT_OPTION_RETRY_BASE_MS, _) => session.retry_policy.base = duration,
        (OTAKIT_OPTION_RETRY_CAP_MS, _) => session.retry_policy.cap = duration,
        (OTAKIT_OPTION_CONNECT_MS, 1..) => http.connect = duration,
        (OTAKIT_OPTION_ANSWER_MS, 1..) => http.answer = duration,
        (OTAKIT_OPTION_STALL_MS, 1..) => http.stall = duration,
        (OTAKIT_OPTION_SLOTS, 2..=64) => session.slots = value as usize,
        (OTAKIT_OPTION_SLOT_SIZE, 1024..=1_048_576) => session.slot_size = value as usize,
        (OTAKIT_OPTION_RATE_LIMIT, _) => session.rate_limit = given,
        (OTAKIT_OPTION_MIN_RATE, _) => session.floor = given.map(|rate| Floor { rate, ..floor(session) }),
        (OTAKIT_OPTION_MIN_RATE_WINDOW_MS, 1000..) => {
            session.floor = Some(Floor { window: duration, ..floor(session) });
        }
        (OTAKIT_OPTION_END_WAIT_MS, _) => settings.end_wait = duration,
        (OTAKIT_OPTION_DEADLINE_MS, _) => session.deadline = given.map(|_| duration),
        (OTAKIT_OPTION_CHECKPOINT_BYTES, 65_536..) => session.checkpoint.0 = u64::from(value),
        (OTAKIT_OPTION_CHECKPOINT_MS, 1..) => session.checkpoint.1 = duration,
        (OTAKIT_OPTION_DELTA_MEMORY, 4096..=1_048_576) => settings.delta_memory = value as usize,
        _ => return None,
    }
    Some(())
}

fn floor(session: &engine::Settings) -> Floor {
    session.floor.unwrap_or(Floor { rate: 0, window: Duration::from_secs(30) })
}

/// Waits until the threads of all downloads and sessions that have ended, or were cancelled, use the network no more:
/// after `OTAKIT_OK` none of them calls `HAL_TCP_*`, `HAL_SSL_*` or `HAL_Printf` again. Downloads that still run, and MQTT
/// clients, are not waited for; `IOT_MQTT_Destroy` waits for its own. To be called before a network is switched off.
///
/// Blocks for `timeout_ms` at most; any thread but one in which the library calls the firmware.
///
/// Returns `OTAKIT_OK`, or `OTAKIT_ERR_TIMEOUT` while one still runs: a `HAL_TCP_Establish` that does not return, say.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_wait_workers(timeout_ms: u32) -> c_int {
    guard("otakit_wait_workers", OTAKIT_FAILED, || {
        let ended = crate::thread::wait(Duration::from_millis(u64::from(timeout_ms)));
        if ended { OTAKIT_OK } else { codes::OTAKIT_ERR_TIMEOUT }
    })
}

/// Sets the certificate authorities that https downloads of sessions opened from now on trust, in place of the public
/// ones: one or several certificates in PEM form, copied. NULL goes back to the public ones. Does not block.
///
/// The text is read as curl reads one: what stands around the certificates is a comment, in any encoding. One that cannot
/// be read is left out, with a line in the log.
///
/// Returns `OTAKIT_OK`, or `OTAKIT_INVALID` for a text without a certificate that can be read.
///
/// # Safety
/// `pem` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_set_https_ca(pem: *const c_char) -> c_int {
    guard("otakit_set_https_ca", OTAKIT_FAILED, || {
        // SAFETY: `pem` is NULL or NUL-terminated, by this function's contract.
        let given = unsafe { text::raw(pem) };
        match given.map(crate::net::pem::read).transpose() {
            Ok(authorities) => {
                settings::change(|settings| settings.authorities = authorities);
                OTAKIT_OK
            }
            Err(why) => {
                refuse("pem", why.words());
                OTAKIT_INVALID
            }
        }
    })
}
