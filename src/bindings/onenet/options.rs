// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a firmware sets beyond `ota_init`, for the whole process; the next `ota_init` takes it.

use std::ffi::c_char;
use std::sync::Arc;

use otakit_core::platform::onenet::request::RangeForm;
use otakit_core::platform::onenet::token::{self, Method, Token};
use otakit_core::platform::onenet::{Device, Dialect, plain};
use parking_lot::Mutex;

use super::{INVALID_PARAM, NOT_SUPPORT, OK, OTHERS};
use crate::bindings::arguments::refuse;
use crate::bindings::guard::guard;
use crate::bindings::{settings, text};
use crate::lab;
use crate::net::{Roots, pem};
use crate::service::onenet::{Config, Endpoint};

/// 0: the platform that the SDK speaks to; 1: the current one (things-model variant alone).
const PLATFORM: i32 = 0;
/// 1: TLS; 0: plain HTTP.
const TLS: i32 = 1;
/// TCP port; 0: that of HTTP or HTTPS.
const PORT: i32 = 2;
/// Spelling of `Range`: 0 the platform's own, 1 `0-7`, 2 `bytes=0-7`.
const RANGE_FORM: i32 = 3;
/// How tokens are signed: 0 MD5, 1 SHA1, 2 SHA256.
const TOKEN_METHOD: i32 = 4;
/// When tokens expire, in seconds since 1970.
const TOKEN_EXPIRY: i32 = 5;
/// Port of the broker; 0: its own.
const MQTT_PORT: i32 = 6;
/// 1: TLS to the broker; 0: plain TCP.
const MQTT_TLS: i32 = 7;
/// Host of the OTA API.
const HOST: i32 = 100;
/// Authorities that are trusted in place of the public ones, in PEM form.
const CA: i32 = 101;
/// Version of the token algorithm.
const TOKEN_VERSION: i32 = 102;
/// Resource that tokens give access to.
const TOKEN_RESOURCE: i32 = 103;
/// Host of the broker.
const MQTT_HOST: i32 = 104;

/// The options.
#[derive(Clone)]
pub(super) struct Options {
    /// Whether the current platform is response to.
    pub current_platform: bool,
    tls: bool,
    port: u16,
    range: RangeForm,
    method: Method,
    expiry: u32,
    pub mqtt_port: u16,
    pub mqtt_tls: bool,
    host: Option<String>,
    ca: Option<String>,
    token_version: Option<String>,
    token_resource: Option<String>,
    pub mqtt_host: Option<String>,
}

const DEFAULT: Options = Options {
    current_platform: false,
    tls: true,
    port: 0,
    range: RangeForm::Native,
    method: Method::Sha1,
    expiry: token::FAR_EXPIRY,
    mqtt_port: 0,
    mqtt_tls: false,
    host: None,
    ca: None,
    token_version: None,
    token_resource: None,
    mqtt_host: None,
};

static OPTIONS: Mutex<Options> = Mutex::new(DEFAULT);

/// The options as they are now.
pub(super) fn current() -> Options {
    OPTIONS.lock().clone()
}

impl Options {
    /// The token of a device.
    pub fn token(&self, device: &Device, access_key: &str) -> Option<String> {
        let own = token::resource(&device.product_id, Some(&device.name));
        let token = Token {
            version: self.token_version.as_deref().unwrap_or(token::VERSION),
            resource: self.token_resource.as_deref().unwrap_or(&own),
            expiry: self.expiry,
            method: self.method,
        };
        token.sign(access_key)
    }

    /// What the service is made from. In a lab build the lab's server stands in for the platform's hosts.
    pub fn config(
        &self,
        dialect: Dialect,
        authorization: String,
        version: &str,
        kind: u8,
    ) -> Result<Config, i32> {
        if self.current_platform && dialect.device().is_none() {
            return Err(NOT_SUPPORT);
        }
        let host = self.host.clone().unwrap_or_else(|| dialect.host().to_owned());
        let default_port = if self.tls { 443 } else { 80 };
        let port = if self.port == 0 { default_port } else { self.port };
        let authority = if port == default_port { host.clone() } else { format!("{host}:{port}") };
        let redirect = lab::onenet().filter(|_| self.host.is_none());
        let (host, port, tls) = match redirect {
            Some(lab::Redirect { host, port, tls }) => (host, port, tls),
            None => (host, port, self.tls),
        };
        let endpoint = Endpoint { host, port, roots: tls.then(|| self.roots()), authority };
        // As in the SDK, whatever is not FOTA is SOTA.
        let kind = if kind == 1 { 1 } else { 2 };
        Ok(Config { dialect, authorization, version: version.to_owned(), kind, range: self.range, endpoint })
    }

    /// What TLS connections trust: OneNET's authority, else that set for https in general, else the public ones.
    pub fn roots(&self) -> Arc<Roots> {
        Arc::new(match self.ca.clone().or_else(|| settings::current().authorities) {
            Some(pem) => Roots { pem: Some(pem), public: false },
            None => Roots { pem: settings::lab_authorities(), public: true },
        })
    }
}

/// Sets an option that is a number.
#[unsafe(no_mangle)]
pub extern "C" fn onenet_set_number(option: i32, value: u32) -> i32 {
    guard("onenet_set_number", OTHERS, || set_number(option, value).map_or(INVALID_PARAM, |()| OK))
}

fn set_number(option: i32, value: u32) -> Option<()> {
    let mut options = OPTIONS.lock();
    let flag = || (value <= 1).then_some(value == 1);
    match option {
        PLATFORM => options.current_platform = flag()?,
        TLS => options.tls = flag()?,
        PORT => options.port = u16::try_from(value).ok()?,
        RANGE_FORM => {
            options.range =
                [RangeForm::Native, RangeForm::Plain, RangeForm::Bytes].get(value as usize).copied()?
        }
        TOKEN_METHOD => options.method = method(value)?,
        TOKEN_EXPIRY => options.expiry = value,
        MQTT_PORT => options.mqtt_port = u16::try_from(value).ok()?,
        MQTT_TLS => options.mqtt_tls = flag()?,
        _ => return None,
    }
    Some(())
}

/// `enum sig_method_e`.
pub(super) fn method(number: u32) -> Option<Method> {
    [Method::Md5, Method::Sha1, Method::Sha256].get(number as usize).copied()
}

/// Sets an option that is a text, copied; NULL goes back to the default.
///
/// # Safety
/// `value` is NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn onenet_set_text(option: i32, value: *const c_char) -> i32 {
    guard("onenet_set_text", OTHERS, || {
        if option == CA {
            // SAFETY: `value` is NULL or NUL-terminated, by this function's contract.
            return set_authorities(unsafe { text::raw(value) });
        }
        // SAFETY: as above.
        let given = unsafe { text::text(value) };
        if given.is_none() && !value.is_null() {
            return INVALID_PARAM;
        }
        set_text(option, given).map_or(INVALID_PARAM, |()| OK)
    })
}

fn set_authorities(text: Option<&[u8]>) -> i32 {
    match text.map(pem::read).transpose() {
        Ok(authorities) => {
            OPTIONS.lock().ca = authorities;
            OK
        }
        Err(why) => {
            refuse("value", why.words());
            INVALID_PARAM
        }
    }
}

fn set_text(option: i32, value: Option<&str>) -> Option<()> {
    let mut options = OPTIONS.lock();
    let (place, good): (_, fn(&str) -> bool) = match option {
        HOST => (&mut options.host, is_host),
        TOKEN_VERSION => (&mut options.token_version, plain),
        TOKEN_RESOURCE => (&mut options.token_resource, plain),
        MQTT_HOST => (&mut options.mqtt_host, is_host),
        _ => return None,
    };
    if value.is_some_and(|value| !good(value)) {
        return None;
    }
    *place = value.map(str::to_owned);
    Some(())
}

fn is_host(text: &str) -> bool {
    plain(text) && text.len() <= 253 && !text.contains(['/', '@', '?', '#'])
}
