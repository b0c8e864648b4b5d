// SPDX-License-Identifier: MIT OR Apache-2.0
//! `haas_ota.h`: a device at Aliyun and the updates of its modules, for C and for Python over it.

mod events;
mod ota;
mod register;

use std::ffi::{c_char, c_int, c_void};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use otakit_core::platform::aliyun::identity::{self, DEVICE_SECRET_LEN, Region, SecureMode};

use super::guard::guard;
use super::handle::{Handle, Kind, Table};
use super::{settings, text};
use crate::hal::border::in_c;
use crate::lab::{self, Redirect};
use crate::net::{Roots, Security, Target};
use crate::service::haas::{self, Hub, Login};

const OK: c_int = 0;
const FAILED: c_int = -1;

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

fn answer(name: &'static str, body: impl FnOnce() -> Option<()>) -> c_int {
    guard(name, FAILED, || body().map_or(FAILED, |()| OK))
}

fn timeout(milliseconds: c_int) -> Duration {
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
}

fn qos_up_to(most: u8, given: c_int) -> Option<u8> {
    u8::try_from(given).ok().filter(|qos| *qos <= most)
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
    let roots = Roots { pem: settings::lab_authorities(), public: true };
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
        // SAFETY: `region`, `product_key`, `device_name` and `device_secret` are NULL or NUL-terminated, by
        // this function's contract.
        let texts = unsafe {
            (
                text::optional(region),
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
        // SAFETY: the texts are NULL or NUL-terminated, by this function's contract.
        let id = in_c(|| unsafe {
            haas_device_connect(region, product_key, device_name, device_secret, keepalive_s)
        });
        // SAFETY: `device` is not NULL and may be written, by this function's contract; its alignment is not
        // relied on.
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
        // SAFETY: `topic` is NULL or NUL-terminated, by this function's contract.
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
        // SAFETY: `topic` is NULL or NUL-terminated, by this function's contract.
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
        // SAFETY: `topic` is NULL or NUL-terminated, by this function's contract.
        let topic = unsafe { text::given(topic) }?;
        device(handle)?.unsubscribe(topic)
    })
}
