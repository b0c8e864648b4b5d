// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signatures over images, as messages carry them.

use alloc::vec::Vec;

use base64::prelude::{BASE64_STANDARD, Engine as _};

/// Longest signature in bytes: RSA with 4096 bits.
const MAX_SIGNATURE: usize = 512;

/// Decodes a signature's base64. `None` when it is none, empty or too long.
pub fn decode(coded: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_STANDARD.decode(coded).ok()?;
    (1..=MAX_SIGNATURE).contains(&bytes.len()).then_some(bytes)
}

/// A public key whose signatures are trusted.
pub trait Verifies {
    /// Whether `signature` is this key's over the image with this SHA-256.
    fn verifies(&self, sha256: &[u8], signature: &[u8]) -> bool;
}
