// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an update over the air is, apart from any system that one runs on: bytes become types here, and types decisions.
//!
//! Nothing in this crate does input or output, asks a clock, starts a thread or takes a lock: bytes, times and random
//! numbers are arguments. It builds without Rust's standard library; without the feature `alloc` it needs no heap either,
//! and then has digests, dates, versions, failures, the course of a transfer and the headers of ranges.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
#[macro_use]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "alloc")]
pub mod checkpoint;
pub mod course;
pub mod date;
#[cfg(feature = "delta")]
pub mod delta;
pub mod digest;
#[cfg(feature = "alloc")]
pub mod failure;
pub mod fetch;
mod hidden;
pub mod http;
#[cfg(feature = "alloc")]
pub mod mac;
mod md5;
pub mod net;
#[cfg(feature = "alloc")]
pub mod offer;
pub mod pace;
pub mod phase;
#[cfg(feature = "alloc")]
pub mod platform;
#[cfg(feature = "alloc")]
pub mod policy;
pub mod progress;
#[cfg(test)]
mod props;
pub mod retry;
#[cfg(feature = "alloc")]
pub mod signature;
pub mod store;
pub mod url;
pub mod version;

pub use hidden::Hidden;
