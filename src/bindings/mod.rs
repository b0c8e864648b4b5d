// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C APIs: pointers, strings, error codes; nothing else.
//!
//! Each export reads the same way: guard against panics, check and convert the arguments, do the one thing through the
//! safe layers, translate the outcome into the API's own codes. No lock is held while C code runs.

// The border to C: raw pointers cannot be had otherwise. Every block says why it is sound.
#![allow(unsafe_code)]
// C's names, so that the header generator and a reader of the C side find them.
#![allow(non_camel_case_types, non_snake_case)]

mod arguments;
#[cfg(any(feature = "onenet", feature = "quectel"))]
mod calls;
mod guard;
#[cfg(feature = "haas")]
pub mod haas;
#[cfg(any(feature = "linkkit", feature = "haas", feature = "quectel"))]
mod handle;
#[cfg(feature = "linkkit")]
pub mod linkkit;
pub mod native;
#[cfg(feature = "onenet")]
pub mod onenet;
#[cfg(feature = "quectel")]
pub mod quectel;
mod settings;
mod text;

/// What a call that waits does without an open handle: it waits all the same, at least 10 ms, and says so once. Firmware
/// calls it in a loop, which would otherwise burn a processor.
#[cfg(feature = "linkkit")]
fn wait_without(function: &str, what: &str, timeout: std::time::Duration) {
    static SAID: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    if !SAID.swap(true, std::sync::atomic::Ordering::Relaxed) {
        crate::log!(Warning, "api", "{function}: no open {what}; it waits out its time and nothing comes");
    }
    std::thread::sleep(timeout.max(std::time::Duration::from_millis(10)));
}
