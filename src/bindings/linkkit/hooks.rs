// SPDX-License-Identifier: MIT OR Apache-2.0
//! `iotx_ota_internal.h`: what a device-model layer calls on the OTA module.

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::Arc;

use otakit_core::platform::aliyun::config::Config;
use otakit_core::platform::aliyun::offer::Firmware;

use super::ota::{returned, session};
use super::{FAIL, NULL_VALUE, SUCCESS};
use crate::bindings::guard::guard;
use crate::bindings::text;
use crate::hal::border::in_c;
use crate::service::aliyun::{Content, OtaError};

/// `ota_fetch_cb_fpt`: called with `is_fetch` 0 when a firmware is on offer (inside the MQTT yield)
/// and with 1 when its download has ended (inside `IOT_OTA_FetchYield`). A size that does not fit is 0xFFFFFFFF. The texts are valid during the call only.
pub type ota_fetch_cb_fpt = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        is_fetch: c_int,
        size_file: u32,
        purl: *mut c_char,
        version: *mut c_char,
    ),
>;

/// `cota_fetch_cb_fpt`: the same for a remote configuration.
pub type cota_fetch_cb_fpt = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        is_fetch: c_int,
        configId: *mut c_char,
        configSize: u32,
        sign: *mut c_char,
        signMethod: *mut c_char,
        url: *mut c_char,
        getType: *mut c_char,
    ),
>;

/// Asks the cloud for an image newer than `version` (1..=32 bytes). -1 during a download.
///
/// # Safety
/// `version` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_req_image(handle: *mut c_void, version: *const c_char) -> c_int {
    guard("iotx_req_image", FAIL, || {
        // SAFETY: as the caller promises.
        let (Some(ota), Some(version)) = (session(handle), unsafe { text::text(version) }) else {
            return NULL_VALUE;
        };
        if ota.is_fetching() {
            ota.note(OtaError::State);
            return FAIL;
        }
        ota.request_image(version).map_or_else(returned, |()| SUCCESS)
    })
}

/// Asks the cloud for the remote configuration. -1 during a download, -7 when it could not be sent.
///
/// # Safety
/// The texts are NULL or NUL-terminated strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_ota_get_config(
    handle: *mut c_void,
    configScope: *const c_char,
    getType: *const c_char,
    attributeKeys: *const c_char,
) -> c_int {
    guard("iotx_ota_get_config", FAIL, || {
        // SAFETY: as the caller promises.
        let texts = unsafe { (text::text(configScope), text::text(getType), text::text(attributeKeys)) };
        let (Some(ota), (Some(scope), Some(get_type), Some(keys))) = (session(handle), texts) else {
            return NULL_VALUE;
        };
        if ota.is_fetching() {
            ota.note(OtaError::State);
            return FAIL;
        }
        ota.request_config(scope, get_type, keys).map_or_else(returned, |()| SUCCESS)
    })
}

/// Sets what is called when a firmware is on offer. NULL is refused, as in the reference.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_ota_set_fetch_callback(
    pt: *mut c_void,
    fetch_cb: ota_fetch_cb_fpt,
    user_data: *mut c_void,
) -> c_int {
    guard("iotx_ota_set_fetch_callback", FAIL, || {
        let (Some(ota), Some(callback)) = (session(pt), fetch_cb) else { return FAIL };
        let user_data = UserData(user_data);
        ota.on_firmware(Arc::new(move |content, ended| {
            if let Content::Firmware(firmware) = content {
                call_firmware(callback, &user_data, ended, firmware);
            }
        }));
        SUCCESS
    })
}

/// Sets what is called when a remote configuration is on offer. NULL is refused, as in the reference.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_ota_set_cota_fetch_callback(
    pt: *mut c_void,
    fetch_cb: cota_fetch_cb_fpt,
    user_data: *mut c_void,
) -> c_int {
    guard("iotx_ota_set_cota_fetch_callback", FAIL, || {
        let (Some(ota), Some(callback)) = (session(pt), fetch_cb) else { return FAIL };
        let user_data = UserData(user_data);
        ota.on_config(Arc::new(move |content, ended| {
            if let Content::Config(config) = content {
                call_config(callback, &user_data, ended, config);
            }
        }));
        SUCCESS
    })
}

/// What C wants back in its callback. The library only passes it on.
struct UserData(*mut c_void);

// SAFETY: the pointer is never dereferenced here; C chose the threads by choosing where it yields.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

type Present<T> = <T as Callback>::Function;

/// Names the function type inside an optional callback.
trait Callback {
    type Function;
}

impl<F> Callback for Option<F> {
    type Function = F;
}

fn call_firmware(
    callback: Present<ota_fetch_cb_fpt>,
    user_data: &UserData,
    ended: bool,
    firmware: &Firmware,
) {
    let offer = &firmware.offer;
    let (Some(url), Some(version)) = (owned(&offer.url), owned(&offer.version)) else { return };
    let size = narrow(offer.size);
    // SAFETY: C gave the function for this prototype; the texts outlive the call.
    in_c(|| unsafe {
        callback(user_data.0, c_int::from(ended), size, url.as_ptr().cast_mut(), version.as_ptr().cast_mut())
    });
}

fn call_config(callback: Present<cota_fetch_cb_fpt>, user_data: &UserData, ended: bool, config: &Config) {
    let texts = [&config.id, &config.sign, &config.sign_method, &config.offer.url, &config.get_type]
        .map(|text| owned(text));
    let [Some(id), Some(sign), Some(method), Some(url), Some(get_type)] = texts else { return };
    let size = narrow(config.offer.size);
    let pointer = |text: &CString| text.as_ptr().cast_mut();
    // SAFETY: C gave the function for this prototype; the texts outlive the call.
    in_c(|| unsafe {
        callback(
            user_data.0,
            c_int::from(ended),
            pointer(&id),
            size,
            pointer(&sign),
            pointer(&method),
            pointer(&url),
            pointer(&get_type),
        );
    })
}

fn narrow(size: u64) -> u32 {
    u32::try_from(size).unwrap_or_else(|_| {
        crate::log!(Warning, "ota", "size {size} does not fit the callback's 32 bits");
        u32::MAX
    })
}

fn owned(text: &str) -> Option<CString> {
    CString::new(text).ok()
}
