// SPDX-License-Identifier: MIT OR Apache-2.0
//! The types of `mqtt_api.h` that cross the border in either direction: our client's, or the host SDK's.

use std::ffi::{c_char, c_int, c_void};

/// `IOTX_MQTT_EVENT_PUBLISH_RECEIVED`: the event's message is a topic info.
pub const PUBLISH_RECEIVED: c_int = 12;

/// `iotx_mqtt_qos_t`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct iotx_mqtt_qos_t(pub c_int);

/// `iotx_mqtt_topic_info_t`. Its pointers are valid during the callback only; the payload is followed by a NUL that its
/// length does not count.
#[repr(C)]
pub struct iotx_mqtt_topic_info_t {
    /// Packet id; 0 with QoS 0.
    pub packet_id: u16,
    /// 0, 1 or 2.
    pub qos: u8,
    /// 1 when it may have come before.
    pub dup: u8,
    /// 1 when the broker kept it.
    pub retain: u8,
    /// Length of the topic in bytes.
    pub topic_len: u16,
    /// Length of the payload in bytes.
    pub payload_len: u32,
    /// The topic.
    pub ptopic: *const c_char,
    /// The payload.
    pub payload: *const c_char,
}

/// `iotx_mqtt_event_msg_t`.
#[repr(C)]
pub struct iotx_mqtt_event_msg_t {
    /// `iotx_mqtt_event_type_t`.
    pub event_type: c_int,
    /// A packet id, a topic info, a text, or NULL, by type.
    pub msg: *mut c_void,
}

/// `iotx_mqtt_event_handle_func_fpt`.
pub type iotx_mqtt_event_handle_func_fpt = Option<
    unsafe extern "C" fn(pcontext: *mut c_void, pclient: *mut c_void, msg: *mut iotx_mqtt_event_msg_t),
>;

/// `iotx_mqtt_event_handle_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct iotx_mqtt_event_handle_t {
    /// The function; NULL for none.
    pub h_fp: iotx_mqtt_event_handle_func_fpt,
    /// Handed to it.
    pub pcontext: *mut c_void,
}
