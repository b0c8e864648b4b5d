// SPDX-License-Identifier: MIT OR Apache-2.0
//! Delta packages on a machine that has files: made, applied, shown. The format, and the machine that applies it, are
//! `otakit_core::delta`.

mod diff;
mod error;
mod files;
mod make;
mod pack;
mod sort;

pub use error::ApplyError;
pub use files::{Applied, Places, apply};
pub use make::{Made, MakeError, Options, apply_in_memory, make};
