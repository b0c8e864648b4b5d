// SPDX-License-Identifier: MIT OR Apache-2.0
//! `infra_compat.h`: connection info, options, log level.

use std::ffi::{c_char, c_int, c_void};

use otakit_core::platform::aliyun::identity::{
    DEVICE_NAME_LEN, DEVICE_SECRET_LEN, Device, PRODUCT_KEY_LEN, Region,
};

use super::model::gateway;
use super::sign::{CLOUD, SetUp, region, region_number};
use super::{FAIL, NULL_VALUE, SUCCESS, mqtt, ota};
use crate::bindings::guard::guard;
use crate::bindings::text;
use crate::log::{self, Level};

/// Longest custom host in characters.
const DOMAIN_LEN: usize = 64;
/// Longest text appended to the client id.
const CUSTOMIZE_INFO_LEN: usize = 80;

/// `IOT_LogLevel`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct IOT_LogLevel(pub c_int);

/// `iotx_conn_info_t`.
#[repr(C)]
pub struct iotx_conn_info_t {
    /// 0: the default.
    pub port: u16,
    /// Unused.
    pub init: u8,
    /// Empty: the default.
    pub host_name: *mut c_char,
    /// Empty: the default.
    pub client_id: *mut c_char,
    /// Empty: the default.
    pub username: *mut c_char,
    /// Empty: the default.
    pub password: *mut c_char,
    /// Empty: the default.
    pub pub_key: *const c_char,
}

/// Lets a `static` hold the pointers below.
struct Shared(iotx_conn_info_t);

// SAFETY: the library never writes it, and all pointers lead to one constant.
unsafe impl Sync for Shared {}

const EMPTY: *mut c_char = c"".as_ptr().cast_mut();

/// Everything "to be signed at IOT_MQTT_Construct", as in the reference.
static CONN_INFO: Shared = Shared(iotx_conn_info_t {
    port: 0,
    init: 0,
    host_name: EMPTY,
    client_id: EMPTY,
    username: EMPTY,
    password: EMPTY,
    pub_key: EMPTY,
});

/// Checks the lengths of an identity and hands out connection parameters that `IOT_MQTT_Construct` fills in from the
/// identity of the HAL; from this one, where the HAL has no product key or no device name. The structure is the library's
/// and read-only.
///
/// # Safety
/// The texts are NULL or NUL-terminated; `info_ptr` is NULL or points to a `void *`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_SetupConnInfo(
    product_key: *const c_char,
    device_name: *const c_char,
    device_secret: *const c_char,
    info_ptr: *mut *mut c_void,
) -> c_int {
    guard("IOT_SetupConnInfo", FAIL, || {
        // SAFETY: as the caller promises.
        let texts = unsafe { (text::text(product_key), text::text(device_name), text::text(device_secret)) };
        let (Some(pk), Some(dn), Some(ds)) = texts else { return NULL_VALUE };
        if pk.len() > PRODUCT_KEY_LEN || dn.len() > DEVICE_NAME_LEN || ds.len() > DEVICE_SECRET_LEN {
            return NULL_VALUE;
        }
        if let Some(device) = Device::new(pk, dn) {
            CLOUD.lock().set_up = Some(SetUp { device, secret: ds.to_owned() });
        }
        if !info_ptr.is_null() {
            // SAFETY: not NULL; writable, as the caller promises.
            unsafe { info_ptr.write((&raw const CONN_INFO.0).cast_mut().cast()) };
        }
        SUCCESS
    })
}

/// Sets or gets one of the process's options; -1 for an option that does not exist.
///
/// # Safety
/// `value` is NULL or points to what the option asks for: an `int`, a NUL-terminated string, or an identity.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_Ioctl(option: c_int, value: *mut c_void) -> c_int {
    guard("IOT_Ioctl", FAIL, || {
        if value.is_null() {
            return FAIL;
        }
        match option {
            // SAFETY: as the caller promises; alignment is not relied on.
            11 => gateway::select_ota(unsafe { value.cast::<c_int>().read_unaligned() }),
            // SAFETY: as the caller promises.
            12 => unsafe { gateway::query_devid(value.cast()) },
            // SAFETY: as the caller promises.
            _ => unsafe { apply(option, value) }.map_or(FAIL, |()| SUCCESS),
        }
    })
}

/// # Safety
/// As for [`IOT_Ioctl`].
unsafe fn apply(option: c_int, value: *mut c_void) -> Option<()> {
    let number = value.cast::<c_int>();
    let mut cloud = CLOUD.lock();
    // SAFETY: `value` is what the option asks for, as the caller promises; alignment is not relied on.
    unsafe {
        match option {
            0 => {
                let custom = match &cloud.region {
                    Region::Custom(host) => host.clone(),
                    _ => None,
                };
                cloud.region = region(number.read_unaligned(), custom)?;
            }
            1 => number.write_unaligned(region_number(&cloud.region)),
            2 => cloud.region = Region::Custom(Some(limited(value, DOMAIN_LEN)?)),
            3 => cloud.http_domain = Some(limited(value, DOMAIN_LEN)?),
            4 => cloud.dynamic_register = number.read_unaligned(),
            5 => number.write_unaligned(cloud.dynamic_register),
            6 | 7 => cloud.event_replies = number.read_unaligned() != 0,
            8 => cloud.set_replies = number.read_unaligned() != 0,
            // Without effect, in the reference too.
            9 | 10 => {}
            13 => cloud.customize_info = limited(value, CUSTOMIZE_INFO_LEN)?,
            _ => return None,
        }
    }
    Some(())
}

/// # Safety
/// `value` points to a NUL-terminated string.
unsafe fn limited(value: *const c_void, limit: usize) -> Option<String> {
    // SAFETY: as the caller promises.
    unsafe { text::given(value.cast()) }.filter(|text| text.len() <= limit).map(str::to_owned)
}

/// Sets the most talkative level that is printed through `HAL_Printf`.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_SetLogLevel(level: IOT_LogLevel) {
    guard("IOT_SetLogLevel", (), || log::set_limit(Level::from_number(level.0)));
}

/// Logs what the library holds open, at `level`.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_DumpMemoryStats(level: IOT_LogLevel) {
    guard("IOT_DumpMemoryStats", (), || {
        let level = Level::from_number(level.0);
        if log::enabled(level) {
            let (clients, sessions) = (mqtt::open_clients(), ota::open_sessions());
            log::write(
                level,
                "infra",
                format_args!("{clients} MQTT clients and {sessions} OTA sessions open"),
            );
        }
    });
}
