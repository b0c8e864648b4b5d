// SPDX-License-Identifier: MIT OR Apache-2.0
//! The API of OneNET's C SDK: `ota_api.h` in its general variant, and what both variants share.
//!
//! Every exported name stands in `abi/exports-onenet.txt`; the hand-written headers are in `include/onenet`. One
//! device per process, as in the SDK: `ota_init` … `ota_deinit`.

#[cfg(feature = "mqtt")]
pub mod inform;
pub mod options;
pub mod things;
pub mod token;
pub mod update;

use std::sync::Arc;
use std::time::Duration;

use otakit_core::platform::onenet::task::Task;
use otakit_core::platform::onenet::{Dialect, TaskId, plain};
use parking_lot::Mutex;

use super::calls::{Calls, Running};
use super::guard::guard;
use super::{settings, text};
use crate::hal::border::in_c;
use crate::service::onenet::{Config, Error, Onenet, Response};

/// `ERR_OK`.
const OK: i32 = 0;
/// `ERR_NO_MEM`; also, as in the SDK, an answer that cannot be read.
const NO_MEM: i32 = -1;
/// `ERR_INVALID_PARAM`.
const INVALID_PARAM: i32 = -2;
/// `ERR_INVALID_DATA`.
const INVALID_DATA: i32 = -3;
/// `ERR_RESOURCE_BUSY`.
const RESOURCE_BUSY: i32 = -4;
/// `ERR_UNINITIALIZED`.
const UNINITIALIZED: i32 = -5;
/// `ERR_REPETITIVE`.
const REPETITIVE: i32 = -7;
/// `ERR_IO`.
const IO: i32 = -8;
/// `ERR_NOT_SUPPORT`.
const NOT_SUPPORT: i32 = -9;
/// `ERR_NETWORK`.
const NETWORK: i32 = -11;
/// `ERR_CLOUD`.
const CLOUD: i32 = -12;
/// `ERR_TIMEOUT`.
const TIMEOUT: i32 = -13;
/// `ERR_REQUEST_FAILED`: a condition of the task is not met.
const REQUEST_FAILED: i32 = -14;
/// `ERR_OVERFLOW`.
const OVERFLOW: i32 = -15;
/// `ERR_OTHERS`.
const OTHERS: i32 = -16;

/// `enum ota_state_t`: which call an answer belongs to.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct ota_state_t(pub u32);

const POST_VERSION: ota_state_t = ota_state_t(0);
const CHECK_TASK: ota_state_t = ota_state_t(1);
const CHECK_TOKEN: ota_state_t = ota_state_t(2);
const DOWNLOAD_PACKAGE: ota_state_t = ota_state_t(3);
const REPORT_STATUS: ota_state_t = ota_state_t(4);

/// `ota_evt_cb`: gets the body of an answer, on the thread of the call and before it returns. One writable byte, 0, stands
/// behind the data.
pub type ota_evt_cb = Option<unsafe extern "C" fn(state: ota_state_t, data: *mut u8, data_len: u32) -> i32>;

/// `boolean`: any byte may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct boolean(pub u8);

/// `struct ota_task_info_t` of the general variant.
#[repr(C)]
pub struct ota_task_info_t {
    /// The version that the task leads to.
    pub target: [u8; 32],
    /// MD5 of the package.
    pub md5: [u8; 36],
    /// Size of the package in bytes.
    pub size: u32,
    /// Names the task.
    pub token: [u8; 32],
    /// Where packages come from, with `cdn`.
    pub ip: [u8; 32],
    /// Seconds between attempts.
    pub interval: u32,
    /// Attempts.
    pub retry: i16,
    /// Least signal strength.
    pub signal: u8,
    /// Least battery charge.
    pub power: u8,
    /// 1 whole package, 2 differential.
    pub r#type: u8,
}

// The layouts that programs were compiled with.
const _: () = {
    use std::mem::{offset_of, size_of};
    assert!(size_of::<ota_task_info_t>() == 148 && size_of::<things::ota_tm_task_info_t>() == 80);
    assert!(offset_of!(ota_task_info_t, token) == 72 && offset_of!(ota_task_info_t, interval) == 136);
    assert!(offset_of!(ota_task_info_t, retry) == 140 && offset_of!(ota_task_info_t, r#type) == 144);
    assert!(offset_of!(things::ota_tm_task_info_t, tid) == 72);
    assert!(offset_of!(things::ota_tm_task_info_t, r#type) == 76);
};

/// What `ota_init` set up.
struct Context {
    service: Arc<Onenet>,
    callback: Option<unsafe extern "C" fn(ota_state_t, *mut u8, u32) -> i32>,
    #[cfg(feature = "mqtt")]
    notices: Mutex<Option<Arc<crate::service::onenet::Notices>>>,
    /// The access key, where the variant has one.
    #[cfg_attr(not(feature = "mqtt"), expect(dead_code, reason = "signs in to the broker"))]
    access_key: Option<String>,
}

static CURRENT: Mutex<Option<Arc<Context>>> = Mutex::new(None);
/// The application's functions that run now.
static CALLS: Calls<Arc<Context>> = Calls::new();

fn current() -> Result<Arc<Context>, i32> {
    CURRENT.lock().clone().ok_or(UNINITIALIZED)
}

/// Takes a context as the process's, unless there is one.
fn enter(callback: ota_evt_cb, config: Config, access_key: Option<String>) -> Result<(), i32> {
    let mut current = CURRENT.lock();
    if current.is_some() {
        return Err(REPETITIVE);
    }
    *current = Some(Arc::new(Context {
        service: Onenet::new(config, settings::dial()),
        callback,
        #[cfg(feature = "mqtt")]
        notices: Mutex::new(None),
        access_key,
    }));
    Ok(())
}

/// The SDK's codes: 0, below 0 local, 1 ..= 99 the platform's, 100 and above HTTP's.
fn code(error: &Error) -> i32 {
    match error {
        Error::Argument => INVALID_PARAM,
        Error::Data => INVALID_DATA,
        Error::Busy => RESOURCE_BUSY,
        Error::NoMemory | Error::Unreadable => NO_MEM,
        Error::Closed => UNINITIALIZED,
        Error::Store(_) => IO,
        Error::Unsupported => NOT_SUPPORT,
        Error::Network => NETWORK,
        Error::Protocol => CLOUD,
        Error::Timeout => TIMEOUT,
        Error::Overflow => OVERFLOW,
        // What would read as a local error or as an HTTP status is neither; `onenet_last_errno` has the number.
        Error::Platform(errno) => {
            i32::try_from(*errno).ok().filter(|n| (1..=99).contains(n)).unwrap_or(CLOUD)
        }
        Error::Status(status) => i32::from(*status),
        Error::Power | Error::Signal => REQUEST_FAILED,
        Error::Cancelled | Error::Internal => OTHERS,
    }
}

impl Context {
    /// To be held while one of the application's functions runs. `None` once the device has ended.
    fn enter(self: &Arc<Self>) -> Option<Running<'static, Arc<Self>>> {
        CALLS.enter(self.clone(), || self.service.is_closed())
    }

    /// Hands a body to C, with a writable byte behind it.
    fn tell(self: &Arc<Self>, state: ota_state_t, mut body: Vec<u8>) {
        let (Some(callback), Some(_running)) = (self.callback, self.enter()) else { return };
        let Ok(len) = u32::try_from(body.len()) else { return };
        body.push(0);
        // SAFETY: C gave the function for this prototype; the data outlives the call, and nobody else uses it.
        in_c(|| unsafe { callback(state, body.as_mut_ptr(), len) });
    }

    fn answered<T>(self: &Arc<Self>, state: ota_state_t, response: Response<T>) -> Result<T, i32> {
        let Response { body, result } = response;
        if let Some(body) = body {
            self.tell(state, body);
        }
        result.map_err(|error| code(&error))
    }
}

fn milliseconds(timeout_ms: u32) -> Duration {
    Duration::from_millis(u64::from(timeout_ms))
}

fn finished(result: Result<(), i32>) -> i32 {
    result.map_or_else(|code| code, |()| OK)
}

/// # Safety
/// `pointer` is NULL or points to a NUL-terminated string.
unsafe fn part<'a>(pointer: *const u8) -> Result<&'a str, i32> {
    // SAFETY: `pointer` is NULL or NUL-terminated, by this function's contract.
    unsafe { text::text(pointer.cast()) }.filter(|text| plain(text)).ok_or(INVALID_PARAM)
}

/// Sets the process's device up, general variant. Touches no network.
///
/// # Safety
/// The texts are NULL or NUL-terminated strings; `evt_cb` is NULL or a function of its type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ota_init(
    evt_cb: ota_evt_cb,
    dev_token: *const u8,
    dev_id: *const u8,
    version: *const u8,
    manuf: *const u8,
    model: *const u8,
    r#type: u8,
    cdn: boolean,
) -> i32 {
    guard("ota_init", OTHERS, || {
        // SAFETY: the texts are NULL or NUL-terminated, by this function's contract. Manufacturer and model
        // are checked and never sent, as in the SDK.
        let texts = unsafe { (part(dev_token), part(dev_id), part(version), part(manuf), part(model)) };
        let (Ok(authorization), Ok(device_id), Ok(version), Ok(_), Ok(_)) = texts else {
            return INVALID_PARAM;
        };
        if evt_cb.is_none() {
            return INVALID_PARAM;
        }
        let dialect = Dialect::General { device_id: device_id.to_owned(), cdn: cdn.0 != 0 };
        let config = options::current().config(dialect, authorization.to_owned(), version, r#type);
        finished(config.and_then(|config| enter(evt_cb, config, None)))
    })
}

/// Ends the process's device: calls under way in other threads return at once. Callbacks that run in other threads are
/// waited for; none is called once this has returned. Without a device it only waits for one that another thread ends.
#[unsafe(no_mangle)]
pub extern "C" fn ota_deinit() {
    guard("ota_deinit", (), || {
        let mut current = CURRENT.lock();
        let context = current.take();
        if let Some(context) = &context {
            context.service.close();
        }
        drop(current);
        #[cfg(feature = "mqtt")]
        if let Some(notices) = context.and_then(|context| context.notices.lock().take()) {
            notices.stop();
        }
        CALLS.wait_for_others(|context| context.service.is_closed());
    });
}

/// Tells the platform the version given to `ota_init`.
#[unsafe(no_mangle)]
pub extern "C" fn ota_post_version(timeout_ms: u32) -> i32 {
    guard("ota_post_version", OTHERS, || {
        finished(current().and_then(|context| {
            context.answered(POST_VERSION, context.service.post_version(milliseconds(timeout_ms)))
        }))
    })
}

/// Asks for a task. `task_info` is set to 0 unless there is one.
///
/// # Safety
/// `task_info` is NULL or points to its structure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ota_check_task(task_info: *mut ota_task_info_t, timeout_ms: u32) -> i32 {
    guard("ota_check_task", OTHERS, || {
        // SAFETY: `task_info` is NULL or may be written, by this function's contract; all bytes 0 are a value
        // of its type.
        unsafe { check_task(task_info, timeout_ms, false, general_info) }
    })
}

/// # Safety
/// `out` is NULL or points to its structure, of which all bytes 0 are a value.
unsafe fn check_task<T>(
    out: *mut T,
    timeout_ms: u32,
    things: bool,
    fill: fn(&Task, &mut T) -> Option<()>,
) -> i32 {
    let context = match variant(things) {
        Ok(context) => context,
        Err(code) => return code,
    };
    if out.is_null() {
        return INVALID_PARAM;
    }
    // SAFETY: not NULL, and may be written, by this function's contract.
    let out = unsafe {
        out.write_bytes(0, 1);
        &mut *out
    };
    match context.answered(CHECK_TASK, context.service.check_task(milliseconds(timeout_ms))) {
        Ok(task) if fill(&task, out).is_some() => OK,
        Ok(_) => {
            // SAFETY: `0` is NULL or has `1` bytes, by this function's contract.
            unsafe { std::ptr::from_mut(out).write_bytes(0, 1) };
            OVERFLOW
        }
        Err(code) => code,
    }
}

fn general_info(task: &Task, out: &mut ota_task_info_t) -> Option<()> {
    let TaskId::Token(token) = &task.id else { return None };
    whole(&task.target, &mut out.target)?;
    whole(&task.md5, &mut out.md5)?;
    whole(token, &mut out.token)?;
    // Nothing here uses the address: one that does not fit is left out rather than cut.
    if whole(task.address.as_deref().unwrap_or_default(), &mut out.ip).is_none() {
        crate::log!(Warning, "onenet", "task: ipPort has more than {} bytes, left out", out.ip.len() - 1);
    }
    out.size = u32::try_from(task.size).ok()?;
    (out.interval, out.retry) = (task.interval, task.retry);
    out.signal = u8::try_from(task.signal.clamp(0, 255)).unwrap_or(0);
    (out.power, out.r#type) = (task.power, task.kind);
    Some(())
}

/// Copies `text` with its NUL, or not at all.
fn whole(text: &str, out: &mut [u8]) -> Option<()> {
    (text.len() < out.len()).then(|| text::copy_truncated(text, out))
}

/// The context, if it is of this variant. A call begins.
fn variant(things: bool) -> Result<Arc<Context>, i32> {
    let context = current()?;
    context.service.begin();
    let is_things = context.service.config().dialect.device().is_some();
    if is_things == things { Ok(context) } else { Err(NOT_SUPPORT) }
}

/// # Safety
/// `token` is NULL or a NUL-terminated string.
unsafe fn by_token(token: *const u8) -> Result<(Arc<Context>, TaskId), i32> {
    let context = variant(false)?;
    // SAFETY: `token` is NULL or NUL-terminated, by this function's contract.
    let token = unsafe { part(token) }?;
    if token.contains(['/', '?', '#']) {
        Err(INVALID_PARAM)
    } else {
        Ok((context, TaskId::Token(token.to_owned())))
    }
}

fn check_standing((context, task): &(Arc<Context>, TaskId), timeout_ms: u32) -> Result<(), i32> {
    context.answered(CHECK_TOKEN, context.service.check_standing(task, milliseconds(timeout_ms)))
}

fn download(
    (context, task): &(Arc<Context>, TaskId),
    start: u32,
    size: u32,
    timeout_ms: u32,
) -> Result<(), i32> {
    let limit = milliseconds(timeout_ms);
    let body = context.service.package(task, u64::from(start), u64::from(size), limit);
    context.tell(DOWNLOAD_PACKAGE, body.map_err(|error| code(&error))?);
    Ok(())
}

fn report((context, task): &(Arc<Context>, TaskId), status_code: u32, timeout_ms: u32) -> Result<(), i32> {
    context.answered(REPORT_STATUS, context.service.report(task, status_code, milliseconds(timeout_ms)))
}

/// Asks whether the token of a task is still good; the platform wants that before each slice.
///
/// # Safety
/// `token` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ota_check_token(token: *mut u8, timeout_ms: u32) -> i32 {
    guard("ota_check_token", OTHERS, || {
        // SAFETY: `token` is NULL or NUL-terminated, by this function's contract.
        finished(unsafe { by_token(token) }.and_then(|task| check_standing(&task, timeout_ms)))
    })
}

/// Fetches one slice of the package and hands it to the callback: exactly `range_size` bytes, fewer only where the
/// package ends.
///
/// # Safety
/// `token` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ota_download_package(
    token: *mut u8,
    range_start: u32,
    range_size: u32,
    timeout_ms: u32,
) -> i32 {
    guard("ota_download_package", OTHERS, || {
        // SAFETY: `token` is NULL or NUL-terminated, by this function's contract.
        finished(
            unsafe { by_token(token) }.and_then(|task| download(&task, range_start, range_size, timeout_ms)),
        )
    })
}

/// Reports progress in percent (up to 100) or a result (above).
///
/// # Safety
/// `token` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ota_report_status(token: *mut u8, status_code: u32, timeout_ms: u32) -> i32 {
    guard("ota_report_status", OTHERS, || {
        // SAFETY: `token` is NULL or NUL-terminated, by this function's contract.
        finished(unsafe { by_token(token) }.and_then(|task| report(&task, status_code, timeout_ms)))
    })
}

/// The platform's number with which the last call was refused, also where it is none of 1 ..= 99; 0 when it was not.
#[unsafe(no_mangle)]
pub extern "C" fn onenet_last_errno() -> i32 {
    guard("onenet_last_errno", OTHERS, || {
        let refusal = current().ok().and_then(|context| context.service.refusal());
        refusal.and_then(|errno| i32::try_from(errno).ok()).unwrap_or(0)
    })
}
