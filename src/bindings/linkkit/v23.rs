// SPDX-License-Identifier: MIT OR Apache-2.0
//! What differs for programs of SDK generation V2.3: own symbols, to which the headers in `include/linkkit/v2.3` map the old
//! names, and a function that v3.0.1 does not have.

use std::ffi::{c_char, c_int, c_void};

use otakit_core::platform::aliyun::identity::Device;
use otakit_core::platform::aliyun::json::quote;
use otakit_core::platform::aliyun::model::{envelope, topics};

use super::model::api::{IOT_Linkkit_Query, IOT_Linkkit_Report, iotx_linkkit_msg_type_t};
use super::mqtt::construct::{Given, V301};
use super::mqtt::{self, iotx_mqtt_param_t};
use super::mqtt_types::iotx_mqtt_event_handle_t;
use super::ota::{IOT_OTA_CmdType_t, IOT_OTA_Ioctl};
use super::{FAIL, NULL_VALUE};
use crate::bindings::guard::guard;
use crate::bindings::text;
use crate::hal::border::in_c;
use crate::service::aliyun::message_id;

/// `iotx_mqtt_param_t` of this SDK generation: without `customize_info`.
#[repr(C)]
pub struct otakit_v23_mqtt_param_t {
    /// Broker's port.
    pub port: u16,
    /// Broker's host.
    pub host: *const c_char,
    /// MQTT client id.
    pub client_id: *const c_char,
    /// MQTT user name.
    pub username: *const c_char,
    /// MQTT password.
    pub password: *const c_char,
    /// PEM text of the authorities to trust.
    pub pub_key: *const c_char,
    /// 1: the broker forgets the session.
    pub clean_session: u8,
    /// As in v3.0.1.
    pub request_timeout_ms: u32,
    /// As in v3.0.1.
    pub keepalive_interval_ms: u32,
    /// As in v3.0.1.
    pub write_buf_size: u32,
    /// As in v3.0.1.
    pub read_buf_size: u32,
    /// As in v3.0.1.
    pub handle_event: iotx_mqtt_event_handle_t,
}

/// `IOT_MQTT_Construct`.
///
/// # Safety
/// `params` is NULL or points to the structure, its texts are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_v23_IOT_MQTT_Construct(params: *mut otakit_v23_mqtt_param_t) -> *mut c_void {
    guard("IOT_MQTT_Construct", std::ptr::null_mut(), || {
        // SAFETY: as the caller promises.
        let params = unsafe { params.as_ref() }.map(otakit_v23_mqtt_param_t::widened);
        let params = params.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: NULL, or a structure that outlives the call; its texts are as the caller promises.
        mqtt::connect(unsafe { Given::read(params) }, &V301)
    })
}

impl otakit_v23_mqtt_param_t {
    /// With the member that this SDK generation lacks.
    fn widened(&self) -> iotx_mqtt_param_t {
        iotx_mqtt_param_t {
            port: self.port,
            host: self.host,
            client_id: self.client_id,
            username: self.username,
            password: self.password,
            customize_info: std::ptr::null(),
            pub_key: self.pub_key,
            clean_session: self.clean_session,
            request_timeout_ms: self.request_timeout_ms,
            keepalive_interval_ms: self.keepalive_interval_ms,
            write_buf_size: self.write_buf_size,
            read_buf_size: self.read_buf_size,
            handle_event: self.handle_event,
        }
    }
}

/// `IOT_OTA_Ioctl`, whose length is a `size_t`.
///
/// # Safety
/// As for `IOT_OTA_Ioctl`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_v23_IOT_OTA_Ioctl(
    handle: *mut c_void,
    cmd: IOT_OTA_CmdType_t,
    buf: *mut c_void,
    buf_len: usize,
) -> c_int {
    guard("IOT_OTA_Ioctl", FAIL, || match c_int::try_from(buf_len) {
        // SAFETY: as the caller promises.
        Ok(len) => in_c(|| unsafe { IOT_OTA_Ioctl(handle, cmd, buf, len) }),
        Err(_) => NULL_VALUE,
    })
}

/// The number that v3.0.1 gives a message of this SDK generation: DELETE_TOPO was added before the queries.
fn renumbered(message: iotx_linkkit_msg_type_t) -> Option<iotx_linkkit_msg_type_t> {
    match message.0 {
        0..=5 => Some(message),
        6..=11 => Some(iotx_linkkit_msg_type_t(message.0 + 1)),
        32 => Some(message),
        _ => None,
    }
}

/// `IOT_Linkkit_Report`, by this SDK generation's numbers.
///
/// # Safety
/// As for `IOT_Linkkit_Report`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_v23_IOT_Linkkit_Report(
    devid: c_int,
    msg_type: iotx_linkkit_msg_type_t,
    payload: *mut u8,
    payload_len: c_int,
) -> c_int {
    guard("IOT_Linkkit_Report", FAIL, || {
        // SAFETY: `payload` is NULL or points to `payload_len` bytes, as that function asks for.
        renumbered(msg_type)
            .map_or(FAIL, |kind| in_c(|| unsafe { IOT_Linkkit_Report(devid, kind, payload, payload_len) }))
    })
}

/// `IOT_Linkkit_Query`, by this SDK generation's numbers.
///
/// # Safety
/// As for `IOT_Linkkit_Query`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_v23_IOT_Linkkit_Query(
    devid: c_int,
    msg_type: iotx_linkkit_msg_type_t,
    payload: *mut u8,
    payload_len: c_int,
) -> c_int {
    guard("IOT_Linkkit_Query", FAIL, || {
        // SAFETY: `payload` is NULL or points to `payload_len` bytes, as that function asks for.
        renumbered(msg_type)
            .map_or(FAIL, |kind| in_c(|| unsafe { IOT_Linkkit_Query(devid, kind, payload, payload_len) }))
    })
}

/// Sends a line to the cloud's log service. 0 when sent, -1 when not, -2 for arguments that cannot be used.
///
/// # Safety
/// The texts are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_MQTT_LogPost(
    pclient: *mut c_void,
    level: *const c_char,
    module: *const c_char,
    msg: *const c_char,
) -> c_int {
    guard("IOT_MQTT_LogPost", FAIL, || {
        // SAFETY: as the caller promises.
        let texts = unsafe { (text::text(level), text::text(module), text::text(msg)) };
        let (Some(client), (Some(level), Some(module), Some(msg))) = (mqtt::find(pclient), texts) else {
            return NULL_VALUE;
        };
        let user = client.options().username.clone();
        let Some(device) = user.split_once('&').and_then(|(dn, pk)| Device::new(pk, dn)) else { return FAIL };
        let line = quote(&format!("{level} {module} {msg}"));
        let params = format!(r#"{{"template":"traceContext logContent","contents":[{line}]}}"#);
        let payload = envelope::encode_call(message_id::next(), "thing.log.post", &params);
        let sent = client.publish(&topics::sys(&device, "thing/log/post"), 0, payload.as_bytes());
        sent.map_or(FAIL, c_int::from)
    })
}
