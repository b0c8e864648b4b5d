// SPDX-License-Identifier: MIT OR Apache-2.0
//! One update, from offer to verdict. Knows no cloud, no C and no HTTP.
//!
//! A [`Session`] is what a front door holds. Its worker thread fetches ([`pump`]) and hands filled slots through a
//! bounded [`pipe`] to whoever calls [`Session::read_with`]; that caller hashes and takes the bytes. What happens when is
//! decided by two pure tables: [`phase`] (the life of a session) and [`retry`] (the life of a transfer).

pub mod checkpoint;
pub mod download;
mod failure;
pub mod pace;
pub mod phase;
pub mod pipe;
pub mod policy;
pub mod progress;
#[cfg(test)]
mod props;
pub mod pump;
pub mod retry;
mod session;
pub mod signature;

pub use checkpoint::Checkpoint;
pub use download::{Download, Step};
pub use failure::Failure;
pub use phase::Phase;
pub use session::{Put, Read, Session, Settings};
