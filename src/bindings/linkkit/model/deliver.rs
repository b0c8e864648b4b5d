// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events on their way into C callbacks, in the thread that yields. Texts are valid during the call only.

use std::cell::Cell;
use std::ffi::{CString, c_char, c_int};
use std::ptr::NonNull;

use super::super::sign::CLOUD;
use super::super::v310_callbacks;
use super::callbacks::{self, Slots};
use crate::hal::border::in_c;
use crate::hal::memory;
use crate::service::aliyun::model::{Event, Master, ReplyTo};

thread_local! {
    /// The device whose offer the running callback is about.
    static OFFER: Cell<Option<c_int>> = const { Cell::new(None) };
    /// Whether a callback runs in this thread.
    static DELIVERING: Cell<bool> = const { Cell::new(false) };
}

/// The device whose offer the running `ITE_FOTA` or `ITE_COTA` callback is about.
pub fn offered_device() -> Option<c_int> {
    OFFER.get()
}

/// Whether a callback runs in this thread.
pub fn is_delivering() -> bool {
    DELIVERING.get()
}

/// Delivers what waits now; what comes meanwhile waits for the next time. Nothing once the master is closed.
pub fn all(master: &Master) {
    each(master, |event| one(master, &callbacks::current(), event));
}

/// As [`all`], to callbacks of other prototypes.
pub fn each(master: &Master, mut one: impl FnMut(Event)) {
    for _ in 0..master.events_waiting() {
        let Some(_pass) = master.gate().enter() else { return };
        let Some(event) = master.next_event() else { return };
        DELIVERING.set(true);
        one(event);
        DELIVERING.set(false);
    }
}

fn one(master: &Master, slots: &Slots, event: Event) {
    match event {
        Event::Connected => callbacks::call(slots.connect_succ),
        Event::Disconnected => callbacks::call(slots.disconnected),
        Event::RawData { devid, data, .. } => {
            if let Some(callback) = slots.rawdata {
                // SAFETY: C gave the function for this prototype; the bytes outlive the call.
                in_c(|| unsafe { callback(devid, data.as_ptr(), int(data.len())) });
            }
        }
        Event::PropertySet { devid, params, reply } => {
            if CLOUD.lock().set_replies {
                let _ = master.answer(&reply, 200, b"{}");
            }
            if let (Some(callback), Some(params)) = (slots.property_set, c_text(params)) {
                // SAFETY: as above.
                in_c(|| unsafe { callback(devid, params.as_ptr(), length(&params)) });
            }
        }
        Event::Service { devid, name, params, reply } => {
            let (Some(name), Some(params)) = (c_text(name), c_text(params)) else { return };
            if v310_callbacks::service(master, devid, &name, &params, &reply) {
                return;
            }
            let Some(callback) = slots.service else { return };
            with_response(master, &reply, |response, len| {
                let (name, name_len) = (name.as_ptr(), length(&name));
                // SAFETY: as above; `response` and `len` are writable.
                in_c(|| unsafe {
                    callback(devid, name, name_len, params.as_ptr(), length(&params), response, len)
                })
            });
        }
        Event::PropertyGet { devid, params, reply } => {
            if let (Some(callback), Some(params)) = (slots.property_get, c_text(params)) {
                with_response(master, &reply, |response, len| {
                    // SAFETY: as above.
                    in_c(|| unsafe { callback(devid, params.as_ptr(), length(&params), response, len) })
                });
            }
        }
        Event::Firmware { devid, version } => {
            if let (Some(callback), Some(version)) = (slots.fota, c_text(version)) {
                // SAFETY: C gave the function for this prototype; the text outlives the call.
                about(devid, || in_c(|| unsafe { callback(0, version.as_ptr()) }));
            }
        }
        Event::Notice { devid, params, reply } => {
            if let (Some(callback), Some(params)) = (slots.notice, c_text(params)) {
                master.told_notice(reply);
                // SAFETY: as above.
                in_c(|| unsafe { callback(devid, params.as_ptr(), length(&params)) });
            }
        }
        Event::Config { devid, config } => offer_config(slots, devid, config),
        event => answered(slots, event),
    }
}

/// Answers to what the application sent, and notices without an answer.
fn answered(slots: &Slots, event: Event) {
    match event {
        Event::Desired(data) => {
            if let (Some(callback), Some(data)) = (slots.desired, c_text(data)) {
                // SAFETY: C gave the function for this prototype; the text outlives the call.
                in_c(|| unsafe { callback(data.as_ptr(), length(&data)) });
            }
        }
        Event::Report { devid, msgid, code, text } => {
            let Some(callback) = slots.report_reply else { return };
            let text = text.and_then(c_text);
            let (text, len) =
                text.as_ref().map_or((std::ptr::null(), 0), |text| (text.as_ptr(), length(text)));
            // SAFETY: as above.
            in_c(|| unsafe { callback(devid, id(msgid), code, text, len) });
        }
        Event::EventReply { devid, msgid, code, name, message } => {
            if let (Some(callback), Some(name), Some(message)) =
                (slots.event_reply, c_text(name), c_text(message))
            {
                let (name, name_len) = (name.as_ptr(), length(&name));
                // SAFETY: as above.
                in_c(|| unsafe {
                    callback(devid, id(msgid), code, name, name_len, message.as_ptr(), length(&message))
                });
            }
        }
        Event::Timestamp(time) => {
            if let (Some(callback), Some(time)) = (slots.timestamp, c_text(time)) {
                // SAFETY: as above.
                in_c(|| unsafe { callback(time.as_ptr()) });
            }
        }
        Event::TopoList { msgid, code, list } => {
            if let (Some(callback), Some(list)) = (slots.topolist, c_text(list)) {
                // SAFETY: as above.
                in_c(|| unsafe { callback(0, id(msgid), code, list.as_ptr(), length(&list)) });
            }
        }
        Event::PermitJoin { product_key, seconds } => {
            if let (Some(callback), Some(product_key)) = (slots.permit_join, c_text(product_key)) {
                // SAFETY: as above.
                in_c(|| unsafe { callback(product_key.as_ptr(), seconds) });
            }
        }
        Event::CloudError { code, data, text, .. } => v310_callbacks::cloud_error(code, &data, &text),
        _ => {}
    }
}

fn offer_config(slots: &Slots, devid: c_int, config: otakit_core::platform::aliyun::config::Config) {
    let Some(callback) = slots.cota else { return };
    let texts = [config.id, config.get_type, config.sign, config.sign_method, config.offer.url].map(c_text);
    let [Some(config_id), Some(get_type), Some(sign), Some(method), Some(url)] = texts else { return };
    let size = c_int::try_from(config.offer.size).unwrap_or(c_int::MAX);
    about(devid, || {
        // SAFETY: C gave the function for this prototype; the texts outlive the call.
        in_c(|| unsafe {
            callback(
                0,
                config_id.as_ptr(),
                size,
                get_type.as_ptr(),
                sign.as_ptr(),
                method.as_ptr(),
                url.as_ptr(),
            )
        })
    });
}

/// Runs a callback about an offer to a device.
pub fn about(devid: c_int, callback: impl FnOnce() -> c_int) {
    OFFER.set(Some(devid));
    callback();
    OFFER.set(None);
}

/// Runs a callback that may answer, sends its answer and frees it. Without an answer nothing is sent.
fn with_response(
    master: &Master,
    to: &ReplyTo,
    callback: impl FnOnce(*mut *mut c_char, *mut c_int) -> c_int,
) {
    let (mut response, mut len) = (std::ptr::null_mut(), 0);
    let returned = callback(&raw mut response, &raw mut len);
    let Some(block) = NonNull::new(response) else { return };
    // SAFETY: the callback promises the length of what it allocated.
    let data = unsafe { crate::bindings::text::bytes(response.cast(), len.into()) }.unwrap_or_default();
    if !data.is_empty() {
        let code = if returned == 0 { 200 } else { 400 };
        if master.answer(to, code, data).is_err() {
            crate::log!(Error, "model", "{}: the response is not JSON or cannot be sent", to.topic);
            let _ = master.answer(to, 400, b"{}");
        }
    }
    // SAFETY: the callback allocated it with HAL_Malloc and gave it away.
    unsafe { memory::free(block) };
}

/// `None`, with a log line, for a text that C cannot hold.
pub fn c_text(text: String) -> Option<CString> {
    CString::new(text).inspect_err(|_| crate::log!(Warning, "model", "text with a NUL: event dropped")).ok()
}

fn length(text: &CString) -> c_int {
    int(text.as_bytes().len())
}

fn int(n: usize) -> c_int {
    c_int::try_from(n).unwrap_or(c_int::MAX)
}

fn id(msgid: u32) -> c_int {
    c_int::try_from(msgid).unwrap_or_default()
}
