// SPDX-License-Identifier: MIT OR Apache-2.0
//! `dev_token.h`: the token that signs requests.

use otakit_core::platform::onenet::Device;
use otakit_core::platform::onenet::token::{self, Token};

use super::options::method;
use super::{INVALID_PARAM, OK, OTHERS, OVERFLOW, part};
use crate::bindings::guard::guard;

/// `enum sig_method_e`: any number may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct sig_method_e(pub u32);

/// Bytes that programs give for a token, as the SDK's own do.
const ROOM: usize = 256;

/// Writes a token of a product, or of one of its devices when `dev_name` is not NULL, with the NUL that ends it. A token
/// that does not fit 256 bytes is -15, and nothing is written.
///
/// # Safety
/// `token` is NULL or points to 256 bytes; the texts are NULL or NUL-terminated strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dev_token_generate(
    token: *mut u8,
    method: sig_method_e,
    exp_time: u32,
    product_id: *const u8,
    dev_name: *const u8,
    access_key: *const u8,
) -> i32 {
    guard("dev_token_generate", OTHERS, || {
        // SAFETY: the texts are NULL or NUL-terminated, by this function's contract.
        match unsafe { generate(method, exp_time, product_id, dev_name, access_key) } {
            Some(_) if token.is_null() => INVALID_PARAM,
            Some(text) if text.len() >= ROOM => OVERFLOW,
            Some(text) => {
                // SAFETY: not NULL, and 256 bytes may be written, by this function's contract; the text and
                // its NUL are fewer.
                unsafe {
                    token.copy_from_nonoverlapping(text.as_ptr(), text.len());
                    token.add(text.len()).write(0);
                }
                OK
            }
            None => INVALID_PARAM,
        }
    })
}

/// # Safety
/// The texts are NULL or NUL-terminated strings.
unsafe fn generate(
    number: sig_method_e,
    expiry: u32,
    product_id: *const u8,
    dev_name: *const u8,
    access_key: *const u8,
) -> Option<String> {
    // SAFETY: `product_id` and `access_key` are NULL or NUL-terminated, by this function's contract.
    let (product_id, key) = unsafe { (part(product_id).ok()?, part(access_key).ok()?) };
    let name = if dev_name.is_null() {
        None
    } else {
        // SAFETY: not NULL, and NUL-terminated, by this function's contract.
        Some(unsafe { part(dev_name) }.ok()?)
    };
    // A device's name must not lead to another resource.
    Device::new(product_id, name.unwrap_or("-"))?;
    let resource = token::resource(product_id, name);
    let method = method(number.0)?;
    Token { version: token::VERSION, resource: &resource, expiry, method }.sign(key)
}
