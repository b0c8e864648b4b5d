// SPDX-License-Identifier: MIT OR Apache-2.0
//! `dynreg_api.h`: a device that asks for its secret, once.

use std::ffi::c_int;
use std::sync::Arc;

use otakit_core::platform::aliyun::identity::{DEVICE_SECRET_LEN, Device, Region, SecureMode};

use super::sign::{self, CLOUD, array_text, default_mode, iotx_dev_meta_info_t};
use super::{FAIL, SUCCESS, v310_callbacks};
use crate::bindings::guard::guard;
use crate::bindings::settings;
use crate::hal::device::{self, Part};
use crate::hal::kv;
use crate::lab;
use crate::net::{Roots, Security, Target};
use crate::service::aliyun::register;

/// `iotx_http_region_types_t`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct iotx_http_region_types_t(pub c_int);

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
    // SAFETY: as the caller promises.
    guard("IOT_Dynamic_Register", FAIL, || unsafe { register_with(region, meta, Way::set()) })
}

/// `IOT_Dynamic_Register` for programs of SDK generation V3.10 that define `MQTT_DYNAMIC_REGISTER`: over MQTT.
///
/// # Safety
/// As for [`IOT_Dynamic_Register`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_v310_IOT_Dynamic_Register(
    region: iotx_http_region_types_t,
    meta: *mut iotx_dev_meta_info_t,
) -> i32 {
    // SAFETY: as the caller promises.
    guard("IOT_Dynamic_Register", FAIL, || unsafe { register_with(region, meta, Way::Mqtt) })
}

/// # Safety
/// As for [`IOT_Dynamic_Register`].
unsafe fn register_with(region: iotx_http_region_types_t, meta: *mut iotx_dev_meta_info_t, way: Way) -> i32 {
    // SAFETY: as the caller promises; the structure is made of bytes, so any address is aligned.
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
    let (target, option) = match way {
        Way::Http => (service(region), "HTTP"),
        Way::Mqtt => (broker(region, device), "MQTT"),
    };
    let target = target.or_else(|| {
        crate::log!(Error, "register", "a custom region needs IOTX_IOCTL_SET_{option}_DOMAIN");
        None
    })?;
    match way {
        Way::Http => register::ask(&settings::dial(), target, device, product_secret),
        Way::Mqtt => register::ask_over_mqtt(settings::dial(), target, device, product_secret),
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
    let roots = Roots { public: true, pem: settings::lab_authorities() };
    let security = if tls { Security::Tls(Arc::new(roots)) } else { Security::Plain };
    Target { host, port, security }
}
