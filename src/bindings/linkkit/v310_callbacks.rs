// SPDX-License-Identifier: MIT OR Apache-2.0
//! Callbacks of SDK generation V3.10 that v3.0.1 does not have.

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use parking_lot::Mutex;

use super::model::session;
use super::{FAIL, SUCCESS, v310_state};
use crate::bindings::guard::guard;
use crate::bindings::text;
use crate::hal::border::in_c;
use crate::service::aliyun::model::{Master, ReplyTo};

/// A text.
type Text = Option<unsafe extern "C" fn(*const c_char) -> c_int>;
/// Code, data and detail of an error that the cloud reports.
type CloudError = Option<unsafe extern "C" fn(c_int, *const c_char, *const c_char) -> c_int>;

/// A service to be answered later: device, name, message id, parameters, and what the answer gives back.
type ServiceExt = Option<
    unsafe extern "C" fn(
        c_int,
        *const c_char,
        c_int,
        *const c_char,
        c_int,
        *const c_char,
        c_int,
        *mut c_void,
    ) -> c_int,
>;

/// The callbacks that v3.0.1 does not have.
#[derive(Clone, Copy)]
struct Slots {
    service: ServiceExt,
    cloud_error: CloudError,
    device_secret: Text,
    identity: Text,
}

static SLOTS: Mutex<Slots> =
    Mutex::new(Slots { service: None, cloud_error: None, device_secret: None, identity: None });

/// The callback of an event that only this SDK generation has, by its number; NULL when there is none.
pub fn registered(evt: c_int) -> *mut c_void {
    let slots = *SLOTS.lock();
    let address = match evt {
        6 => slots.service.map(|f| f as usize),
        18 => slots.cloud_error.map(|f| f as usize),
        19 => slots.device_secret.map(|f| f as usize),
        20 => slots.identity.map(|f| f as usize),
        _ => v310_state::handler(evt).map(|f| f as usize),
    };
    address.map_or(std::ptr::null_mut(), std::ptr::with_exposed_provenance_mut)
}

/// Hands a service over that will be answered later; `false` when nobody takes such services.
pub fn service(master: &Master, devid: c_int, name: &CStr, params: &CStr, reply: &ReplyTo) -> bool {
    let callback = SLOTS.lock().service;
    let (Some(callback), Ok(id)) = (callback, CString::new(reply.id.as_str())) else { return false };
    let context = std::ptr::without_provenance_mut(master.remember_call(reply.clone()));
    let length = |text: &CStr| c_int::try_from(text.count_bytes()).unwrap_or(c_int::MAX);
    // SAFETY: C gave the function for this prototype; the texts outlive the call. The context is a number.
    in_c(|| unsafe {
        callback(
            devid,
            name.as_ptr(),
            length(name),
            id.as_ptr(),
            length(&id),
            params.as_ptr(),
            length(params),
            context,
        )
    });
    true
}

/// Answers a service that was handed over, once. -1: there is no such call, the response is not JSON, or it could not be
/// sent.
///
/// # Safety
/// `response` is NULL or points to `response_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_Linkkit_AnswerService(
    _devid: c_int,
    _serviceid: *mut c_char,
    _serviceid_len: c_int,
    response: *mut c_char,
    response_len: c_int,
    p_service_ctx: *mut c_void,
) -> c_int {
    guard("IOT_Linkkit_AnswerService", FAIL, || {
        // SAFETY: as the caller promises.
        let response = unsafe { text::bytes(response.cast(), response_len.into()) };
        let (Some(master), Some(response)) = (session::master(), response) else { return FAIL };
        let Some(call) = master.take_call(p_service_ctx.addr()) else { return FAIL };
        master.answer(&call, 200, response).map_or(FAIL, |()| SUCCESS)
    })
}

/// A service is called that `IOT_Linkkit_AnswerService` will answer; in place of `ITE_SERVICE_REQUEST`.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_SERVICE_REQUEST_EXT(
    cb: Option<
        unsafe extern "C" fn(
            c_int,
            *const c_char,
            c_int,
            *const c_char,
            c_int,
            *const c_char,
            c_int,
            *mut c_void,
        ) -> c_int,
    >,
) -> c_int {
    guard("iotx_register_for_ITE_SERVICE_REQUEST_EXT", SUCCESS, || {
        SLOTS.lock().service = cb;
        SUCCESS
    })
}

/// Tells of an error that the cloud reported on `/ext/error`.
pub fn cloud_error(code: c_int, data: &str, detail: &str) {
    let callback = SLOTS.lock().cloud_error;
    let texts = (CString::new(data), CString::new(detail));
    if let (Some(callback), (Ok(data), Ok(detail))) = (callback, texts) {
        // SAFETY: C gave the function for this prototype; the texts outlive the call.
        in_c(|| unsafe { callback(code, data.as_ptr(), detail.as_ptr()) });
    }
}

/// Tells of a secret that was registered.
pub fn device_secret(secret: &str) {
    let callback = SLOTS.lock().device_secret;
    if let (Some(callback), Ok(secret)) = (callback, CString::new(secret)) {
        // SAFETY: C gave the function for this prototype; the text outlives the call.
        in_c(|| unsafe { callback(secret.as_ptr()) });
    }
}

/// The cloud reports an error: code, data, the whole message.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_CLOUD_ERROR(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char, *const c_char) -> c_int>,
) -> c_int {
    guard("iotx_register_for_ITE_CLOUD_ERROR", SUCCESS, || {
        SLOTS.lock().cloud_error = cb;
        SUCCESS
    })
}

/// A device secret was registered; on the thread that connects.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_DYNREG_DEVICE_SECRET(
    cb: Option<unsafe extern "C" fn(*const c_char) -> c_int>,
) -> c_int {
    guard("iotx_register_for_ITE_DYNREG_DEVICE_SECRET", SUCCESS, || {
        SLOTS.lock().device_secret = cb;
        SUCCESS
    })
}

/// Kept and never called: nothing here signs in by a certificate, which this answers.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_IDENTITY_RESPONSE(
    cb: Option<unsafe extern "C" fn(*const c_char) -> c_int>,
) -> c_int {
    guard("iotx_register_for_ITE_IDENTITY_RESPONSE", SUCCESS, || {
        SLOTS.lock().identity = cb;
        SUCCESS
    })
}
