// SPDX-License-Identifier: MIT OR Apache-2.0
//! otakit: one OTA engine in Rust behind the C APIs that firmware already calls.
//!
//! Data takes one way through the crate (see `docs/ARCHITECTURE.md`):
//! a cloud message is decoded by [`platform`] into an offer, [`engine`] runs one update from
//! offer to verdict, [`fetch`] brings the bytes over [`net`], [`service`] binds them to one device, and a C API in
//! [`bindings`] hands them to C.
//! `unsafe` lives in [`bindings`] and [`hal`] alone.

pub mod bindings;
pub mod cancel;
pub mod engine;
pub mod fetch;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod hal;
pub mod lab;
pub mod log;
#[cfg(feature = "mqtt")]
pub mod mqtt;
pub mod net;
pub use otakit_core::platform;
pub mod service;
pub mod store;
mod system;
mod thread;
