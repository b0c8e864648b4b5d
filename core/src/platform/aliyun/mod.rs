// SPDX-License-Identifier: MIT OR Apache-2.0
//! Aliyun IoT, as its Link Kit C SDK v3.0.1 speaks it.
//!
//! The wire facts were observed on the SDK's own programs; the golden tests pin them byte by byte.

pub mod config;
pub mod identity;
pub mod json;
pub mod model;
pub mod module;
pub mod offer;
pub mod register;
pub mod report;
pub mod topics;
pub mod tsl;

use core::fmt;

use crate::url::UrlError;

/// Why a message of the cloud was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not JSON, not an object, nested too deeply, or not UTF-8.
    NotJson,
    /// The cloud reports a failure itself.
    NotSuccess,
    /// A needed key is missing or has the wrong type. Its name.
    Key(&'static str),
    /// The size is 0, negative, fractional or too large to be one.
    Size,
    /// The URL cannot be used.
    Url(UrlError),
    /// The digest is malformed, contradicts another, or its method is unknown.
    Digest,
    /// It offers an image for a module of the device, to firmware that knows of no modules.
    Module,
    /// It offers a difference to an older image; this device takes whole images.
    Difference,
    /// It offers a package of several files; this device takes single images.
    Files,
    /// It offers an image that comes over MQTT; this device fetches over HTTP.
    Stream,
    /// It does not concern this device's update (an answer without an offer, say).
    Nothing,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => f.write_str("not a JSON object"),
            Self::NotSuccess => f.write_str("message is not \"success\""),
            Self::Key(key) => write!(f, "key \"{key}\" missing or of the wrong type"),
            Self::Size => f.write_str("size is not a number of bytes"),
            Self::Url(error) => write!(f, "url cannot be used: {error}"),
            Self::Digest => f.write_str("digest malformed, contradictory or of an unknown method"),
            Self::Module => f.write_str("image is for a module, not for the device itself"),
            Self::Difference => f.write_str("differential package: only whole images are taken"),
            Self::Files => f.write_str("package of several files: only single images are taken"),
            Self::Stream => {
                f.write_str("image over MQTT (dProtocol): only images behind an http(s) URL are taken")
            }
            Self::Nothing => f.write_str("carries no offer"),
        }
    }
}

impl Refusal {
    /// Whether the message offers this device an image that cannot be taken: the cloud is told so, or its order would wait
    /// for ever.
    pub fn is_answered(self) -> bool {
        match self {
            Self::Size | Self::Url(_) | Self::Digest | Self::Difference | Self::Files | Self::Stream => true,
            // These are not of the offer, but around it.
            Self::Key(key) => !matches!(key, "code" | "data" | "message" | "module"),
            Self::NotJson | Self::NotSuccess | Self::Module | Self::Nothing => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn each_refusal_reads_differently() {
        let all = [
            Refusal::NotJson,
            Refusal::NotSuccess,
            Refusal::Key("size"),
            Refusal::Key("url"),
            Refusal::Size,
            Refusal::Url(UrlError::Scheme),
            Refusal::Url(UrlError::Host),
            Refusal::Digest,
            Refusal::Module,
            Refusal::Difference,
            Refusal::Files,
            Refusal::Stream,
            Refusal::Nothing,
        ];
        let answered: Vec<_> = all.iter().filter(|refusal| refusal.is_answered()).collect();
        assert_eq!(answered.len(), 9, "{answered:?}");
        assert!(!Refusal::Key("data").is_answered());
        let texts: std::collections::HashSet<String> = all.iter().map(Refusal::to_string).collect();
        assert_eq!(texts.len(), all.len());
    }
}
