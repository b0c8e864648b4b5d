// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device that has its product's secret only.

use std::ffi::{c_char, c_int};
use std::sync::Arc;

use otakit_core::platform::aliyun::identity::Device;

use super::{answer, named};
use crate::bindings::{settings, text};
use crate::lab::{self, Redirect};
use crate::net::{Roots, Security, Target};
use crate::service::aliyun::register;

/// Asks for a device's secret; blocks.
///
/// # Safety
/// The strings are NULL or NUL-terminated; `secret` is NULL or points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn haas_device_register(
    region: *const c_char,
    product_key: *const c_char,
    device_name: *const c_char,
    product_secret: *const c_char,
    secret: *mut c_char,
    size: usize,
) -> c_int {
    answer("haas_device_register", || {
        // SAFETY: `region` and `product_secret` are NULL or NUL-terminated, by this function's contract.
        let (region, product_secret) = unsafe { (text::optional(region), text::given(product_secret)?) };
        // SAFETY: `product_key` and `device_name` are NULL or NUL-terminated, by this function's contract.
        let device = unsafe { Device::new(text::given(product_key)?, text::given(device_name)?) }?;
        // SAFETY: `secret` is NULL or has `size` bytes, by this function's contract.
        let out = unsafe { text::buffer(secret, size) }?;
        let told = register::ask(&settings::dial(), target(region)?, &device, product_secret)?;
        if told.len() >= out.len() {
            return None;
        }
        text::copy_truncated(&told, out);
        Some(())
    })
}

/// The host of a region that registers devices.
fn target(region: Option<&str>) -> Option<Target> {
    let (host, port, tls) = match lab::aliyun_http() {
        Some(Redirect { host, port, tls }) => (host, port, tls),
        None => (named(region)?.auth_host()?, 443, true),
    };
    let roots = Roots { pem: settings::lab_authorities(), public: true };
    let security = if tls { Security::Tls(Arc::new(roots)) } else { Security::Plain };
    Some(Target { host, port, security })
}
