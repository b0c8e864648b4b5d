// SPDX-License-Identifier: MIT OR Apache-2.0
//! What differs for programs of SDK generation V3.10: own symbols, to which the headers in `include/linkkit/v3.10` map the
//! old names, and functions that v3.0.1 does not have.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

use super::infra::IOT_Ioctl;
use super::model::api::{IOT_Linkkit_Report, IOT_Linkkit_Yield, iotx_linkkit_msg_type_t};
use super::model::callbacks::iotx_event_callback;
use super::model::session;
use super::mqtt::construct::{Given, V310};
use super::mqtt::{self, iotx_mqtt_param_t};
use super::ota::{IOT_OTA_CmdType_t, IOT_OTA_Ioctl, session as ota_session};
use super::sign::{CLOUD, IOT_Sign_MQTT, iotx_dev_meta_info_t, iotx_mqtt_region_types_t, iotx_sign_mqtt_t};
use super::{FAIL, NULL_VALUE, SUCCESS, v310_callbacks};
use crate::bindings::guard::guard;
use crate::bindings::text;
use crate::hal::border::in_c;
use crate::hal::device::{self, Part};
use crate::service::aliyun::Content;

/// `ERROR_DEV_SIGN_HOST_NAME_TOO_SHORT`.
const HOST_TOO_LONG: i32 = -1100;

/// `iotx_sign_mqtt_t` of this SDK generation: the host has less room.
#[repr(C)]
pub struct otakit_v310_sign_mqtt_t {
    /// Broker.
    pub hostname: [c_char; 64],
    /// Its port.
    pub port: u16,
    /// MQTT client id.
    pub clientid: [c_char; 200],
    /// MQTT user name.
    pub username: [c_char; 64],
    /// MQTT password.
    pub password: [c_char; 65],
}

/// `IOT_Sign_MQTT`.
///
/// # Safety
/// `meta` and `signout` are NULL or point to their structures.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_v310_IOT_Sign_MQTT(
    region: iotx_mqtt_region_types_t,
    meta: *mut iotx_dev_meta_info_t,
    signout: *mut otakit_v310_sign_mqtt_t,
) -> i32 {
    guard("IOT_Sign_MQTT", FAIL, || {
        // SAFETY: as the caller promises.
        let Some(out) = (unsafe { signout.as_mut() }) else { return FAIL };
        let mut signed = iotx_sign_mqtt_t {
            hostname: [0; 256],
            port: 0,
            clientid: [0; 200],
            username: [0; 64],
            password: [0; 65],
        };
        // SAFETY: as the caller promises.
        let code = in_c(|| unsafe { IOT_Sign_MQTT(region, meta, &raw mut signed) });
        if code != SUCCESS {
            return code;
        }
        let (host, rest) = signed.hostname.split_at(out.hostname.len());
        if host.last() != Some(&0) || rest.iter().any(|&c| c != 0) {
            return HOST_TOO_LONG;
        }
        out.hostname.copy_from_slice(host);
        out.port = signed.port;
        (out.clientid, out.username, out.password) = (signed.clientid, signed.username, signed.password);
        SUCCESS
    })
}

/// `IOT_MQTT_Construct`, with this SDK generation's time-outs and buffers.
///
/// # Safety
/// As for `IOT_MQTT_Construct`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_v310_IOT_MQTT_Construct(pInitParams: *mut iotx_mqtt_param_t) -> *mut c_void {
    guard("IOT_MQTT_Construct", std::ptr::null_mut(), || {
        // SAFETY: as the caller promises.
        mqtt::connect(unsafe { Given::read(pInitParams) }, &V310)
    })
}

/// `IOT_Ioctl`, by this SDK generation's numbers.
///
/// # Safety
/// `value` is NULL or points to what the option asks for; what is got of the identity has room for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_v310_IOT_Ioctl(option: c_int, value: *mut c_void) -> c_int {
    guard("IOT_Ioctl", FAIL, || {
        if value.is_null() {
            return FAIL;
        }
        // SAFETY: as the caller promises.
        unsafe {
            match option {
                18 => in_c(|| IOT_Ioctl(12, value)),
                0..=11 | 13 => in_c(|| IOT_Ioctl(option, value)),
                14 => {
                    CLOUD.lock().mqtt_port = value.cast::<u16>().read_unaligned();
                    SUCCESS
                }
                // Without effect: downloads are bounded otherwise, there is no Wi-Fi provisioning.
                12 | 15 | 16 => SUCCESS,
                20 => set(Part::ProductKey, value),
                22 => set(Part::ProductSecret, value),
                24 => set(Part::DeviceName, value),
                26 => set(Part::DeviceSecret, value),
                21 => get(device::product_key(), value),
                23 => get(device::product_secret(), value),
                25 => get(device::device_name(), value),
                27 => get(device::device_secret(), value),
                _ => FAIL,
            }
        }
    })
}

/// # Safety
/// `value` points to a NUL-terminated string.
unsafe fn set(part: Part, value: *const c_void) -> c_int {
    // SAFETY: as the caller promises.
    let value = unsafe { text::text(value.cast()) };
    if value.is_some_and(|value| device::set(part, value)) { SUCCESS } else { FAIL }
}

/// An empty text when there is no value, as the SDK generation's own examples rely on.
///
/// # Safety
/// `to` has room for the text and a NUL.
unsafe fn get(value: Option<String>, to: *mut c_void) -> c_int {
    let value = value.unwrap_or_default();
    // SAFETY: as the caller promises.
    if let Some(out) = unsafe { text::buffer(to.cast(), value.len() + 1) } {
        text::copy_truncated(&value, out);
    }
    SUCCESS
}

/// `IOT_OTA_Ioctl` with `IOT_OTAG_RESET_STATE` (14): gives up the offer; the buffer may be NULL.
///
/// # Safety
/// As for `IOT_OTA_Ioctl`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_v310_IOT_OTA_Ioctl(
    handle: *mut c_void,
    cmd: IOT_OTA_CmdType_t,
    buf: *mut c_void,
    buf_len: c_int,
) -> c_int {
    guard("IOT_OTA_Ioctl", FAIL, || {
        if cmd.0 != 14 {
            // SAFETY: as the caller promises.
            return in_c(|| unsafe { IOT_OTA_Ioctl(handle, cmd, buf, buf_len) });
        }
        let Some(ota) = ota_session(handle) else { return NULL_VALUE };
        ota.forget_offer();
        SUCCESS
    })
}

/// Sets what is called, inside the MQTT yield, when an offer was taken. -1 for NULL and for a handle that is not open.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_OTA_SetOnPushedCallback(
    handle: *mut c_void,
    on_pushed: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
) -> c_int {
    guard("IOT_OTA_SetOnPushedCallback", FAIL, || {
        let (Some(ota), Some(callback)) = (ota_session(handle), on_pushed) else { return FAIL };
        // A handle is a number, not an address.
        let handle = handle.addr();
        let hook = Arc::new(move |_: &Content, ended: bool| {
            if !ended {
                // SAFETY: C gave the function for this prototype.
                in_c(|| unsafe { callback(std::ptr::without_provenance_mut(handle)) });
            }
        });
        ota.on_firmware(hook.clone());
        ota.on_config(hook);
        SUCCESS
    })
}

/// `iotx_event_callback`, by this SDK generation's numbers.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_v310_iotx_event_callback(evt: c_int) -> *mut c_void {
    guard("iotx_event_callback", std::ptr::null_mut(), || match evt {
        0..=5 => in_c(|| iotx_event_callback(evt)),
        7..=17 => in_c(|| iotx_event_callback(evt - 1)),
        31 | 32 => in_c(|| iotx_event_callback(evt - 14)),
        _ => v310_callbacks::registered(evt),
    })
}

/// `IOT_Linkkit_Yield`, which tells whether it could.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_v310_IOT_Linkkit_Yield(timeout_ms: c_int) -> c_int {
    guard("IOT_Linkkit_Yield", FAIL, || {
        let connected = session::master().is_some_and(|master| master.is_connected());
        in_c(|| IOT_Linkkit_Yield(timeout_ms));
        if timeout_ms <= 0 || !connected {
            return FAIL;
        }
        SUCCESS
    })
}

/// `IOT_Linkkit_Report` with `ITM_MSG_POST_HISTORY_DATA` (16).
///
/// # Safety
/// As for `IOT_Linkkit_Report`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_v310_IOT_Linkkit_Report(
    devid: c_int,
    msg_type: iotx_linkkit_msg_type_t,
    payload: *mut u8,
    payload_len: c_int,
) -> c_int {
    guard("IOT_Linkkit_Report", FAIL, || {
        if msg_type.0 != 16 {
            // SAFETY: as the caller promises.
            return in_c(|| unsafe { IOT_Linkkit_Report(devid, msg_type, payload, payload_len) });
        }
        // SAFETY: as the caller promises.
        let payload = unsafe { text::bytes(payload.cast(), payload_len.into()) };
        let master = session::master().filter(|master| master.is_connected() && devid >= 0);
        let (Some(master), Some(payload @ [_, ..])) = (master, payload) else { return FAIL };
        let posted = master.post_history(devid, payload);
        posted.ok().and_then(|id| c_int::try_from(id).ok()).unwrap_or(FAIL)
    })
}
