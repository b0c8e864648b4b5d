// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who the device is, as the firmware says. Values are copied at each call; any thread may ask.

use std::ffi::{CStr, CString, c_char, c_int};

use super::border::in_c;
use super::ffi;
use crate::log;

/// Far more than any limit below: a firmware that writes some bytes too many is refused rather than obeyed.
const ROOM: usize = 160;

/// The product key, up to 20 bytes; `None` when the firmware has none or it is unusable (a log line says why).
pub fn product_key() -> Option<String> {
    ask("product key", 20, ffi::HAL_GetProductKey)
}

/// The product secret, up to 64 bytes; `None` as in [`product_key`].
pub fn product_secret() -> Option<String> {
    ask("product secret", 64, ffi::HAL_GetProductSecret)
}

/// The device name, up to 32 bytes; `None` as in [`product_key`].
pub fn device_name() -> Option<String> {
    ask("device name", 32, ffi::HAL_GetDeviceName)
}

/// The device secret, up to 64 bytes; `None` as in [`product_key`].
pub fn device_secret() -> Option<String> {
    ask("device secret", 64, ffi::HAL_GetDeviceSecret)
}

/// The version of the running firmware, up to 64 bytes; `None` as in [`product_key`].
pub fn firmware_version() -> Option<String> {
    ask("firmware version", 64, ffi::HAL_GetFirmwareVersion)
}

/// What the default `HAL_GetFirmwareVersion` answers: no firmware's version.
pub const PLACEHOLDER_VERSION: &str = "app-1.0.0-20180101.1000";

/// A part of the identity that the firmware can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The product key.
    ProductKey,
    /// The product secret.
    ProductSecret,
    /// The device name.
    DeviceName,
    /// The device secret.
    DeviceSecret,
}

/// Tells the firmware who it is; `false` when it does not take it.
pub fn set(part: Part, value: &str) -> bool {
    let Ok(value) = CString::new(value) else { return false };
    let set = match part {
        Part::ProductKey => ffi::HAL_SetProductKey,
        Part::ProductSecret => ffi::HAL_SetProductSecret,
        Part::DeviceName => ffi::HAL_SetDeviceName,
        Part::DeviceSecret => ffi::HAL_SetDeviceSecret,
    };
    // A copy that the firmware may write to, as the prototype lets it.
    let mut bytes = value.into_bytes_with_nul();
    // SAFETY: NUL-terminated, and outlives the call.
    in_c(|| unsafe { set(bytes.as_mut_ptr().cast()) >= 0 })
}

fn ask(what: &str, max: usize, get: unsafe extern "C" fn(*mut c_char) -> c_int) -> Option<String> {
    let mut buf = [0u8; ROOM];
    // SAFETY: the contract of every HAL_Get* is to write at most `max` bytes and a NUL; the buffer has more room.
    let returned = in_c(|| unsafe { get(buf.as_mut_ptr().cast()) });
    if returned <= 0 {
        return None;
    }
    // The NUL counts, not the number returned. The buffer was zeroed: without a NUL all of it was overwritten.
    let text = CStr::from_bytes_until_nul(&buf).ok().and_then(|text| text.to_str().ok());
    // The value itself stays out of the log: it may be a secret.
    match text {
        Some("") => None,
        Some(text) if text.len() <= max => Some(text.to_owned()),
        Some(text) => {
            log!(Error, "hal", "the {what} has {} bytes, {max} are allowed", text.len());
            None
        }
        None => {
            log!(Error, "hal", "the {what} is not a NUL-terminated UTF-8 string");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_double::identity;
    use super::*;

    #[test]
    fn values_within_their_limits_are_taken() {
        assert_eq!(product_key(), None);
        identity("product_key", b"12345678901234567890");
        assert_eq!(product_key().as_deref(), Some("12345678901234567890"));
        identity("product_key", b"123456789012345678901");
        assert_eq!(product_key(), None);
        identity("device_name", "näme".as_bytes());
        assert_eq!(device_name().as_deref(), Some("näme"));
        identity("device_name", b"n\xffme");
        assert_eq!(device_name(), None);
        identity("device_secret", &[b's'; ROOM]);
        assert_eq!(device_secret(), None, "no NUL in reach");
        identity("product_secret", b"p");
        assert_eq!(product_secret().as_deref(), Some("p"));
        identity("version", b"app-1.0.0");
        assert_eq!(firmware_version().as_deref(), Some("app-1.0.0"));
        identity("version", b"");
        assert_eq!(firmware_version(), None);
        assert!(set(Part::DeviceName, "d2") && !set(Part::DeviceName, "a\0b"));
        assert_eq!(device_name().as_deref(), Some("d2"));
    }
}
