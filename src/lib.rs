// SPDX-License-Identifier: MIT OR Apache-2.0
//! otakit: one OTA engine in Rust behind the C APIs that firmware already calls.
//!
//! Data takes one way through the crate (see `docs/ARCHITECTURE.md`):
//! a cloud message is decoded by [`platform`] into an offer runs one update from offer to
//! verdict, [`fetch`] brings the bytes over [`net`], and a front door in [`capi`] hands them to C.
//! `unsafe` lives in [`capi`] and [`hal`] alone.

pub mod cancel;
pub mod log;
#[cfg(feature = "mqtt")]
pub mod mqtt;
pub mod net;
