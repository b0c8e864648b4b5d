// SPDX-License-Identifier: MIT OR Apache-2.0
//! From `iotx_mqtt_param_t` and the HAL's identity to a client's options.

use std::ffi::c_char;
use std::ops::RangeInclusive;
use std::sync::Arc;

use otakit_core::platform::aliyun::identity::{
    Credentials, DEVICE_SECRET_LEN, Device, SecureMode, credentials,
};
use otakit_core::platform::aliyun::report;
use otakit_core::platform::aliyun::topics::{Topic, is_order};

use super::super::mqtt_types::iotx_mqtt_event_handle_t;
use super::super::register;
use super::super::sign::{CLOUD, SetUp, default_mode};
use super::callback::{CHandler, Pclient};
use super::millis;
use crate::bindings::{settings, text};
use crate::hal::device;
use crate::lab;
use crate::mqtt::{Client, Handler, Options, Subscription};
use crate::net::{Roots, Security, Target, pem};
use crate::service::aliyun::message_id;

/// `iotx_mqtt_param_t`. Empty, 0 or out of range: the default. The texts are copied.
#[repr(C)]
pub struct iotx_mqtt_param_t {
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
    /// Unused, as in the reference.
    pub customize_info: *const c_char,
    /// PEM text of the authorities to trust; given, it asks for TLS.
    pub pub_key: *const c_char,
    /// 1: the broker forgets the session.
    pub clean_session: u8,
    /// Within the SDK generation's [`Limits`], else their default.
    pub request_timeout_ms: u32,
    /// 30000..=1200000, else 60000.
    pub keepalive_interval_ms: u32,
    /// Largest packet sent; 0: the SDK generation's default.
    pub write_buf_size: u32,
    /// Largest packet received; 0: the SDK generation's default.
    pub read_buf_size: u32,
    /// Gets every event that no subscription gets.
    pub handle_event: iotx_mqtt_event_handle_t,
}

/// All that a client is made of.
pub struct Plan {
    pub options: Options,
    pub default_handler: Option<Arc<dyn Handler>>,
    /// What the default handler is told of the client.
    pub pclient: Pclient,
    /// Subscribed with the sign-in, in this order.
    pub early: Vec<Subscription>,
    /// Whose device information is reported after the sign-in.
    pub device: Option<Device>,
    /// The authorities given, for https too.
    pub authorities: Option<String>,
}

/// What differs between SDK generations.
pub struct Limits {
    /// `request_timeout_ms` that is obeyed, and what stands in for any other.
    pub request_timeout_ms: (RangeInclusive<u32>, u32),
    /// What stands in for a buffer size of 0.
    pub buffer: u32,
}

/// v3.0.1, and V2.3.
pub const V301: Limits = Limits { request_timeout_ms: (500..=5000, 2000), buffer: 1024 };
/// V3.10.
pub const V310: Limits = Limits { request_timeout_ms: (1000..=10_000, 5000), buffer: 3072 };

/// `iotx_mqtt_param_t` as safe values; 0, `None` and empty: the default.
#[derive(Default)]
pub struct Given {
    pub host: Option<String>,
    pub port: u16,
    pub client_id: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub authorities: Option<String>,
    pub clean_session: bool,
    pub request_timeout_ms: u32,
    pub keepalive_interval_ms: u32,
    pub write_buf_size: u32,
    pub read_buf_size: u32,
    pub default_handler: Option<Arc<dyn Handler>>,
    pub pclient: Pclient,
}

impl Given {
    /// Reads what C gave; NULL is all defaults. `None`, with a log line, for a text that is not UTF-8, and for authorities
    /// of which none can be read.
    ///
    /// # Safety
    /// As for `IOT_MQTT_Construct`.
    pub unsafe fn read(params: *const iotx_mqtt_param_t) -> Option<Self> {
        // SAFETY: NULL, or a structure that C does not change during the call, as the caller says.
        let Some(p) = (unsafe { params.as_ref() }) else { return Some(Self::default()) };
        let owned = |pointer: *const c_char, name: &str| {
            // SAFETY: NULL or NUL-terminated, as the caller says.
            let text = unsafe { text::given_or_broken(pointer) }.map(|text| text.map(str::to_owned));
            text.inspect_err(|at| {
                crate::log!(
                    Error,
                    "mqtt",
                    "{name} is not UTF-8 at byte {at}: not connecting; check the text"
                );
            })
            .ok()
        };
        // SAFETY: as above.
        let authorities = unsafe { text::raw(p.pub_key) }.filter(|text| !text.is_empty());
        let authorities = authorities.map(pem::read).transpose().inspect_err(|why| {
            crate::log!(Error, "mqtt", "pub_key {}: not connecting; check the text", why.words());
        });
        let authorities = authorities.ok()?;
        let pclient = Pclient::default();
        let handler = CHandler::new(pclient.clone(), p.handle_event.h_fp, p.handle_event.pcontext);
        Some(Self {
            host: owned(p.host, "host")?,
            port: p.port,
            client_id: owned(p.client_id, "client id")?,
            username: owned(p.username, "user name")?,
            password: owned(p.password, "password")?,
            authorities,
            clean_session: p.clean_session != 0,
            request_timeout_ms: p.request_timeout_ms,
            keepalive_interval_ms: p.keepalive_interval_ms,
            write_buf_size: p.write_buf_size,
            read_buf_size: p.read_buf_size,
            default_handler: handler.map(|handler| Arc::new(handler) as Arc<dyn Handler>),
            pclient,
        })
    }
}

/// Works out what to connect to and as whom. `None`, with a log line, when the identity is missing.
pub fn plan(mut given: Given, limits: &Limits) -> Option<Plan> {
    given.authorities = given.authorities.or_else(settings::lab_authorities);
    let endpoint = endpoint(&given)?;
    let (default_handler, pclient) = (given.default_handler.take(), given.pclient.clone());
    let within = |value: u32, range: &RangeInclusive<u32>, default| {
        if range.contains(&value) { value } else { default }
    };
    let (timeouts, timeout) = &limits.request_timeout_ms;
    let request_timeout = millis(within(given.request_timeout_ms, timeouts, *timeout));
    let keepalive = millis(within(given.keepalive_interval_ms, &(30_000..=1_200_000), 60_000));
    let size = |value: u32| within(value, &(1..=u32::MAX), limits.buffer) as usize;
    let (max_packet_in, max_packet_out) = (size(given.read_buf_size), size(given.write_buf_size));
    let clean_session = given.clean_session;
    let (device, signed) = sign_in(given, endpoint.mode)?;
    let options = Options {
        target: endpoint.target,
        client_id: signed.client_id,
        username: signed.username,
        password: signed.password,
        clean_session,
        keepalive,
        request_timeout,
        max_packet_in,
        kept: is_order,
        max_packet_out,
    };
    let (early, authorities) = (Vec::new(), endpoint.authorities);
    Some(Plan { options, default_handler, pclient, early, device, authorities })
}

struct Endpoint {
    target: Target,
    mode: SecureMode,
    authorities: Option<String>,
}

/// The broker: what C gave, else the region's; in a lab build, the lab's in place of any of Aliyun's.
fn endpoint(given: &Given) -> Option<Endpoint> {
    let port = (given.port != 0).then_some(given.port);
    let redirect = lab::aliyun_mqtt()
        .filter(|_| given.host.as_deref().is_none_or(|host| host.ends_with(".aliyuncs.com")));
    let (host, port, mode) = if let Some(lab::Redirect { host, port, tls }) = redirect {
        (host, port, if tls { SecureMode::Tls } else { SecureMode::Tcp })
    } else if let Some(host) = &given.host {
        let mode = explicit_mode(given);
        (host.clone(), port.unwrap_or_else(|| mode.port()), mode)
    } else {
        let product_key = device::product_key().or_else(|| Some(set_up()?.device.product_key));
        let product_key = product_key.or_else(|| missing("product key"))?;
        let host = CLOUD.lock().region.mqtt_host(&product_key);
        let host = host.or_else(|| missing("custom MQTT domain"))?;
        let mode = default_mode();
        (host, port.unwrap_or_else(|| mode.port()), mode)
    };
    let pem = given.authorities.clone();
    let roots = Roots { public: pem.is_none(), pem: pem.clone() };
    let security = match mode {
        SecureMode::Tls => Security::Tls(Arc::new(roots)),
        SecureMode::Tcp => Security::Plain,
    };
    Some(Endpoint { target: Target { host, port, security }, mode, authorities: pem })
}

/// With a host of C's own: TLS when an authority is given, the port is one of TLS, or the client id was signed for it.
fn explicit_mode(given: &Given) -> SecureMode {
    let signed_for = |mode: &str| given.client_id.as_deref().is_some_and(|id| id.contains(mode));
    let tls = !signed_for("securemode=3")
        && (given.authorities.is_some() || signed_for("securemode=2") || matches!(given.port, 443 | 8883));
    if tls { SecureMode::Tls } else { SecureMode::Tcp }
}

/// What C gave of a sign-in, filled up from the HAL's identity; and whose it is.
fn sign_in(given: Given, mode: SecureMode) -> Option<(Option<Device>, Credentials)> {
    if let (Some(client_id), Some(username), Some(password)) =
        (&given.client_id, &given.username, &given.password)
    {
        let device = username.split_once('&').and_then(|(dn, pk)| Device::new(pk, dn));
        let (client_id, username, password) = (client_id.clone(), username.clone(), password.clone());
        return Some((device, Credentials { client_id, username, password }));
    }
    let (device, secret) = identity()?;
    if secret.is_empty() && given.password.is_none() {
        crate::log!(
            Warning,
            "mqtt",
            "no device secret: HAL_GetDeviceSecret gives none; the platform will refuse the sign-in (CONNACK 4)"
        );
    }
    let customize_info = CLOUD.lock().customize_info.clone();
    let signed = credentials(&device, &secret, mode, &customize_info);
    let credentials = Credentials {
        client_id: given.client_id.unwrap_or(signed.client_id),
        username: given.username.unwrap_or(signed.username),
        password: given.password.unwrap_or(signed.password),
    };
    Some((Some(device), credentials))
}

/// The HAL's identity; where it has no names, the one that `IOT_SetupConnInfo` was given.
fn identity() -> Option<(Device, String)> {
    let set_up = set_up();
    let device = match (device::product_key(), device::device_name(), &set_up) {
        (Some(product_key), Some(device_name), _) => {
            let named = Device::new(&product_key, &device_name);
            named.or_else(|| missing("product key and device name without odd characters"))?
        }
        (_, _, Some(set_up)) => set_up.device.clone(),
        (None, _, None) => return missing("product key"),
        (Some(_), None, None) => return missing("device name"),
    };
    if CLOUD.lock().dynamic_register != 0 {
        register::at_first_connection(&device)?;
    }
    let given = set_up.filter(|set_up| set_up.device == device).map(|set_up| set_up.secret);
    let secret = device::device_secret().or(given).unwrap_or_default();
    if secret.len() > DEVICE_SECRET_LEN {
        return missing("device secret of at most 64 characters");
    }
    Some((device, secret))
}

fn set_up() -> Option<SetUp> {
    CLOUD.lock().set_up.clone()
}

fn missing<T>(what: &str) -> Option<T> {
    crate::log!(Error, "mqtt", "no {what}: not connecting");
    None
}

/// What a device says after its sign-in: the SDK it runs, and its firmware's version.
pub fn greet(client: &Client, device: Option<&Device>) {
    let Some(device) = device else { return };
    let say = |topic: Topic, payload: String| {
        if let Err(error) = client.publish(&topic.of(device), 1, payload.as_bytes()) {
            crate::log!(Warning, "mqtt", "{}: {error}", topic.of(device));
        }
    };
    say(Topic::DeviceInfo, report::device_info(message_id::next()));
    match device::firmware_version() {
        // The number of the message is used up all the same, so that those of later ones do not depend on it.
        Some(version) if version == device::PLACEHOLDER_VERSION => {
            message_id::next();
            crate::log!(
                Warning,
                "mqtt",
                "firmware version {version} is the placeholder of the default HAL and is not reported: define \
                 HAL_GetFirmwareVersion"
            );
        }
        Some(version) => say(Topic::Inform, report::version_at_sign_in(message_id::next(), &version)),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;

    /// What is read of a `pub_key`: the authorities; `None` where the client is not made.
    fn authorities(pub_key: Option<&[u8]>) -> Option<Option<String>> {
        let pub_key = pub_key.map(|text| CString::new(text).unwrap());
        let null = std::ptr::null();
        let params = iotx_mqtt_param_t {
            port: 0,
            host: null,
            client_id: null,
            username: null,
            password: null,
            customize_info: null,
            pub_key: pub_key.as_ref().map_or(null, |text| text.as_ptr()),
            clean_session: 0,
            request_timeout_ms: 0,
            keepalive_interval_ms: 0,
            write_buf_size: 0,
            read_buf_size: 0,
            handle_event: iotx_mqtt_event_handle_t { h_fp: None, pcontext: std::ptr::null_mut() },
        };
        // SAFETY: every text is NULL or NUL-terminated and outlives the call.
        unsafe { Given::read(&params) }.map(|given| given.authorities)
    }

    #[test]
    fn authorities_are_read_like_those_for_https() {
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let plain = pem::read(made.pem().as_bytes()).unwrap();
        let old = made.pem().replace("CERTIFICATE", "X509 CERTIFICATE");
        for text in [made.pem().into_bytes(), [&b"\xEF\xBB\xBF# \xE9\n"[..], old.as_bytes()].concat()] {
            assert_eq!(authorities(Some(&text)), Some(Some(plain.clone())));
        }
        assert_eq!([authorities(None), authorities(Some(b""))], [Some(None), Some(None)], "not given");
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in [&b"no certificate"[..], b"\xFF", damaged] {
            assert_eq!(authorities(Some(text)), None, "{text:?}");
        }
    }
}
