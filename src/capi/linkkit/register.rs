// SPDX-License-Identifier: MIT OR Apache-2.0
//! `dynreg_api.h`: a device that asks for its secret, once.

use std::ffi::c_int;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::sign::{self, CLOUD, array_text, default_mode, iotx_dev_meta_info_t};
use super::{FAIL, SUCCESS, v310_callbacks};
use crate::cancel::Cancel;
use crate::capi::guard::guard;
use crate::capi::settings;
use crate::fetch::FetchError;
use crate::fetch::http::call::{self, Method, Request};
use crate::hal::device::{self, Part};
use crate::hal::kv;
use crate::lab;
use crate::mqtt::{Client, Event, Handler, Options, Subscription};
use crate::net::{Roots, Security, Target};
use crate::platform::aliyun::identity::{DEVICE_SECRET_LEN, Device, Region, SecureMode};
use crate::platform::aliyun::register;

/// `iotx_http_region_types_t`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct iotx_http_region_types_t(pub c_int);

/// How long a registration over HTTP may take.
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the secret is waited for over MQTT, once signed in.
const MQTT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the broker's answer to the sign-in is waited for.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer in bytes.
const MAX_ANSWER: usize = 4096;

/// How the secret is asked for: what `IOTX_IOCTL_SET_DYNAMIC_REGISTER` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// 1, or any other number.
    Http,
    /// 2.
    Mqtt,
}

impl Way {
    fn set() -> Self {
        if CLOUD.lock().dynamic_register == 2 { Self::Mqtt } else { Self::Http }
    }
}

/// Asks for a device's secret with its product's secret, and writes it into `meta`. Blocks: over HTTP up to 10 s, over MQTT
/// (`IOTX_IOCTL_SET_DYNAMIC_REGISTER` is 2) for as long as connecting takes and up to 15 s.
///
/// # Safety
/// `meta` is NULL or points to the structure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_Dynamic_Register(
    region: iotx_http_region_types_t,
    meta: *mut iotx_dev_meta_info_t,
) -> i32 {
    // SAFETY: as the caller vouches.
    guard("IOT_Dynamic_Register", FAIL, || unsafe { register_with(region, meta, Way::set()) })
}

/// `IOT_Dynamic_Register` for programs of the V3.10 lineage that define `MQTT_DYNAMIC_REGISTER`: over MQTT.
///
/// # Safety
/// As for [`IOT_Dynamic_Register`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_v310_IOT_Dynamic_Register(
    region: iotx_http_region_types_t,
    meta: *mut iotx_dev_meta_info_t,
) -> i32 {
    // SAFETY: as the caller vouches.
    guard("IOT_Dynamic_Register", FAIL, || unsafe { register_with(region, meta, Way::Mqtt) })
}

/// # Safety
/// As for [`IOT_Dynamic_Register`].
unsafe fn register_with(region: iotx_http_region_types_t, meta: *mut iotx_dev_meta_info_t, way: Way) -> i32 {
    // SAFETY: as the caller vouches; the structure is made of bytes, so any address is aligned.
    let Some(meta) = (unsafe { meta.as_mut() }) else { return FAIL };
    let names = array_text(&meta.product_key).zip(array_text(&meta.device_name));
    let device = names.and_then(|(product_key, device_name)| Device::new(&product_key, &device_name));
    let product_secret = array_text(&meta.product_secret).filter(|secret| !secret.is_empty());
    let custom = match &CLOUD.lock().region {
        Region::Custom(host) => host.clone(),
        _ => None,
    };
    let (Some(device), Some(product_secret), Some(region)) =
        (device, product_secret, sign::region(region.0, custom))
    else {
        return FAIL;
    };
    let Some(secret) = ask(&device, &product_secret, &region, way) else { return FAIL };
    sign::put(&secret, &mut meta.device_secret, FAIL).map_or_else(|code| code, |()| SUCCESS)
}

/// The secret for a connection: the one kept from an earlier registration, else a new one, which is kept. The firmware is
/// told. `None`, with a log line, when there is none.
pub fn at_first_connection(device: &Device) -> Option<()> {
    let key = format!("DYNAMIC_REG_{}", device.device_name);
    let kept = kv::get(&key, DEVICE_SECRET_LEN + 1).and_then(|kept| String::from_utf8(kept).ok());
    // HALs differ in whether the NUL is counted.
    let kept = kept.map(|kept| kept.trim_end_matches('\0').to_owned()).filter(|kept| !kept.is_empty());
    let secret = if let Some(kept) = kept {
        kept
    } else {
        let Some(product_secret) = device::product_secret() else {
            crate::log!(Error, "register", "no product secret: {device} cannot be registered");
            return None;
        };
        let region = CLOUD.lock().region.clone();
        let secret = ask(device, &product_secret, &region, Way::set())?;
        if !kv::set(&key, secret.as_bytes()) {
            crate::log!(Warning, "register", "the secret of {device} cannot be kept");
        }
        v310_callbacks::device_secret(&secret);
        secret
    };
    device::set(Part::DeviceSecret, &secret).then_some(())
}

fn ask(device: &Device, product_secret: &str, region: &Region, way: Way) -> Option<String> {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let random = format!("{random:016x}");
    let secret = match way {
        Way::Http => over_http(device, product_secret, region, &random),
        Way::Mqtt => over_mqtt(device, product_secret, region, &random),
    };
    secret.inspect_err(|reason| crate::log!(Error, "register", "{device}: {reason}")).ok()
}

fn over_http(device: &Device, product_secret: &str, region: &Region, random: &str) -> Result<String, String> {
    let target = service(region).ok_or("a custom region needs IOTX_IOCTL_SET_HTTP_DOMAIN")?;
    let body = register::form(device, product_secret, random);
    let headers = [
        ("Host", target.host.as_str()),
        ("Accept", register::ACCEPT),
        ("Content-Type", register::CONTENT_TYPE),
    ];
    let request =
        Request { method: Method::Post, path: register::PATH, headers: &headers, body: body.as_bytes() }
            .encode();
    let answer = call::call(&settings::dial(), target, request, HTTP_TIMEOUT, &Cancel::new());
    let answer = answer.and_then(|mut reply| match reply.status() {
        200 => reply.bytes(MAX_ANSWER),
        status => Err(FetchError::Status { status, retry_after: None }),
    });
    register::secret(&answer.map_err(|error| error.to_string())?, device)
        .map_err(|refusal| refusal.to_string())
}

/// Signs in for the registration alone, and waits for what the cloud tells unasked.
fn over_mqtt(device: &Device, product_secret: &str, region: &Region, random: &str) -> Result<String, String> {
    let target = broker(region, device).ok_or("a custom region needs IOTX_IOCTL_SET_MQTT_DOMAIN")?;
    let signed = register::sign_in(device, product_secret, random);
    let options = Options {
        target,
        client_id: signed.client_id,
        username: signed.username,
        password: signed.password,
        clean_session: true,
        keepalive: Duration::from_secs(60),
        request_timeout: SIGN_IN_TIMEOUT,
        max_packet_in: MAX_ANSWER,
        max_packet_out: MAX_ANSWER,
    };
    let told = Arc::new(Told::default());
    let early = vec![Subscription { filter: register::TOPIC.to_owned(), qos: 1, handler: told.clone() }];
    let client =
        Client::connect(settings::dial(), options, None, early).map_err(|error| error.to_string())?;
    let deadline = Instant::now() + MQTT_TIMEOUT;
    let message = loop {
        let served = client.yield_for(Duration::from_millis(20));
        let message = told.0.lock().take();
        if message.is_some() || served.is_err() || Instant::now() >= deadline {
            break message;
        }
    };
    client.disconnect(Duration::ZERO);
    let message = message.ok_or("the cloud did not tell the secret")?;
    register::told_secret(&message, device).map_err(|refusal| refusal.to_string())
}

/// What came on the topic of registrations.
#[derive(Default)]
struct Told(Mutex<Option<Vec<u8>>>);

impl Handler for Told {
    fn on_event(&self, event: &Event<'_>) {
        if let Event::Message(message) = event {
            *self.0.lock() = Some(message.payload.to_vec());
        }
    }

    fn identity(&self) -> (usize, usize) {
        (std::ptr::from_ref(self).addr(), 0)
    }
}

/// Where forms go: the domain that was set, else the region's; in a lab build, the lab's in place of any.
fn service(region: &Region) -> Option<Target> {
    if let Some(redirect) = lab::aliyun_http() {
        return Some(target(redirect.host, redirect.port, redirect.tls));
    }
    let custom = CLOUD.lock().http_domain.clone();
    let host = custom.or_else(|| region.auth_host())?;
    let tls = matches!(default_mode(), SecureMode::Tls);
    Some(target(host, if tls { 443 } else { 80 }, tls))
}

/// The region's broker; in a lab build, the lab's in place of any.
fn broker(region: &Region, device: &Device) -> Option<Target> {
    if let Some(redirect) = lab::aliyun_mqtt() {
        return Some(target(redirect.host, redirect.port, redirect.tls));
    }
    let mode = default_mode();
    let host = region.mqtt_host(&device.product_key)?;
    Some(target(host, mode.port(), matches!(mode, SecureMode::Tls)))
}

fn target(host: String, port: u16, tls: bool) -> Target {
    let roots = Roots { public: true, pem: lab::authorities() };
    let security = if tls { Security::Tls(Arc::new(roots)) } else { Security::Plain };
    Target { host, port, security }
}
