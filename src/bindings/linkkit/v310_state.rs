// SPDX-License-Identifier: MIT OR Apache-2.0
//! States of SDK generation V3.10: numbers and texts that parts of a program tell each other through `ITE_STATE_...`. The
//! library tells how connecting ends; what a firmware tells with `iotx_state_event` goes the same way.

use std::ffi::{CString, c_char, c_int};

use parking_lot::Mutex;

use super::{FAIL, SUCCESS};
use crate::bindings::guard::guard;
use crate::bindings::text;
use crate::hal::border::in_c;
use crate::mqtt::ConnectError;

/// A state's code and text.
type Handler = unsafe extern "C" fn(c_int, *const c_char) -> c_int;

/// `ITE_STATE_EVERYTHING`, the first of them.
const FIRST: c_int = 21;
/// `ITE_STATE_MQTT_COMM`.
const MQTT: c_int = 24;
/// `STATE_MQTT_BASE`: the codes of refusals are below it.
const MQTT_BASE: c_int = -0x0300;
/// How many there are.
const COUNT: usize = 10;

static HANDLERS: Mutex<[Option<Handler>; COUNT]> = Mutex::new([None; COUNT]);

/// The handler of the event with this number.
pub fn handler(event: c_int) -> Option<Handler> {
    usize::try_from(event - FIRST).ok().and_then(|n| HANDLERS.lock().get(n).copied().flatten())
}

/// Tells the handler of `event`, and the one of all events where that is another; `false` when nobody listens.
fn tell(event: c_int, code: c_int, message: &CString) -> bool {
    let (Some(own), all) = (handler(event), handler(FIRST)) else { return false };
    // SAFETY: C gave the functions for this prototype; the text outlives the calls.
    in_c(|| unsafe {
        own(code, message.as_ptr());
        if let Some(all) = all.filter(|all| *all as usize != own as usize) {
            all(code, message.as_ptr());
        }
    });
    true
}

/// Tells how connecting ended, on the thread that connected.
pub fn connected(outcome: Result<(), ConnectError>, ms: u128) {
    let (code, text) = match outcome {
        Ok(()) => (SUCCESS, format!("mqtt connected in {ms} ms")),
        Err(error) => {
            let code = match error {
                ConnectError::Refused(4) => MQTT_BASE - 5,
                ConnectError::Refused(5) => MQTT_BASE - 4,
                ConnectError::Refused(code @ 1..=3) => MQTT_BASE - c_int::from(code),
                ConnectError::Refused(_) | ConnectError::Protocol => MQTT_BASE - 0x17,
                _ => MQTT_BASE - 0x1B,
            };
            (code, error.to_string())
        }
    };
    if let Ok(text) = CString::new(text) {
        tell(MQTT, code, &text);
    }
}

/// `iotx_state_event` behind the header's formatting: tells a state; -1 when nobody listens.
///
/// # Safety
/// `message` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_v310_state_event(event: c_int, code: c_int, message: *const c_char) -> c_int {
    guard("iotx_state_event", FAIL, || {
        // SAFETY: as the caller promises.
        let message = unsafe { text::text(message) }.unwrap_or_default();
        // A text from C has no NUL inside.
        let message = CString::new(message).unwrap_or_default();
        if tell(event, code, &message) { SUCCESS } else { FAIL }
    })
}

/// Registers for one event; for all of them in place of it.
fn register(name: &'static str, event: usize, cb: Option<Handler>) -> c_int {
    guard(name, SUCCESS, || {
        let mut handlers = HANDLERS.lock();
        match handlers.get_mut(event) {
            _ if event == 0 => *handlers = [cb; COUNT],
            Some(slot) => *slot = cb,
            None => {}
        }
        SUCCESS
    })
}

/// All states: stands in for each of the nine below until that is registered itself.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_STATE_EVERYTHING(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char) -> c_int>,
) -> c_int {
    register("iotx_register_for_ITE_STATE_EVERYTHING", 0, cb)
}

/// Arguments that were refused.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_STATE_USER_INPUT(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char) -> c_int>,
) -> c_int {
    register("iotx_register_for_ITE_STATE_USER_INPUT", 1, cb)
}

/// The system's functions.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_STATE_SYS_DEPEND(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char) -> c_int>,
) -> c_int {
    register("iotx_register_for_ITE_STATE_SYS_DEPEND", 2, cb)
}

/// The connection: the only states that the library itself tells.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_STATE_MQTT_COMM(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char) -> c_int>,
) -> c_int {
    register("iotx_register_for_ITE_STATE_MQTT_COMM", 3, cb)
}

/// Wi-Fi provisioning.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_STATE_WIFI_PROV(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char) -> c_int>,
) -> c_int {
    register("iotx_register_for_ITE_STATE_WIFI_PROV", 4, cb)
}

/// The local network.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_STATE_COAP_LOCAL(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char) -> c_int>,
) -> c_int {
    register("iotx_register_for_ITE_STATE_COAP_LOCAL", 5, cb)
}

/// HTTP.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_STATE_HTTP_COMM(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char) -> c_int>,
) -> c_int {
    register("iotx_register_for_ITE_STATE_HTTP_COMM", 6, cb)
}

/// Updates.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_STATE_OTA(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char) -> c_int>,
) -> c_int {
    register("iotx_register_for_ITE_STATE_OTA", 7, cb)
}

/// Binding.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_STATE_DEV_BIND(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char) -> c_int>,
) -> c_int {
    register("iotx_register_for_ITE_STATE_DEV_BIND", 8, cb)
}

/// The device model.
#[unsafe(no_mangle)]
pub extern "C" fn iotx_register_for_ITE_STATE_DEV_MODEL(
    cb: Option<unsafe extern "C" fn(c_int, *const c_char) -> c_int>,
) -> c_int {
    register("iotx_register_for_ITE_STATE_DEV_MODEL", 9, cb)
}
