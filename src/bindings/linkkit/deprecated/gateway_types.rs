// SPDX-License-Identifier: MIT OR Apache-2.0
//! `linkkit_gateway_export.h`: its structures.

use std::cell::UnsafeCell;
use std::ffi::{c_char, c_int, c_void};

/// `linkkit_event_t`'s data; which member counts is said by the event's type.
#[repr(C)]
#[derive(Clone, Copy)]
pub union linkkit_event_data_t {
    /// A device: type 2.
    pub deleted: [*mut c_char; 2],
    /// A product, and for how many seconds: type 3.
    pub permitted: Permitted,
    /// A JSON array of devices: type 4.
    pub list: *mut c_char,
}

/// Devices of which product may join, and how long.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Permitted {
    /// Of this product.
    pub product_key: *mut c_char,
    /// For so long.
    pub seconds: c_int,
}

/// `linkkit_event_t`.
#[repr(C)]
pub struct linkkit_event_t {
    /// `LINKKIT_EVENT_...`.
    pub event_type: c_int,
    /// What it is about.
    pub event_data: linkkit_event_data_t,
}

/// Hears what happens to the gateway.
pub type EventCallback = unsafe extern "C" fn(*mut linkkit_event_t, *mut c_void) -> c_int;

/// `linkkit_params_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct linkkit_params_t {
    /// Room for what a callback answers, bytes.
    pub max_msg_size: c_int,
    /// Kept, without effect.
    pub max_msg_queue_size: c_int,
    /// Kept, without effect.
    pub thread_pool_size: c_int,
    /// Kept, without effect.
    pub thread_stack_size: c_int,
    /// Hears what happens.
    pub event_cb: Option<EventCallback>,
    /// Given back to it.
    pub ctx: *mut c_void,
}

/// The parameters that every program begins with, to be changed by it.
pub struct Shared(pub UnsafeCell<linkkit_params_t>);

// SAFETY: it is the program's, which changes it before it starts the gateway, as in the reference; Rust reads it only when the
// program hands it back, and by pointer.
unsafe impl Sync for Shared {}

/// The parameters of a new program.
pub static DEFAULTS: Shared = Shared(UnsafeCell::new(linkkit_params_t {
    max_msg_size: 20480,
    max_msg_queue_size: 16,
    thread_pool_size: 4,
    thread_stack_size: 8192,
    event_cb: None,
    ctx: std::ptr::null_mut(),
}));

/// `linkkit_cbs_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct linkkit_cbs_t {
    /// The device is on line.
    pub register_complete: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
    /// Properties are asked for: their names, room for their values.
    pub get_property: Option<unsafe extern "C" fn(*mut c_char, *mut c_char, c_int, *mut c_void) -> c_int>,
    /// Properties are to be set.
    pub set_property: Option<unsafe extern "C" fn(*mut c_char, *mut c_void) -> c_int>,
    /// A service is called: its name, its parameters, room for the answer.
    pub call_service:
        Option<unsafe extern "C" fn(*mut c_char, *mut c_char, *mut c_char, c_int, *mut c_void) -> c_int>,
    /// Transparent data, room for the answer.
    pub down_rawdata:
        Option<unsafe extern "C" fn(*const c_void, c_int, *mut c_void, c_int, *mut c_void) -> c_int>,
    /// The answer to transparent data.
    pub post_rawdata_reply: Option<unsafe extern "C" fn(*const c_void, c_int, *mut c_void) -> c_int>,
}

/// `linkkit_devinfo_t`.
#[repr(C)]
pub struct linkkit_devinfo_t {
    /// Valid until the device is destroyed.
    pub product_key: *mut c_char,
    /// Valid until the device is destroyed.
    pub device_name: *mut c_char,
    /// 0: the gateway, 1: a sub-device.
    pub devtype: c_int,
    /// Whether it is logged in.
    pub login: c_int,
    /// 0: enabled, 1: disabled, 2: removed.
    pub state: c_int,
    /// Whether it is on line.
    pub online: c_int,
}

/// `linkkit_extinfo_t`.
#[repr(C)]
pub struct linkkit_extinfo_t {
    /// The tag's name.
    pub key: *mut c_char,
    /// Its value.
    pub value: *mut c_char,
}

/// Hears how a post ended: more than 0 done, 0 no answer, less than 0 refused.
pub type DoneCallback = unsafe extern "C" fn(c_int, *mut c_void);
