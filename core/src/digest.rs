// SPDX-License-Identifier: MIT OR Apache-2.0
//! Digests of images: computed while the bytes stream by, compared in constant time.

#[cfg(feature = "alloc")]
use alloc::string::String;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use sha2::digest::common::hazmat::SerializableState as _;
use sha2::{Digest as _, Sha256};

use crate::md5::Md5;

/// A digest algorithm that offers may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5, 16 bytes. Guards against transfer faults; what Link Kit's `md5` key carries.
    Md5,
    /// SHA-256, 32 bytes.
    Sha256,
}

impl Algorithm {
    /// As it is written in a text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// Length of the digest in bytes.
    pub fn digest_len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha256 => 32,
        }
    }
}

/// Length in bytes of the longest digest.
const LONGEST: usize = 32;

/// The bytes of a digest; reads as a slice.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Digest {
    fn of(bytes: impl IntoIterator<Item = u8>) -> Self {
        let mut digest = Self::default();
        for (place, byte) in digest.bytes.iter_mut().zip(bytes) {
            *place = byte;
            digest.len += 1;
        }
        digest
    }
}

impl Deref for Digest {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The digest that an image must have. Holds no more and no fewer bytes than its algorithm yields.
#[derive(Clone, PartialEq, Eq)]
pub struct Expected {
    algorithm: Algorithm,
    bytes: Digest,
}

impl Expected {
    /// Reads hexadecimal digits of either case. `None` unless they are exactly as many as the algorithm needs.
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != algorithm.digest_len() * 2 {
            return None;
        }
        let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
        let mut bytes = Digest::default();
        for (place, pair) in bytes.bytes.iter_mut().zip(digits.chunks(2)) {
            let [high, low] = pair else { return None };
            *place = (nibble(*high)? << 4) | nibble(*low)?;
            bytes.len += 1;
        }
        Some(Self { algorithm, bytes })
    }

    /// For an image of which no digest is promised: no bytes match it, a session never calls such an image valid.
    pub fn unknown() -> Self {
        Self { algorithm: Algorithm::Sha256, bytes: Digest::default() }
    }

    /// Whether no digest was promised.
    pub fn is_unknown(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Which algorithm it belongs to.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its digits, in lower case.
    #[cfg(feature = "alloc")]
    pub fn to_hex(&self) -> String {
        to_hex(&self.bytes)
    }

    /// Compares without a data-dependent branch, so that timing tells nothing of the position of a difference.
    pub fn matches(&self, actual: &[u8]) -> bool {
        !self.bytes.is_empty()
            && self.bytes.len() == actual.len()
            && self.bytes.iter().zip(actual).fold(0u8, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:{:?}", self.algorithm, self.bytes)
    }
}

/// Digests being computed over the same bytes: the one that the offer promises, and SHA-256 where a signature needs it.
#[derive(Clone)]
pub struct Hasher {
    md5: Option<Md5>,
    sha256: Option<Sha256>,
}

impl Hasher {
    /// Starts with no bytes seen.
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Md5 => Self { md5: Some(Md5::new()), sha256: None },
            Algorithm::Sha256 => Self { md5: None, sha256: Some(Sha256::new()) },
        }
    }

    /// Computes SHA-256 as well. To be called before any bytes.
    #[must_use]
    pub fn with_sha256(mut self) -> Self {
        self.sha256.get_or_insert_default();
        self
    }

    /// Takes the next bytes of the image.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(state) = &mut self.md5 {
            state.update(bytes);
        }
        if let Some(state) = &mut self.sha256 {
            state.update(bytes);
        }
    }

    /// The state after the bytes seen, for [`Hasher::restore`]. Good only for this version of the digest crates.
    #[cfg(feature = "alloc")]
    pub fn save(&self) -> Vec<u8> {
        let mut saved = self.md5.as_ref().map(|state| state.save().to_vec()).unwrap_or_default();
        if let Some(state) = &self.sha256 {
            saved.extend_from_slice(&state.serialize());
        }
        saved
    }

    /// Digests that go on from a saved state, in place of the ones in `self`. `None` when the state is not one of theirs.
    pub fn restore(&self, saved: &[u8]) -> Option<Self> {
        let (md5, rest) = match self.md5 {
            Some(_) => {
                let (state, rest) = saved.split_first_chunk()?;
                (Some(Md5::restore(state)), rest)
            }
            None => (None, saved),
        };
        let sha256 = match self.sha256 {
            Some(_) => Some(Sha256::deserialize(rest.try_into().ok()?).ok()?),
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self { md5, sha256 })
    }

    /// Whether `other` has seen the same bytes, as far as digests tell.
    pub fn agrees(&self, other: &Self) -> bool {
        let all = [Algorithm::Md5, Algorithm::Sha256];
        all.into_iter().all(|algorithm| self.finish(algorithm) == other.finish(algorithm))
    }

    /// The digest of all bytes seen; `None` when it was not computed.
    pub fn finish(&self, algorithm: Algorithm) -> Option<Digest> {
        match algorithm {
            Algorithm::Md5 => self.md5.clone().map(|state| Digest::of(state.finalize())),
            Algorithm::Sha256 => self.sha256.clone().map(|state| Digest::of(state.finalize())),
        }
    }
}

/// Lower-case hexadecimal digits.
#[cfg(feature = "alloc")]
pub fn to_hex(bytes: &[u8]) -> String {
    use core::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;

    #[test]
    fn known_answers_in_either_case() {
        let cases = [
            (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Algorithm::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ];
        for (algorithm, hex) in cases {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"a");
            hasher.update(b"bc");
            let digest = hasher.finish(algorithm).unwrap();
            assert_eq!(to_hex(&digest), hex);
            assert!(Expected::from_hex(algorithm, hex).unwrap().matches(&digest));
            assert!(Expected::from_hex(algorithm, &hex.to_uppercase()).unwrap().matches(&digest));
            let mut other = digest.to_vec();
            *other.last_mut().unwrap() ^= 1;
            assert!(!Expected::from_hex(algorithm, hex).unwrap().matches(&other));
            assert!(!Expected::from_hex(algorithm, hex).unwrap().matches(&digest[1..]));
        }
    }

    #[test]
    fn nothing_matches_an_unknown_digest() {
        assert!(!Expected::unknown().matches(&[]) && !Expected::unknown().matches(&[0; 32]));
    }

    #[test]
    fn hex_of_the_wrong_length_or_alphabet_is_refused() {
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        for bad in ["", &md5[..31], &format!("{md5}0"), &md5.replace('9', "g"), &md5.replace("90", "+9")] {
            assert_eq!(Expected::from_hex(Algorithm::Md5, bad), None, "{bad}");
        }
        assert_eq!(Expected::from_hex(Algorithm::Sha256, md5), None);
    }
}
