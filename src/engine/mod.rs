// SPDX-License-Identifier: MIT OR Apache-2.0
//! One update, from offer to verdict. Knows no cloud, no C and no HTTP.
//!
//! A [`Session`] is what a C API holds. Whoever calls [`Session::read_with`] hashes and takes the bytes of its [`transfer`],
//! which a driver moves: `threaded`, with a thread that hands filled slots through a bounded [`pipe`], or `polled`, in the
//! reading call itself (feature `polled`). What happens when is decided by tables of `otakit-core`: `phase` (the life of a
//! session), `retry` and `course` (the life of a transfer).

#[cfg(feature = "delta")]
pub mod delta;
pub mod download;
#[cfg_attr(feature = "polled", allow(dead_code, reason = "the threaded driver's"))]
pub mod pipe;
#[cfg_attr(not(feature = "polled"), allow(dead_code, reason = "built and tested with every feature"))]
mod polled;
#[cfg(test)]
mod props;
mod session;
pub mod signature;
pub mod storage;
#[cfg_attr(feature = "polled", allow(dead_code, reason = "built and tested with every feature"))]
mod threaded;
pub mod transfer;

#[cfg(feature = "polled")]
use polled as driver;
#[cfg(not(feature = "polled"))]
use threaded as driver;

#[cfg(feature = "delta")]
pub use delta::DeltaDownload;
pub use download::{Download, Step};
pub use session::{Put, Read, Session, Settings};
pub use transfer::Renew;

/// What offers are accepted, with keys that this build can check signatures with.
pub type Policy = otakit_core::policy::Policy<signature::Key>;
