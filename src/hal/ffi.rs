// SPDX-License-Identifier: MIT OR Apache-2.0
//! The imported symbols, with the types of Link Kit v3.0.1, and nothing else.

#[cfg(not(test))]
pub use imports::*;
// A unit test has no firmware: the same names over std.
#[cfg(test)]
pub use super::test_double::*;

#[cfg(not(test))]
mod imports {
    use std::ffi::{c_char, c_int, c_void};

    unsafe extern "C" {
        pub fn HAL_TCP_Establish(host: *const c_char, port: u16) -> usize;
        pub fn HAL_TCP_Destroy(handle: usize) -> c_int;
        pub fn HAL_TCP_Write(handle: usize, buf: *const c_char, len: u32, timeout_ms: u32) -> i32;
        pub fn HAL_TCP_Read(handle: usize, buf: *mut c_char, len: u32, timeout_ms: u32) -> i32;

        pub fn HAL_GetProductKey(product_key: *mut c_char) -> c_int;
        pub fn HAL_GetProductSecret(product_secret: *mut c_char) -> c_int;
        pub fn HAL_GetDeviceName(device_name: *mut c_char) -> c_int;
        pub fn HAL_GetDeviceSecret(device_secret: *mut c_char) -> c_int;
        pub fn HAL_GetFirmwareVersion(version: *mut c_char) -> c_int;
        pub fn HAL_SetProductKey(product_key: *mut c_char) -> c_int;
        pub fn HAL_SetProductSecret(product_secret: *mut c_char) -> c_int;
        pub fn HAL_SetDeviceName(device_name: *mut c_char) -> c_int;
        pub fn HAL_SetDeviceSecret(device_secret: *mut c_char) -> c_int;

        pub fn HAL_Malloc(size: u32) -> *mut c_void;
        pub fn HAL_Free(ptr: *mut c_void);
        pub fn HAL_Printf(fmt: *const c_char, ...);

        pub fn HAL_Kv_Set(key: *const c_char, val: *const c_void, len: c_int, sync: c_int) -> c_int;
        pub fn HAL_Kv_Get(key: *const c_char, val: *mut c_void, buffer_len: *mut c_int) -> c_int;
        pub fn HAL_Kv_Del(key: *const c_char) -> c_int;

        pub fn HAL_Firmware_Persistence_Start();
        pub fn HAL_Firmware_Persistence_Write(buffer: *mut c_char, length: u32) -> c_int;
        pub fn HAL_Firmware_Persistence_Stop() -> c_int;
    }

    #[cfg(feature = "hal-ssl")]
    unsafe extern "C" {
        pub fn HAL_SSL_Establish(
            host: *const c_char,
            port: u16,
            ca_crt: *const c_char,
            ca_crt_len: u32,
        ) -> usize;
        pub fn HAL_SSL_Destroy(handle: usize) -> i32;
        pub fn HAL_SSL_Write(handle: usize, buf: *const c_char, len: c_int, timeout_ms: c_int) -> i32;
        pub fn HAL_SSL_Read(handle: usize, buf: *mut c_char, len: c_int, timeout_ms: c_int) -> i32;
    }
}
