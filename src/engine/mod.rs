// SPDX-License-Identifier: MIT OR Apache-2.0
//! One update, from offer to verdict. Knows no cloud, no C and no HTTP.
//!
//! A [`Session`] is what a C API holds. Its worker thread fetches ([`pump`]) and hands filled slots through a
//! bounded [`pipe`] to whoever calls [`Session::read_with`]; that caller hashes and takes the bytes. What happens when is
//! decided by tables of `otakit-core`: `phase` (the life of a session), `retry` and `course` (the life of a transfer).

pub mod download;
pub mod pipe;
#[cfg(test)]
mod props;
pub mod pump;
mod session;
pub mod signature;

pub use download::{Download, Step};
pub use session::{Put, Read, Session, Settings};

/// What offers are accepted, with keys that this build can check signatures with.
pub type Policy = otakit_core::policy::Policy<signature::Key>;
