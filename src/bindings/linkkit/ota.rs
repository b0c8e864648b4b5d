// SPDX-License-Identifier: MIT OR Apache-2.0
//! `ota_api.h`: the nine `IOT_OTA_*` functions.

use std::ffi::{c_char, c_int, c_void};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use otakit_core::platform::aliyun::identity::Device;

use super::signal;
use super::{FAIL, NULL_VALUE, SUCCESS, ioctl};
use crate::bindings::arguments::{Fault, note};
use crate::bindings::guard::guard;
use crate::bindings::handle::{Handle, Kind, Table};
use crate::bindings::{settings, text, wait_without};
use crate::service::aliyun::{Ota, OtaError};

/// `IOT_OTA_CmdType_t`: any integer may come from C, so it is none of Rust's enums.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct IOT_OTA_CmdType_t(pub c_int);

/// `IOT_OTA_Progress_t`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct IOT_OTA_Progress_t(pub c_int);

/// The sessions that are open.
static SESSIONS: Table<Ota> = Table::new(Kind::Ota);

/// `IOT_OTA_Err_t`.
pub(super) fn code(error: OtaError) -> c_int {
    match error {
        OtaError::General => -1,
        OtaError::Invalid => -2,
        OtaError::State => -3,
        OtaError::TooLong => -4,
        OtaError::Fetch => -5,
        OtaError::NoMemory => -6,
        OtaError::Signal => -7,
    }
}

/// The codes that the reference returns as they are; everything else is -1, with the details in the last error.
pub(super) fn returned(error: OtaError) -> c_int {
    match error {
        OtaError::State | OtaError::TooLong | OtaError::Signal => code(error),
        _ => FAIL,
    }
}

/// The session behind a handle.
#[track_caller]
pub(crate) fn session(handle: *const c_void) -> Option<Arc<Ota>> {
    let found = SESSIONS.get(Handle::from_c(handle));
    if found.is_none() {
        note(Fault::NoHandle, Location::caller());
    }
    found
}

/// Lets each session take the offer that waits for the end of a download.
#[cfg(feature = "mqtt")]
pub(super) fn take_waiting() {
    for ota in SESSIONS.all() {
        ota.take_waiting();
    }
}

/// Lets each session tell the platform what it could not tell before.
#[cfg(feature = "mqtt")]
pub(super) fn settle() {
    for ota in SESSIONS.all() {
        ota.settle(true);
    }
}

/// How many sessions are open.
#[cfg(feature = "mqtt")]
pub(super) fn open_sessions() -> usize {
    SESSIONS.len()
}

fn completed(outcome: Result<(), OtaError>) -> c_int {
    outcome.map_or_else(returned, |()| SUCCESS)
}

/// Opens a session for a device and subscribes its topics. NULL when a name is not valid, the device has a session
/// already, `ch_signal` is no client, or there is no memory.
///
/// # Safety
/// `product_key` and `device_name` are NULL or NUL-terminated strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_OTA_Init(
    product_key: *const c_char,
    device_name: *const c_char,
    ch_signal: *mut c_void,
) -> *mut c_void {
    guard("IOT_OTA_Init", std::ptr::null_mut(), || {
        // SAFETY: as the caller promises.
        let names = unsafe { (text::text(product_key), text::text(device_name)) };
        let (Some(product_key), Some(device_name)) = names else { return std::ptr::null_mut() };
        let Some(device) = Device::new(product_key, device_name) else {
            crate::log!(Error, "ota", "product key or device name empty, too long or with odd characters");
            return std::ptr::null_mut();
        };
        open(device, ch_signal).map_or(std::ptr::null_mut(), Handle::to_c)
    })
}

fn open(device: Device, ch_signal: *mut c_void) -> Option<Handle> {
    let taken = |ota: &Ota, device: &Device| ota.device() == device;
    if SESSIONS.find_open(|ota| taken(ota, &device)).is_some() {
        crate::log!(Error, "ota", "{device} has a session already");
        return None;
    }
    let signal = signal::channel(ch_signal)?;
    let settings = settings::current();
    let source = Arc::new(settings.http_source(signal::authorities(ch_signal)));
    let ota = Ota::open(device.clone(), signal::running_version(), signal, source, settings.session).ok()?;
    let handle = SESSIONS.open_unless(ota.clone(), |open| taken(open, &device));
    if handle.is_none() {
        ota.close();
    }
    handle
}

/// Ends a session: its download, its subscriptions, its memory. Does not wait for the network, unless
/// `OTAKIT_OPTION_END_WAIT_MS` is set.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_OTA_Deinit(handle: *mut c_void) -> c_int {
    guard("IOT_OTA_Deinit", FAIL, || match SESSIONS.close(Handle::from_c(handle)) {
        Some(ota) => {
            ota.close();
            drop(ota);
            settings::wait_at_end();
            SUCCESS
        }
        None => NULL_VALUE,
    })
}

/// Tells the cloud which version runs.
///
/// # Safety
/// `version` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_OTA_ReportVersion(handle: *mut c_void, version: *const c_char) -> c_int {
    guard("IOT_OTA_ReportVersion", FAIL, || {
        // SAFETY: as the caller promises.
        match (session(handle), unsafe { text::text(version) }) {
            (Some(ota), Some(version)) => completed(ota.report_version(version)),
            _ => NULL_VALUE,
        }
    })
}

/// Reports progress in percent or a failure.
///
/// # Safety
/// `msg` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_OTA_ReportProgress(
    handle: *mut c_void,
    progress: IOT_OTA_Progress_t,
    msg: *const c_char,
) -> c_int {
    guard("IOT_OTA_ReportProgress", FAIL, || {
        let Some(ota) = session(handle) else { return NULL_VALUE };
        // SAFETY: as the caller promises.
        let msg = unsafe { text::optional(msg) }.unwrap_or_default();
        completed(ota.report_progress(progress.0, msg))
    })
}

/// 1 while the bytes of an offer are wanted, else 0. An offer that came during a download is taken here, the second time
/// that this is asked after the end of that download.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_OTA_IsFetching(handle: *mut c_void) -> c_int {
    guard("IOT_OTA_IsFetching", 0, || c_int::from(session(handle).is_some_and(|ota| ota.is_offered())))
}

/// 1 when the download has ended, well or not, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_OTA_IsFetchFinish(handle: *mut c_void) -> c_int {
    guard("IOT_OTA_IsFetchFinish", 0, || c_int::from(session(handle).is_some_and(|ota| ota.has_ended())))
}

/// Fetches at most `buf_len - 1` bytes and puts a NUL after them; firmware sizes its flash pages by that.
///
/// # Safety
/// `buf` is NULL or points to `buf_len` bytes that nobody else uses during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_OTA_FetchYield(
    handle: *mut c_void,
    buf: *mut c_char,
    buf_len: u32,
    timeout_s: u32,
) -> c_int {
    guard("IOT_OTA_FetchYield", FAIL, || {
        // A length that the return value cannot carry is the caller's mistake, as is one without room for a byte.
        let Some(ota) = session(handle) else {
            wait_without("IOT_OTA_FetchYield", "OTA session", Duration::from_secs(u64::from(timeout_s)));
            return NULL_VALUE;
        };
        let 2..=0x7fff_ffff = buf_len else { return NULL_VALUE };
        // SAFETY: as the caller promises.
        let Some(mut out) = (unsafe { text::Out::new(buf, buf_len as usize) }) else { return NULL_VALUE };
        let fetched =
            ota.fetch(out.room(), Duration::from_secs(u64::from(timeout_s)), &mut |bytes| out.put(bytes));
        match fetched {
            Ok(bytes) => c_int::try_from(bytes).unwrap_or(FAIL),
            Err(error) => returned(error),
        }
    })
}

/// Asks for one value of the update; see `ota_api.h` for what `buf` must be.
///
/// # Safety
/// `buf` is NULL or points to `buf_len` bytes; for the COTA texts, to a `char *`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_OTA_Ioctl(
    handle: *mut c_void,
    cmd: IOT_OTA_CmdType_t,
    buf: *mut c_void,
    buf_len: c_int,
) -> c_int {
    guard("IOT_OTA_Ioctl", FAIL, || {
        let Some(ota) = session(handle) else { return NULL_VALUE };
        let len = usize::try_from(buf_len).unwrap_or(0);
        // A negative length of a number is a wrong length, noted as such; of a text it is no buffer at all.
        if buf.is_null() || buf_len == 0 || (buf_len < 0 && ioctl::is_text(cmd.0)) {
            return NULL_VALUE;
        }
        // SAFETY: as the caller promises.
        match unsafe { ioctl::answer(&ota, cmd.0, buf, len) } {
            Ok(()) => SUCCESS,
            // Too early with an offer at hand (a verdict over half an image) is a plain failure, as in the reference.
            Err(OtaError::State) if ota.content().is_some() => {
                ota.note(OtaError::State);
                FAIL
            }
            Err(error) => returned(ota.note(error)),
        }
    })
}

/// The last error of a session, 0 when nothing failed yet. Success does not reset it.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_OTA_GetLastError(handle: *mut c_void) -> c_int {
    guard("IOT_OTA_GetLastError", FAIL, || match session(handle) {
        Some(ota) => ota.last_error().map_or(SUCCESS, code),
        None => NULL_VALUE,
    })
}
