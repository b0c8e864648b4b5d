// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signatures over images, against keys that the firmware trusts.
//!
//! All kinds sign the image's SHA-256, which streams by and can be remembered in a checkpoint: RSA (PKCS#1 v1.5) and
//! ECDSA P-256 do so by definition; for Ed25519 the 32 bytes of the digest are the message.

use otakit_core::signature::Verifies;

/// A public key.
#[derive(Clone)]
pub struct Key(
    #[cfg(feature = "signature")] kinds::Kind,
    #[cfg(not(feature = "signature"))] std::convert::Infallible,
);

#[cfg(not(feature = "signature"))]
impl Key {
    /// This build has no signatures.
    pub fn from_pem(_: &str) -> Option<Self> {
        None
    }
}

#[cfg(not(feature = "signature"))]
impl Verifies for Key {
    /// Never: there is no key.
    fn verifies(&self, _: &[u8], _: &[u8]) -> bool {
        match self.0 {}
    }
}

#[cfg(feature = "signature")]
impl Key {
    /// Reads a public key in PEM form (SubjectPublicKeyInfo). `None` for anything else, and for RSA keys of fewer than 2048
    /// or more than 4096 bits.
    pub fn from_pem(pem: &str) -> Option<Self> {
        kinds::Kind::from_pem(pem).map(Self)
    }
}

#[cfg(feature = "signature")]
impl Verifies for Key {
    fn verifies(&self, sha256: &[u8], signature: &[u8]) -> bool {
        self.0.verifies(sha256, signature)
    }
}

#[cfg(feature = "signature")]
mod kinds {
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
    use p256::pkcs8::DecodePublicKey as _;
    use rsa::pkcs8::DecodePublicKey as _;
    use rsa::traits::PublicKeyParts as _;

    /// The algorithms.
    #[derive(Clone)]
    pub enum Kind {
        Ed25519(ed25519_compact::PublicKey),
        EcdsaP256(p256::ecdsa::VerifyingKey),
        Rsa(rsa::RsaPublicKey),
    }

    /// DigestInfo of SHA-256, as it stands before the digest in a PKCS#1 v1.5 signature (RFC 8017, section 9.2).
    const SHA256_INFO: [u8; 19] = [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
        0x04, 0x20,
    ];

    impl Kind {
        pub fn from_pem(pem: &str) -> Option<Self> {
            if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_pem(pem) {
                return Some(Self::EcdsaP256(key));
            }
            if let Ok(key) = rsa::RsaPublicKey::from_public_key_pem(pem) {
                return (256..=512).contains(&key.size()).then_some(Self::Rsa(key));
            }
            ed25519_compact::PublicKey::from_pem(pem).ok().map(Self::Ed25519)
        }

        pub fn verifies(&self, sha256: &[u8], signature: &[u8]) -> bool {
            match self {
                Self::Ed25519(key) => ed25519_compact::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(sha256, &signature).is_ok()),
                Self::EcdsaP256(key) => p256::ecdsa::Signature::from_der(signature)
                    .or_else(|_| p256::ecdsa::Signature::from_slice(signature))
                    .is_ok_and(|signature| key.verify_prehash(sha256, &signature).is_ok()),
                Self::Rsa(key) => {
                    let padding = rsa::Pkcs1v15Sign { hash_len: Some(32), prefix: Box::new(SHA256_INFO) };
                    key.verify(padding, sha256, signature).is_ok()
                }
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "signature")]
mod tests;
