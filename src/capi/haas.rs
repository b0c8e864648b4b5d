// SPDX-License-Identifier: MIT OR Apache-2.0
//! `haas_ota.h`: a device at Aliyun and the updates of its modules, for C and for Python over it.

mod ota;
mod register;

use std::ffi::{CString, c_char, c_int, c_void};
use std::os::fd::AsRawFd;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use super::guard::guard;
use super::handle::{Handle, Kind, Table};
use super::{settings, text};
use crate::lab::{self, Redirect};
use crate::net::{Roots, Security, Target};
use crate::platform::aliyun::identity::{self, DEVICE_SECRET_LEN, Region, SecureMode};
use crate::service::haas::{self, Event, Hub, Login};

const OK: c_int = 0;
const FAILED: c_int = -1;

/// Told of each event.
pub type haas_event_cb =
    Option<unsafe extern "C" fn(user: *mut c_void, device: i64, kind: i64, value: i64, text: *const c_char)>;

/// A device, made once its handle is known.
#[derive(Default)]
struct Slot(OnceLock<Arc<haas::Device>>);

static DEVICES: Table<Slot> = Table::new(Kind::Haas);
static HUB: LazyLock<Arc<Hub>> = LazyLock::new(Arc::default);

fn device(handle: i64) -> Option<Arc<haas::Device>> {
    DEVICES.get(of_number(handle)?)?.0.get().cloned()
}

fn of_number(handle: i64) -> Option<Handle> {
    let address = usize::try_from(handle).ok()?;
    Some(Handle::from_c(std::ptr::without_provenance(address)))
}

fn answer(name: &str, body: impl FnOnce() -> Option<()>) -> c_int {
    guard(name, FAILED, || body().map_or(FAILED, |()| OK))
}

fn timeout(milliseconds: c_int) -> Duration {
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
}

fn qos_up_to(most: u8, given: c_int) -> Option<u8> {
    u8::try_from(given).ok().filter(|qos| *qos <= most)
}

/// Takes an event; a device that has ended is forgotten with it.
fn take(wait: Duration) -> Option<Event> {
    let event = HUB.events.take(wait)?;
    if matches!(event.kind, haas::CLOSE | haas::ERROR)
        && let Some(handle) = of_number(event.device)
    {
        drop(DEVICES.close(handle));
    }
    Some(event)
}

/// A region of Aliyun's by its name.
fn named(region: Option<&str>) -> Option<Region> {
    match region.unwrap_or("cn-shanghai") {
        "cn-shanghai" => Some(Region::Shanghai),
        "ap-southeast-1" => Some(Region::Singapore),
        "ap-northeast-1" => Some(Region::Japan),
        "us-west-1" => Some(Region::UsWest),
        "eu-central-1" => Some(Region::Germany),
        _ => None,
    }
}

/// The broker of a region.
fn broker(region: Option<&str>, product_key: &str) -> Option<(Target, SecureMode)> {
    let named = named(region);
    let redirect = match named {
        Some(_) => lab::aliyun_mqtt(),
        None => Some(Redirect::parse(region?, "mqtt")?),
    };
    let (host, port, tls) = match (redirect, named) {
        (Some(redirect), _) => (redirect.host, redirect.port, redirect.tls),
        (None, named) => (named?.mqtt_host(product_key)?, SecureMode::Tls.port(), true),
    };
    let roots = Roots { pem: lab::authorities(), public: true };
    let security = if tls { Security::Tls(Arc::new(roots)) } else { Security::Plain };
    let mode = if tls { SecureMode::Tls } else { SecureMode::Tcp };
    Some((Target { host, port, security }, mode))
}

/// Begins to connect a device.
///
/// # Safety
/// The strings are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_device_connect(
    region: *const c_char,
    product_key: *const c_char,
    device_name: *const c_char,
    device_secret: *const c_char,
    keepalive_s: c_int,
) -> i64 {
    guard("haas_device_connect", -1, || {
        // SAFETY: as the caller vouches.
        let texts = unsafe {
            (
                text::given(region),
                text::given(product_key),
                text::given(device_name),
                text::given(device_secret),
            )
        };
        let (region, Some(product_key), Some(device_name), Some(secret)) = texts else { return -1 };
        connect(region, product_key, device_name, secret, keepalive_s).unwrap_or(-1)
    })
}

/// As `haas_device_connect`, for callers that get no 64 bits from a function.
///
/// # Safety
/// The strings are NULL or NUL-terminated; `device` is NULL or points to an `int64_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_device_open(
    region: *const c_char,
    product_key: *const c_char,
    device_name: *const c_char,
    device_secret: *const c_char,
    keepalive_s: c_int,
    device: *mut i64,
) -> c_int {
    answer("haas_device_open", || {
        if device.is_null() {
            return None;
        }
        // SAFETY: as the caller vouches.
        let id = unsafe { haas_device_connect(region, product_key, device_name, device_secret, keepalive_s) };
        // SAFETY: not NULL; writable, as the caller vouches; alignment is not relied upon.
        unsafe { device.write_unaligned(id) };
        (id > 0).then_some(())
    })
}

fn connect(
    region: Option<&str>,
    product_key: &str,
    device_name: &str,
    secret: &str,
    keepalive_s: c_int,
) -> Option<i64> {
    let device = identity::Device::new(product_key, device_name)?;
    let (target, mode) = broker(region, product_key)?;
    if secret.len() > DEVICE_SECRET_LEN {
        return None;
    }
    let keepalive = u64::try_from(keepalive_s).ok().filter(|seconds| (1..=1200).contains(seconds));
    let keepalive = Duration::from_secs(keepalive.unwrap_or(60));
    let login = Login { device, secret: secret.to_owned(), target, mode, keepalive };
    let slot = Arc::new(Slot::default());
    let handle = DEVICES.open_unless(Arc::clone(&slot), |_| false)?;
    let id = i64::try_from(handle.to_c().addr()).ok()?;
    let current = settings::current();
    let session = current.session.clone();
    let source = Box::new(move || current.http_source(None));
    let device = haas::Device::new(id, login, Arc::clone(&HUB), session, source);
    let device = Arc::clone(slot.0.get_or_init(|| Arc::new(device)));
    if !device.connect(settings::dial()) {
        drop(DEVICES.close(handle));
        return None;
    }
    Some(id)
}

/// Ends a device's connection.
#[unsafe(no_mangle)]
pub extern "C" fn haas_device_end(handle: i64) -> c_int {
    answer("haas_device_end", || {
        device(handle)?.end();
        Some(())
    })
}

/// Sends a message.
///
/// # Safety
/// `topic` is NULL or NUL-terminated; `payload` is NULL or points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_device_publish(
    handle: i64,
    topic: *const c_char,
    payload: *const c_void,
    size: usize,
    qos: c_int,
) -> c_int {
    answer("haas_device_publish", || {
        // SAFETY: as the caller vouches.
        let (topic, payload) =
            unsafe { (text::given(topic)?, text::bytes(payload, i64::try_from(size).ok()?)?) };
        device(handle)?.publish(topic, qos_up_to(1, qos)?, payload)
    })
}

/// Asks for a topic's messages.
///
/// # Safety
/// `topic` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_device_subscribe(handle: i64, topic: *const c_char, qos: c_int) -> c_int {
    answer("haas_device_subscribe", || {
        // SAFETY: as the caller vouches.
        let topic = unsafe { text::given(topic) }?;
        device(handle)?.subscribe(topic, qos_up_to(2, qos)?)
    })
}

/// Gives up a topic's messages.
///
/// # Safety
/// `topic` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_device_unsubscribe(handle: i64, topic: *const c_char) -> c_int {
    answer("haas_device_unsubscribe", || {
        // SAFETY: as the caller vouches.
        let topic = unsafe { text::given(topic) }?;
        device(handle)?.unsubscribe(topic)
    })
}

/// Descriptor that is readable while events wait.
#[unsafe(no_mangle)]
pub extern "C" fn haas_event_fd() -> c_int {
    guard("haas_event_fd", FAILED, || HUB.events.readable().map_or(FAILED, AsRawFd::as_raw_fd))
}

/// Takes one event.
///
/// # Safety
/// The numbers' pointers are NULL or point to an `int64_t` each; `text` is NULL or points to `text_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_poll_event(
    device: *mut i64,
    kind: *mut i64,
    value: *mut i64,
    text: *mut c_char,
    text_size: usize,
    timeout_ms: c_int,
) -> c_int {
    guard("haas_poll_event", FAILED, || {
        if device.is_null() || kind.is_null() || value.is_null() || text.is_null() || text_size == 0 {
            return FAILED;
        }
        let Some(event) = take(timeout(timeout_ms)) else { return 0 };
        // SAFETY: not NULL; writable, as the caller vouches; alignment is not relied upon.
        let out = unsafe {
            device.write_unaligned(event.device);
            kind.write_unaligned(event.kind);
            value.write_unaligned(event.value);
            text::buffer(text, text_size)
        };
        if let Some(out) = out.filter(|out| event.text.len() < out.len()) {
            text::copy_truncated(&event.text, out);
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
        while let Some(event) = take(wait) {
            let text = CString::new(event.text).unwrap_or_default();
            // SAFETY: C gave the function for this prototype and vouches for `user`; the text lives during the call.
            unsafe { callback(user, event.device, event.kind, event.value, text.as_ptr()) };
            wait = Duration::ZERO;
            count += 1;
        }
        count
    })
}
