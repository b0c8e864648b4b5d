// SPDX-License-Identifier: MIT OR Apache-2.0
//! The HTTP side: images and configurations for devices, the control API for the command line.

pub mod api;
pub mod content;
pub mod guard;
pub mod headers;
pub mod jobs;
pub mod listener;
pub mod range;

use crate::data::model::{Config, Content, Firmware};

/// Makes the URLs that devices are given.
#[derive(Clone, Debug)]
pub struct Urls {
    base: String,
}

impl Urls {
    /// URLs below `base` (`http://host:port`, with or without a slash at the end).
    pub fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned() }
    }

    /// Where a firmware's image is.
    pub fn firmware(&self, firmware: &Firmware) -> String {
        let content = &firmware.content;
        format!("{}/firmware/{}/{}/{}", self.base, firmware.key, edition(content), content.name)
    }

    /// Where a product's configuration is.
    pub fn config(&self, config: &Config) -> String {
        format!("{}/config/{}/{}", self.base, config.product_key, config.id)
    }
}

/// Part of a firmware's URL: an offer of bytes that were replaced since must not lead to the new ones.
pub fn edition(content: &Content) -> &str {
    content.sha256.get(..16).unwrap_or(&content.sha256)
}
