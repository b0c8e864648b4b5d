// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events, as C structures and as JSON text.

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int, c_void};
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

use otakit_core::platform::aliyun::module::Upgrade;

use super::{DEVICES, FAILED, HUB, guard, of_number, timeout};
use crate::bindings::text;
use crate::hal::border::in_c;
use crate::service::haas::{self, Content, Event, json};

/// `struct haas_offer`.
#[repr(C)]
pub struct haas_offer {
    /// The module that it is for.
    pub module_name: *const c_char,
    /// The version that it leads to.
    pub version: *const c_char,
    /// Where the file is.
    pub url: *const c_char,
    /// `md5` or `sha256`.
    pub hash_type: *const c_char,
    /// The digest's hexadecimal digits, in upper case.
    pub hash: *const c_char,
    /// The file's length in bytes.
    pub length: i64,
}

/// `struct haas_event`.
#[repr(C)]
pub struct haas_event {
    /// The device; 0: none.
    pub device: i64,
    /// `HAAS_ON_…` or `HAAS_OTA_…`.
    pub kind: i32,
    /// 0 or more: good; below 0: a code.
    pub value: i32,
    /// What is offered, or NULL.
    pub offer: *const haas_offer,
    /// A message's topic, or NULL.
    pub topic: *const c_char,
    /// A message's bytes with a NUL behind them, or NULL.
    pub payload: *const c_void,
    /// How many bytes, without that NUL.
    pub payload_size: usize,
    /// Why there is no connection, or NULL.
    pub reason: *const c_char,
}

// As `haas_ota.h` has them; checked there too.
#[cfg(target_pointer_width = "64")]
const _: () = {
    use std::mem::{offset_of, size_of};
    assert!(size_of::<haas_offer>() == 48 && offset_of!(haas_offer, length) == 40);
    assert!(size_of::<haas_event>() == 56 && offset_of!(haas_event, offer) == 16);
    assert!(offset_of!(haas_event, payload_size) == 40 && offset_of!(haas_event, reason) == 48);
};

/// Told of each event.
pub type haas_event_cb = Option<unsafe extern "C" fn(user: *mut c_void, event: *const haas_event)>;

/// An event with everything that its structure points to.
struct Held {
    event: haas_event,
    _texts: Vec<CString>,
    _payload: Vec<u8>,
    _offer: Option<Box<haas_offer>>,
}

impl Held {
    fn new(event: Event) -> Self {
        let Event { device, kind, value, content } = event;
        let (mut texts, mut bytes, mut offer) = (Vec::new(), Vec::new(), None);
        let mut c = haas_event {
            device,
            kind: narrow(kind),
            value: narrow(value),
            offer: ptr::null(),
            topic: ptr::null(),
            payload: ptr::null(),
            payload_size: 0,
            reason: ptr::null(),
        };
        match content {
            Content::Nothing => {}
            Content::Reason(reason) => c.reason = kept(&mut texts, reason),
            Content::Message { topic, payload } => {
                c.topic = kept(&mut texts, topic);
                c.payload_size = payload.len();
                bytes = payload;
                bytes.push(0);
                c.payload = bytes.as_ptr().cast();
            }
            Content::Offer(upgrade) => {
                let offered = Box::new(describe(&upgrade, &mut texts));
                c.offer = &raw const *offered;
                offer = Some(offered);
            }
        }
        Self { event: c, _texts: texts, _payload: bytes, _offer: offer }
    }
}

fn narrow(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(-1)
}

/// Puts a text where it stays, and tells where that is. No text of an event has a NUL inside.
fn kept(texts: &mut Vec<CString>, text: String) -> *const c_char {
    let text = CString::new(text).unwrap_or_default();
    // (Moving a CString does not move its bytes.)
    let pointer = text.as_ptr();
    texts.push(text);
    pointer
}

fn describe(upgrade: &Upgrade, texts: &mut Vec<CString>) -> haas_offer {
    let offer = &upgrade.firmware.offer;
    let mut keep = |text: &str| kept(texts, text.to_owned());
    haas_offer {
        module_name: keep(&upgrade.module),
        version: keep(&offer.version),
        url: keep(&offer.url),
        hash_type: keep(json::hash_type(upgrade)),
        hash: keep(&json::hash(upgrade)),
        length: i64::try_from(offer.size).unwrap_or(i64::MAX),
    }
}

/// Takes an event that `fits`; a device that has ended is forgotten with it.
fn take<E>(wait: Duration, fits: impl FnOnce(&Event) -> Result<(), E>) -> Option<Result<Event, E>> {
    let taken = HUB.events.take_if(wait, fits)?;
    if let Ok(event) = &taken
        && matches!(event.kind, haas::CLOSE | haas::ERROR)
        && let Some(handle) = of_number(event.device)
    {
        drop(DEVICES.close(handle));
    }
    Some(taken)
}

fn take_any(wait: Duration) -> Option<Event> {
    take(wait, |_| Ok::<(), ()>(())).and_then(Result::ok)
}

/// Descriptor that is readable while events wait.
#[unsafe(no_mangle)]
pub extern "C" fn haas_event_fd() -> c_int {
    guard("haas_event_fd", FAILED, || HUB.events.readable().map_or(FAILED, AsRawFd::as_raw_fd))
}

thread_local! {
    /// What the event points to that this thread took last.
    static TAKEN: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Takes one event.
///
/// # Safety
/// `event` is NULL or points to its structure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_poll_event(event: *mut haas_event, timeout_ms: c_int) -> c_int {
    guard("haas_poll_event", FAILED, || {
        if event.is_null() {
            return FAILED;
        }
        let Some(taken) = take_any(timeout(timeout_ms)) else { return 0 };
        let mut held = Some(Held::new(taken));
        if let Some(held) = &held {
            // SAFETY: not NULL, and writable as the caller promises. What it points to lives until this thread's next call.
            unsafe { event.write(ptr::read(&raw const held.event)) };
        }
        if TAKEN.try_with(|taken| taken.replace(held.take())).is_err() {
            // A thread that ends, in an `atexit` handler, keeps nothing any more: this stays for good.
            std::mem::forget(held);
        }
        1
    })
}

/// Calls `callback` for the events that wait.
///
/// # Safety
/// `callback` may be called with `user` until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_dispatch(
    callback: haas_event_cb,
    user: *mut c_void,
    timeout_ms: c_int,
) -> c_int {
    guard("haas_dispatch", FAILED, || {
        let Some(callback) = callback else { return FAILED };
        let (mut wait, mut count) = (timeout(timeout_ms), 0);
        while let Some(event) = take_any(wait) {
            let held = Held::new(event);
            // SAFETY: C gave the function for this prototype and promised that `user` is good for it; what the event points
            // to lives until the call returns.
            in_c(|| unsafe { callback(user, &raw const held.event) });
            wait = Duration::ZERO;
            count += 1;
        }
        count
    })
}

/// Takes one event, its content as JSON text.
///
/// # Safety
/// The numbers' pointers are NULL or point to an `int64_t` each; `text` is NULL or points to `text_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_poll_json(
    device: *mut i64,
    kind: *mut i64,
    value: *mut i64,
    text: *mut c_char,
    text_size: usize,
    timeout_ms: c_int,
) -> c_int {
    guard("haas_poll_json", FAILED, || {
        if device.is_null() || kind.is_null() || value.is_null() || text.is_null() || text_size == 0 {
            return FAILED;
        }
        let mut content = String::new();
        let fits = |event: &Event| {
            content = json::text(event);
            if content.len() < text_size { Ok(()) } else { Err(content.len() + 1) }
        };
        let event = match take(timeout(timeout_ms), fits) {
            None => return 0,
            Some(Err(needed)) => return c_int::try_from(needed).unwrap_or(FAILED),
            Some(Ok(event)) => event,
        };
        // SAFETY: none is NULL, and the caller promises that each may be written; the numbers need not be aligned.
        let out = unsafe {
            device.write_unaligned(event.device);
            kind.write_unaligned(event.kind);
            value.write_unaligned(event.value);
            text::buffer(text, text_size)
        };
        if let Some(out) = out {
            text::copy_truncated(&content, out);
        }
        1
    })
}
