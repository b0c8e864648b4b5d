// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a platform offers: an image and all that is needed to fetch and to verify it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::digest::{Expected, Hasher};

/// An image on offer. Whoever decodes one from a platform's message has checked that the size is not 0 and that the URL
/// can be used; there is no offer without a digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Offer {
    /// The version that the image carries, as the platform spells it.
    pub version: String,
    /// Size in bytes, at least 1.
    pub size: u64,
    /// Where it is.
    pub url: String,
    /// What its bytes must digest to.
    pub digest: Expected,
    /// What its bytes are.
    pub kind: Kind,
    /// A signature over the image's SHA-256, where the platform sends one.
    pub signature: Option<Vec<u8>>,
    /// The bytes are no image but a delta package that makes one. Size, digest and signature are the package's.
    pub is_delta: bool,
}

impl core::fmt::Debug for Offer {
    /// Without the URL, whose query may be a signature.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Offer")
            .field("version", &self.version)
            .field("size", &self.size)
            .field("url", &crate::Hidden)
            .field("digest", &self.digest)
            .field("kind", &self.kind)
            .field("signature", &self.signature)
            .field("is_delta", &self.is_delta)
            .finish()
    }
}

/// What the bytes of an offer are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A firmware, or a part of one: it has a version and may be signed.
    #[default]
    Firmware,
    /// A configuration file: its version is but a name.
    Config,
}

impl Offer {
    /// Computes all that the verdict over this offer needs.
    pub fn hasher(&self) -> Hasher {
        let hasher = Hasher::new(self.digest.algorithm());
        if self.signature.is_some() { hasher.with_sha256() } else { hasher }
    }

    /// Whether `other` offers the same bytes: same version, size and digest. The URL may differ.
    pub fn is_same_image(&self, other: &Self) -> bool {
        (&self.version, self.size, &self.digest) == (&other.version, other.size, &other.digest)
    }

    /// Whether `fresh` may be this offer with another URL. Digests of two algorithms say nothing of each other: then the
    /// bytes must still match this offer's.
    pub fn is_renewed_by(&self, fresh: &Self) -> bool {
        let comparable = self.digest.algorithm() == fresh.digest.algorithm();
        (&self.version, self.size) == (&fresh.version, fresh.size)
            && (!comparable || self.digest == fresh.digest)
    }
}
