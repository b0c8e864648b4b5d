// SPDX-License-Identifier: MIT OR Apache-2.0
//! The URLs of images: http and https, checked before anything is sent (RFC 3986, the part that is needed here).

use core::fmt;

#[cfg(feature = "alloc")]
mod parts;

#[cfg(feature = "alloc")]
pub use parts::{Url, escaped, place};

/// The longest URL taken, in bytes. Signed URLs of object stores reach about 2 KiB.
pub const MAX_LEN: usize = 4096;

/// Why a URL cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// Longer than [`MAX_LEN`].
    TooLong,
    /// Neither http nor https.
    Scheme,
    /// Host missing, malformed or longer than DNS allows (253).
    Host,
    /// Port not a number from 1 to 65535.
    Port,
    /// Control character, blank or non-ASCII byte.
    Character,
    /// User info with a broken percent escape.
    UserInfo,
}

impl UrlError {
    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::TooLong => "give a shorter one",
            Self::Scheme => "give an http:// or https:// URL",
            Self::Host => "give a host name, an IPv4 address, or an IPv6 address in brackets",
            Self::Port => "correct the port, or leave it out",
            Self::Character => "escape blanks and everything that is not ASCII (%20)",
            Self::UserInfo => "escape a % in user name and password (%25)",
        }
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "URL longer than 4096 bytes",
            Self::Scheme => "URL scheme is neither http nor https",
            Self::Host => "URL has no usable host",
            Self::Port => "URL port is not a number from 1 to 65535",
            Self::Character => "URL holds a character that must be escaped",
            Self::UserInfo => "URL user info is malformed",
        })
    }
}
