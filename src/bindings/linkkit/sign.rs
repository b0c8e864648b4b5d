// SPDX-License-Identifier: MIT OR Apache-2.0
//! `dev_sign_api.h` and the process's region: who signs in where.

use std::ffi::{c_char, c_int};

use otakit_core::platform::aliyun::identity::{
    DEVICE_NAME_LEN, DEVICE_SECRET_LEN, Device, PRODUCT_KEY_LEN, Region, SecureMode, credentials,
};
use parking_lot::Mutex;

use super::{FAIL, SUCCESS};
use crate::bindings::guard::guard;
use crate::bindings::text;

/// `ERROR_DEV_SIGN_CUSTOM_DOMAIN_IS_NULL`.
const CUSTOM_DOMAIN_MISSING: i32 = -1105;
/// `ERROR_DEV_SIGN_USERNAME_TOO_SHORT`.
const USERNAME_TOO_LONG: i32 = -1102;
/// `ERROR_DEV_SIGN_CLIENT_ID_TOO_SHORT`.
const CLIENT_ID_TOO_LONG: i32 = -1101;
/// `ERROR_DEV_SIGN_HOST_NAME_TOO_SHORT`.
const HOST_TOO_LONG: i32 = -1100;

/// `iotx_mqtt_region_types_t`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct iotx_mqtt_region_types_t(pub c_int);

/// `iotx_dev_meta_info_t`.
#[repr(C)]
pub struct iotx_dev_meta_info_t {
    /// Product key, 1..=20 characters.
    pub product_key: [c_char; 21],
    /// Product secret; not needed to sign.
    pub product_secret: [c_char; 65],
    /// Device name, 1..=32 characters.
    pub device_name: [c_char; 33],
    /// Device secret, up to 64 characters.
    pub device_secret: [c_char; 65],
}

/// `iotx_sign_mqtt_t`.
#[repr(C)]
pub struct iotx_sign_mqtt_t {
    /// Broker.
    pub hostname: [c_char; 256],
    /// Its port.
    pub port: u16,
    /// MQTT client id.
    pub clientid: [c_char; 200],
    /// MQTT user name.
    pub username: [c_char; 64],
    /// MQTT password.
    pub password: [c_char; 65],
}

/// What `IOT_Ioctl` sets for the whole process.
pub(super) struct Cloud {
    /// Where the cloud is.
    pub region: Region,
    /// The host for plain HTTP services, kept for those that need it.
    pub http_domain: Option<String>,
    /// The broker's port for the device model; 0: the default.
    pub mqtt_port: u16,
    /// Whether the device secret is to be asked for at the first connection.
    pub dynamic_register: c_int,
    /// Appended to the client id's key list.
    pub customize_info: String,
    /// Whether the device model listens to the answers to properties and events.
    pub event_replies: bool,
    /// Whether the device model answers that properties are to be set.
    pub set_replies: bool,
    /// What `IOT_SetupConnInfo` was given last.
    pub set_up: Option<SetUp>,
}

/// An identity that stands in where the HAL has none.
#[derive(Clone)]
pub(super) struct SetUp {
    pub device: Device,
    pub secret: String,
}

/// The process's cloud.
pub(super) static CLOUD: Mutex<Cloud> = Mutex::new(Cloud {
    region: Region::Shanghai,
    http_domain: None,
    mqtt_port: 0,
    dynamic_register: 0,
    customize_info: String::new(),
    event_replies: false,
    set_replies: true,
    set_up: None,
});

/// The region with this number; `custom` is the host that `IOT_Ioctl` set.
pub(super) fn region(number: c_int, custom: Option<String>) -> Option<Region> {
    Some(match number {
        0 => Region::Shanghai,
        1 => Region::Singapore,
        2 => Region::Japan,
        3 => Region::UsWest,
        4 => Region::Germany,
        5 => Region::Custom(custom),
        _ => return None,
    })
}

/// The region's number.
pub(super) fn region_number(region: &Region) -> c_int {
    match region {
        Region::Shanghai => 0,
        Region::Singapore => 1,
        Region::Japan => 2,
        Region::UsWest => 3,
        Region::Germany => 4,
        Region::Custom(_) => 5,
    }
}

/// How this build connects to the cloud unless told otherwise.
pub(super) fn default_mode() -> SecureMode {
    let tls = cfg!(any(feature = "tls", feature = "hal-ssl"));
    if tls { SecureMode::Tls } else { SecureMode::Tcp }
}

/// Signs a device in: host, port, client id, user name and password for `IOT_MQTT_Construct`. Touches no network.
///
/// # Safety
/// `meta` and `signout` are NULL or point to their structures.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_Sign_MQTT(
    region: iotx_mqtt_region_types_t,
    meta: *mut iotx_dev_meta_info_t,
    signout: *mut iotx_sign_mqtt_t,
) -> i32 {
    guard("IOT_Sign_MQTT", FAIL, || {
        // SAFETY: as the caller promises.
        let (Some(meta), Some(out)) = (unsafe { meta.as_ref() }, unsafe { signout.as_mut() }) else {
            return FAIL;
        };
        sign(region.0, meta, out).map_or_else(|code| code, |()| SUCCESS)
    })
}

fn sign(number: c_int, meta: &iotx_dev_meta_info_t, out: &mut iotx_sign_mqtt_t) -> Result<(), i32> {
    let part = |field: &[c_char], limit| array_text(field).filter(|text| text.len() <= limit).ok_or(FAIL);
    let product_key = part(&meta.product_key, PRODUCT_KEY_LEN)?;
    let device_name = part(&meta.device_name, DEVICE_NAME_LEN)?;
    let secret = part(&meta.device_secret, DEVICE_SECRET_LEN)?;
    let device = Device::new(&product_key, &device_name).ok_or(FAIL)?;
    let (custom, customize_info) = {
        let cloud = CLOUD.lock();
        let custom = match &cloud.region {
            Region::Custom(host) => host.clone(),
            _ => None,
        };
        (custom, cloud.customize_info.clone())
    };
    let region = region(number, custom).ok_or(FAIL)?;
    let host = region.mqtt_host(&device.product_key).ok_or(CUSTOM_DOMAIN_MISSING)?;
    let mode = default_mode();
    let signed = credentials(&device, &secret, mode, &customize_info);
    put(&host, &mut out.hostname, HOST_TOO_LONG)?;
    put(&signed.client_id, &mut out.clientid, CLIENT_ID_TOO_LONG)?;
    put(&signed.username, &mut out.username, USERNAME_TOO_LONG)?;
    put(&signed.password, &mut out.password, FAIL)?;
    out.port = mode.port();
    Ok(())
}

/// The text of a C array; `None` without a NUL in it or when it is not UTF-8.
pub(super) fn array_text(field: &[c_char]) -> Option<String> {
    let end = field.iter().position(|&c| c == 0)?;
    let bytes = field.get(..end)?.iter().map(|&c| c.to_ne_bytes()[0]).collect();
    String::from_utf8(bytes).ok()
}

pub(super) fn put<const N: usize>(value: &str, field: &mut [c_char; N], too_long: i32) -> Result<(), i32> {
    if value.len() >= N {
        return Err(too_long);
    }
    let mut bytes = [0u8; N];
    text::copy_truncated(value, &mut bytes);
    *field = bytes.map(|byte| c_char::from_ne_bytes([byte]));
    Ok(())
}
