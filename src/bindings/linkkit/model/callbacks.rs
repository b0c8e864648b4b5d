// SPDX-License-Identifier: MIT OR Apache-2.0
//! `IOT_RegisterCallback`: one slot per event, for the whole process. They outlive a session, as in the reference: a
//! firmware registers before it opens.

use std::ffi::{c_char, c_int, c_uchar, c_void};

use parking_lot::Mutex;

use super::super::{SUCCESS, v310_callbacks};
use crate::bindings::guard::guard;
use crate::hal::border::in_c;

type Function<F> = Option<F>;
/// Without arguments.
pub type Plain = unsafe extern "C" fn() -> c_int;
/// With a number.
pub type Number = unsafe extern "C" fn(c_int) -> c_int;
/// With a string.
pub type Text = unsafe extern "C" fn(*const c_char) -> c_int;
/// With bytes of a device.
pub type Bytes = unsafe extern "C" fn(c_int, *const c_uchar, c_int) -> c_int;
/// With a text of a device.
pub type Request = unsafe extern "C" fn(c_int, *const c_char, c_int) -> c_int;
/// With a text of a device, to be answered.
pub type Get = unsafe extern "C" fn(c_int, *const c_char, c_int, *mut *mut c_char, *mut c_int) -> c_int;
/// A service's name, its parameters, to be answered.
pub type Service = unsafe extern "C" fn(
    c_int,
    *const c_char,
    c_int,
    *const c_char,
    c_int,
    *mut *mut c_char,
    *mut c_int,
) -> c_int;
/// A text with its length.
pub type Data = unsafe extern "C" fn(*const c_char, c_int) -> c_int;
/// Device, message id, code, text.
pub type Answer = unsafe extern "C" fn(c_int, c_int, c_int, *const c_char, c_int) -> c_int;
/// Device, message id, code, event, message.
pub type EventAnswer =
    unsafe extern "C" fn(c_int, c_int, c_int, *const c_char, c_int, *const c_char, c_int) -> c_int;
/// A firmware's version.
pub type Fota = unsafe extern "C" fn(c_int, *const c_char) -> c_int;
/// What is known of a configuration.
pub type Cota = unsafe extern "C" fn(
    c_int,
    *const c_char,
    c_int,
    *const c_char,
    *const c_char,
    *const c_char,
    *const c_char,
) -> c_int;

/// The callbacks.
#[derive(Clone, Copy)]
pub struct Slots {
    /// `ITE_AWSS_STATUS`.
    pub awss_status: Function<Number>,
    /// `ITE_CONNECT_SUCC`.
    pub connect_succ: Function<Plain>,
    /// `ITE_CONNECT_FAIL`.
    pub connect_fail: Function<Plain>,
    /// `ITE_DISCONNECTED`.
    pub disconnected: Function<Plain>,
    /// `ITE_RAWDATA_ARRIVED`.
    pub rawdata: Function<Bytes>,
    /// `ITE_SERVICE_REQUEST`.
    pub service: Function<Service>,
    /// `ITE_PROPERTY_SET`.
    pub property_set: Function<Request>,
    /// `ITE_PROPERTY_GET`.
    pub property_get: Function<Get>,
    /// `ITE_PROPERTY_DESIRED_GET_REPLY`.
    pub desired: Function<Data>,
    /// `ITE_REPORT_REPLY`.
    pub report_reply: Function<Answer>,
    /// `ITE_TRIGGER_EVENT_REPLY`.
    pub event_reply: Function<EventAnswer>,
    /// `ITE_TIMESTAMP_REPLY`.
    pub timestamp: Function<Text>,
    /// `ITE_TOPOLIST_REPLY`.
    pub topolist: Function<Answer>,
    /// `ITE_PERMIT_JOIN`.
    pub permit_join: Function<Data>,
    /// `ITE_INITIALIZE_COMPLETED`.
    pub initialized: Function<Number>,
    /// `ITE_FOTA`.
    pub fota: Function<Fota>,
    /// `ITE_COTA`.
    pub cota: Function<Cota>,
    /// `ITE_MQTT_CONNECT_SUCC`.
    pub mqtt_connect_succ: Function<Plain>,
    /// `ITE_EVENT_NOTIFY`.
    pub notice: Function<Request>,
    /// `ITE_OFFLINE_RESET`.
    pub offline_reset: Function<Plain>,
}

static SLOTS: Mutex<Slots> = Mutex::new(Slots {
    awss_status: None,
    connect_succ: None,
    connect_fail: None,
    disconnected: None,
    rawdata: None,
    service: None,
    property_set: None,
    property_get: None,
    desired: None,
    report_reply: None,
    event_reply: None,
    timestamp: None,
    topolist: None,
    permit_join: None,
    initialized: None,
    fota: None,
    cota: None,
    mqtt_connect_succ: None,
    notice: None,
    offline_reset: None,
});

/// The callbacks as they are now. Copied, so that no lock is held while one runs.
pub fn current() -> Slots {
    *SLOTS.lock()
}

/// Tells that an MQTT client connected for the first time, on the thread that connected it.
pub fn mqtt_connected() {
    call(current().mqtt_connect_succ);
}

/// Calls a callback without arguments.
pub fn call(callback: Function<Plain>) {
    if let Some(callback) = callback {
        // SAFETY: C gave the function for this prototype.
        in_c(|| unsafe { callback() });
    }
}

/// Calls a callback with a number.
pub fn call_with(callback: Function<Number>, number: c_int) {
    if let Some(callback) = callback {
        // SAFETY: C gave the function for this prototype.
        in_c(|| unsafe { callback(number) });
    }
}

fn set(name: &'static str, change: impl FnOnce(&mut Slots)) -> c_int {
    guard(name, SUCCESS, || {
        change(&mut SLOTS.lock());
        SUCCESS
    })
}

/// Status of Wi-Fi provisioning; nothing in this library reports one.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_AWSS_STATUS(
    cb: Option<unsafe extern "C" fn(c_int) -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_AWSS_STATUS", |slots| slots.awss_status = cb)
}

/// Connected, at first and after each reconnection.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_CONNECT_SUCC(cb: Option<unsafe extern "C" fn() -> c_int>) -> c_int {
    set("iotx_register_for_ITE_CONNECT_SUCC", |slots| slots.connect_succ = cb)
}

/// `IOT_Linkkit_Connect` failed.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_CONNECT_FAIL(cb: Option<unsafe extern "C" fn() -> c_int>) -> c_int {
    set("iotx_register_for_ITE_CONNECT_FAIL", |slots| slots.connect_fail = cb)
}

/// The connection is lost.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_DISCONNECTED(cb: Option<unsafe extern "C" fn() -> c_int>) -> c_int {
    set("iotx_register_for_ITE_DISCONNECTED", |slots| slots.disconnected = cb)
}

/// Transparent data.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_RAWDATA_ARRIVED(
    cb: Option<unsafe extern "C" fn(c_int, *const c_uchar, c_int) -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_RAWDATA_ARRIVED", |slots| slots.rawdata = cb)
}

/// A service is called.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_SERVICE_REQUEST(
    cb: Option<
        unsafe extern "C" fn(
            c_int,
            *const c_char,
            c_int,
            *const c_char,
            c_int,
            *mut *mut c_char,
            *mut c_int,
        ) -> c_int,
    >,
) -> c_int {
    set("iotx_register_for_ITE_SERVICE_REQUEST", |slots| slots.service = cb)
}

/// Properties are to be set.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_PROPERTY_SET(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char, c_int) -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_PROPERTY_SET", |slots| slots.property_set = cb)
}

/// Desired properties came. Registered before `IOT_Linkkit_Connect`, their topics are subscribed there.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_PROPERTY_DESIRED_GET_REPLY(
    cb: Option<unsafe extern "C" fn(*const c_char, c_int) -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_PROPERTY_DESIRED_GET_REPLY", |slots| slots.desired = cb)
}

/// Properties are asked for. Registered before `IOT_Linkkit_Connect`, the topic is subscribed there.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_PROPERTY_GET(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char, c_int, *mut *mut c_char, *mut c_int) -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_PROPERTY_GET", |slots| slots.property_get = cb)
}

/// A report was answered.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_REPORT_REPLY(
    cb: Option<unsafe extern "C" fn(c_int, c_int, c_int, *const c_char, c_int) -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_REPORT_REPLY", |slots| slots.report_reply = cb)
}

/// An event was answered.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_TRIGGER_EVENT_REPLY(
    cb: Option<
        unsafe extern "C" fn(c_int, c_int, c_int, *const c_char, c_int, *const c_char, c_int) -> c_int,
    >,
) -> c_int {
    set("iotx_register_for_ITE_TRIGGER_EVENT_REPLY", |slots| slots.event_reply = cb)
}

/// The cloud's clock.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_TIMESTAMP_REPLY(
    cb: Option<unsafe extern "C" fn(*const c_char) -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_TIMESTAMP_REPLY", |slots| slots.timestamp = cb)
}

/// The gateway's sub-devices. Registered before `IOT_Linkkit_Connect`, a gateway's topics are subscribed there.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_TOPOLIST_REPLY(
    cb: Option<unsafe extern "C" fn(c_int, c_int, c_int, *const c_char, c_int) -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_TOPOLIST_REPLY", |slots| slots.topolist = cb)
}

/// Sub-devices may join. Registered before `IOT_Linkkit_Connect`, a gateway's topics are subscribed there.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_PERMIT_JOIN(
    cb: Option<unsafe extern "C" fn(*const c_char, c_int) -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_PERMIT_JOIN", |slots| slots.permit_join = cb)
}

/// A device's subscriptions are made.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_INITIALIZE_COMPLETED(
    cb: Option<unsafe extern "C" fn(c_int) -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_INITIALIZE_COMPLETED", |slots| slots.initialized = cb)
}

/// A firmware is on offer.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_FOTA(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char) -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_FOTA", |slots| slots.fota = cb)
}

/// A configuration is on offer.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_COTA(
    cb: Option<
        unsafe extern "C" fn(
            c_int,
            *const c_char,
            c_int,
            *const c_char,
            *const c_char,
            *const c_char,
            *const c_char,
        ) -> c_int,
    >,
) -> c_int {
    set("iotx_register_for_ITE_COTA", |slots| slots.cota = cb)
}

/// An MQTT client connected for the first time.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_MQTT_CONNECT_SUCC(
    cb: Option<unsafe extern "C" fn() -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_MQTT_CONNECT_SUCC", |slots| slots.mqtt_connect_succ = cb)
}

/// The platform tells something about the device. Registered before `IOT_Linkkit_Connect`, the topic is subscribed there.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_EVENT_NOTIFY(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char, c_int) -> c_int>,
) -> c_int {
    set("iotx_register_for_ITE_EVENT_NOTIFY", |slots| slots.notice = cb)
}

/// Kept and never called: it is told through the device shadow, which this library does not have.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_OFFLINE_RESET(cb: Option<unsafe extern "C" fn() -> c_int>) -> c_int {
    set("iotx_register_for_ITE_OFFLINE_RESET", |slots| slots.offline_reset = cb)
}

/// The callback of the event with this number (those of v3.0.1); NULL when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_event_callback(evt: c_int) -> *mut c_void {
    guard("iotx_event_callback", std::ptr::null_mut(), || {
        let slots = current();
        let address = match evt {
            0 => slots.awss_status.map(|f| f as usize),
            1 => slots.connect_succ.map(|f| f as usize),
            2 => slots.connect_fail.map(|f| f as usize),
            3 => slots.disconnected.map(|f| f as usize),
            4 => slots.rawdata.map(|f| f as usize),
            5 => slots.service.map(|f| f as usize),
            6 => slots.property_set.map(|f| f as usize),
            7 => slots.property_get.map(|f| f as usize),
            8 => slots.report_reply.map(|f| f as usize),
            9 => slots.event_reply.map(|f| f as usize),
            10 => slots.timestamp.map(|f| f as usize),
            11 => slots.topolist.map(|f| f as usize),
            12 => slots.permit_join.map(|f| f as usize),
            13 => slots.initialized.map(|f| f as usize),
            14 => slots.fota.map(|f| f as usize),
            15 => slots.cota.map(|f| f as usize),
            16 => slots.mqtt_connect_succ.map(|f| f as usize),
            17 => slots.notice.map(|f| f as usize),
            18 => slots.offline_reset.map(|f| f as usize),
            19 => return v310_callbacks::registered(18),
            20 => return v310_callbacks::registered(29),
            _ => None,
        };
        address.map_or(std::ptr::null_mut(), std::ptr::with_exposed_provenance_mut)
    })
}
