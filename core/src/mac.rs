// SPDX-License-Identifier: MIT OR Apache-2.0
//! HMACs of texts, with which devices sign in.

use alloc::vec::Vec;

use hmac::{Hmac, KeyInit, Mac};

/// HMAC-MD5, 16 bytes.
pub fn md5(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = fast_md5::HmacMd5::new(key);
    mac.update(text);
    mac.finalize().to_vec()
}

/// HMAC-SHA1, 20 bytes.
pub fn sha1(key: &[u8], text: &[u8]) -> Vec<u8> {
    mac::<Hmac<sha1::Sha1>>(key, text)
}

/// HMAC-SHA256, 32 bytes.
pub fn sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    mac::<Hmac<sha2::Sha256>>(key, text)
}

fn mac<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length; the error type exists for other MACs.
    <M as KeyInit>::new_from_slice(key)
        .map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::to_hex;

    #[test]
    fn published_answers() {
        // RFC 2202 and RFC 4231, the second case of each.
        let (key, text) = (b"Jefe", b"what do ya want for nothing?");
        assert_eq!(to_hex(&md5(key, text)), "750c783e6ab0b503eaa86e310a5db738");
        assert_eq!(to_hex(&sha1(key, text)), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(
            to_hex(&sha256(key, text)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
