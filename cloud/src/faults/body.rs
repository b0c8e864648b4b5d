// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bytes that every case serves, and their digests.
//!
//! The image of `size` bytes is SplitMix64 with the seed `size`, one 64-bit word per 8 bytes, little-endian:
//!
//! ```text
//! z = size + (k + 1) * 0x9E3779B97F4A7C15          all arithmetic modulo 2^64, k = offset / 8
//! z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
//! z = (z ^ (z >> 27)) * 0x94D049BB133111EB
//! word k = z ^ (z >> 31)
//! ```
//!
//! Any offset is reached at once, so images of any size cost neither memory nor a start-up.

use md5::Md5;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::data::import::hex;

fn word(size: u64, k: u64) -> u64 {
    let z = size.wrapping_add(k.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Fills `buffer` with the bytes of the image of `size` bytes that begin at `offset`.
pub fn fill(size: u64, offset: u64, buffer: &mut [u8]) {
    let (mut k, mut skip) = (offset / 8, usize::try_from(offset % 8).unwrap_or(0));
    let mut rest = buffer;
    while !rest.is_empty() {
        let bytes = word(size, k).to_le_bytes();
        let part = bytes.get(skip..).unwrap_or_default();
        let n = part.len().min(rest.len());
        let (now, later) = rest.split_at_mut(n);
        now.copy_from_slice(part.get(..n).unwrap_or_default());
        rest = later;
        (k, skip) = (k.wrapping_add(1), 0);
    }
}

/// What an offer of the image says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Digests {
    /// Bytes.
    pub size: u64,
    /// Lower-case hex.
    pub md5: String,
    /// Lower-case hex.
    pub sha256: String,
}

/// Digests of the image of `size` bytes, in constant memory; takes about two seconds per GiB.
pub fn digests(size: u64) -> Digests {
    let (mut md5, mut sha256) = (Md5::new(), Sha256::new());
    let mut buffer = vec![0; 64 * 1024];
    let mut offset = 0;
    while offset < size {
        let n = usize::try_from(size - offset).map_or(buffer.len(), |n| n.min(buffer.len()));
        let chunk = buffer.get_mut(..n).unwrap_or_default();
        fill(size, offset, chunk);
        md5.update(&*chunk);
        sha256.update(&*chunk);
        offset += chunk.len() as u64;
    }
    Digests { size, md5: hex(&md5.finalize()), sha256: hex(&sha256.finalize()) }
}

/// CRC-32 as gzip uses it, for bytes that come in pieces.
#[derive(Clone, Copy, Debug)]
pub struct Crc32(u32);

impl Crc32 {
    /// Of no bytes.
    pub fn new() -> Self {
        Self(!0)
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 ^= u32::from(*byte);
            for _ in 0..8 {
                let low = 0_u32.wrapping_sub(self.0 & 1);
                self.0 = (self.0 >> 1) ^ (0xEDB8_8320 & low);
            }
        }
    }

    /// The value so far.
    pub fn value(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_offset_gives_the_same_bytes() {
        let mut whole = vec![0; 1000];
        fill(1000, 0, &mut whole);
        for (from, to) in [(0, 1000), (1, 2), (7, 9), (8, 16), (13, 777), (999, 1000)] {
            let mut part = vec![0; to - from];
            fill(1000, from as u64, &mut part);
            assert_eq!(part, &whole[from..to], "{from}..{to}");
        }
        let mut other = vec![0; 1000];
        fill(1001, 0, &mut other);
        assert_ne!(whole, other);
    }

    #[test]
    fn the_generator_is_splitmix64() {
        // The published test vector of SplitMix64 for seed 1234567.
        assert_eq!(word(1_234_567, 0), 6_457_827_717_110_365_317);
        assert_eq!(word(1_234_567, 1), 3_203_168_211_198_807_973);
    }

    #[test]
    fn digests_of_nothing_and_something() {
        assert_eq!(digests(0).md5, "d41d8cd98f00b204e9800998ecf8427e");
        let mut bytes = vec![0; 100_000];
        fill(100_000, 0, &mut bytes);
        assert_eq!(digests(100_000).sha256, hex(&Sha256::digest(&bytes)));
    }

    #[test]
    fn crc() {
        let mut crc = Crc32::new();
        crc.update(b"12345");
        crc.update(b"6789");
        assert_eq!(crc.value(), 0xCBF4_3926);
    }
}
