// SPDX-License-Identifier: MIT OR Apache-2.0
//! The HTTP side: images and configurations for devices, the control API for the command line.

pub mod api;
pub mod content;
pub mod crowd;
pub mod direct;
pub mod downloads;
pub mod guard;
pub mod headers;
pub mod jobs;
pub mod library;
pub mod listener;
pub mod patience;
pub mod pieces;
pub mod range;
pub mod upload;
pub mod urls;
pub mod views;

use crate::data::model::Content;
pub use urls::Urls;

/// Part of a firmware's URL: an offer of bytes that were replaced since must not lead to the new ones.
pub fn edition(content: &Content) -> &str {
    content.sha256.get(..16).unwrap_or(&content.sha256)
}
