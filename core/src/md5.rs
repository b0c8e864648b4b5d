// SPDX-License-Identifier: MIT OR Apache-2.0
//! MD5 whose state can be saved, over the block function of `fast-md5`: assembly on x86-64 and aarch64.

use fast_md5::{BLOCK_SIZE, DIGEST_LENGTH, transform};

/// Length of a saved state in bytes.
pub const STATE_LEN: usize = 16 + 8 + BLOCK_SIZE;

/// MD5 of the bytes seen so far.
#[derive(Clone)]
pub struct Md5 {
    state: [u32; 4],
    /// Bytes seen.
    len: u64,
    /// Those of them that do not fill a block yet, at its front.
    block: [u8; BLOCK_SIZE],
}

impl Md5 {
    /// Of no bytes. The words are those of RFC 1321.
    pub const fn new() -> Self {
        let state = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476];
        Self { state, len: 0, block: [0; BLOCK_SIZE] }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let filled = self.filled();
        self.len = self.len.wrapping_add(bytes.len() as u64);
        let mut rest = bytes;
        if filled > 0 {
            let room = self.block.get_mut(filled..).unwrap_or_default();
            let (now, later) = rest.split_at(rest.len().min(room.len()));
            room.iter_mut().zip(now).for_each(|(place, byte)| *place = *byte);
            if filled + now.len() < BLOCK_SIZE {
                return;
            }
            transform(&mut self.state, &self.block);
            rest = later;
        }
        let (blocks, rest) = rest.as_chunks();
        let mut state = self.state;
        blocks.iter().for_each(|block| transform(&mut state, block));
        self.state = state;
        self.block.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    }

    /// The digest of all bytes seen.
    pub fn finalize(mut self) -> [u8; DIGEST_LENGTH] {
        let bits = self.len.wrapping_mul(8);
        let filled = self.filled();
        // A one bit, zeros up to the last eight bytes of a block, and there the length.
        let zeros =
            if filled < BLOCK_SIZE - 8 { BLOCK_SIZE - 9 - filled } else { 2 * BLOCK_SIZE - 9 - filled };
        let padding = [0; BLOCK_SIZE];
        self.update(&[0x80]);
        self.update(padding.get(..zeros).unwrap_or_default());
        self.update(&bits.to_le_bytes());
        let mut digest = [0; DIGEST_LENGTH];
        let bytes = self.state.iter().flat_map(|word| word.to_le_bytes());
        digest.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        digest
    }

    /// The state: words, bytes seen, and those that fill no block, numbers little-endian.
    #[cfg(any(feature = "alloc", test))]
    pub fn save(&self) -> [u8; STATE_LEN] {
        let mut saved = [0; STATE_LEN];
        let words = self.state.iter().flat_map(|word| word.to_le_bytes());
        let block = self.block.iter().take(self.filled()).copied();
        let bytes = words.chain(self.len.to_le_bytes()).chain(block);
        saved.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        saved
    }

    /// Goes on from a saved state.
    pub fn restore(saved: &[u8; STATE_LEN]) -> Self {
        let mut restored = Self::new();
        let (words, rest) = saved.as_chunks::<4>().0.split_at(4);
        restored.state.iter_mut().zip(words).for_each(|(word, bytes)| *word = u32::from_le_bytes(*bytes));
        let rest = rest.as_flattened();
        restored.len = rest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let block = rest.get(8..).unwrap_or_default();
        restored.block.iter_mut().zip(block).for_each(|(place, byte)| *place = *byte);
        restored
    }

    /// Bytes that do not fill a block yet.
    fn filled(&self) -> usize {
        // A remainder of 64 fits.
        usize::try_from(self.len % BLOCK_SIZE as u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use md5::Digest as _;

    use super::*;

    /// Xorshift.
    fn noise(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        }
    }

    #[test]
    fn it_agrees_with_another_md5_however_the_bytes_are_cut_and_the_state_is_moved() {
        let mut next = noise(7);
        for round in 0..3000_u64 {
            let len = usize::try_from(if round < 300 { round } else { next() % 5000 }).unwrap();
            let bytes: Vec<u8> = (0..len).map(|_| next().to_le_bytes()[3]).collect();
            let (mut ours, mut rest) = (Md5::new(), &bytes[..]);
            while !rest.is_empty() {
                let cut = 1 + usize::try_from(next() % 200).unwrap().min(rest.len() - 1);
                let (now, later) = rest.split_at(cut);
                ours.update(now);
                rest = later;
                if next().is_multiple_of(4) {
                    ours = Md5::restore(&ours.save());
                }
            }
            assert_eq!(ours.finalize()[..], md5::Md5::digest(&bytes)[..], "{len} bytes");
        }
    }

    #[test]
    fn the_examples_of_rfc_1321() {
        for (text, hex) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ] {
            let mut md5 = Md5::new();
            md5.update(text.as_bytes());
            assert_eq!(crate::digest::to_hex(&md5.finalize()), hex, "{text}");
        }
    }

    #[test]
    fn any_saved_bytes_may_come_back() {
        let mut next = noise(9);
        for _ in 0..1000 {
            let saved = [(); STATE_LEN].map(|()| next().to_le_bytes()[5]);
            let mut md5 = Md5::restore(&saved);
            md5.update(b"more");
            let _ = md5.finalize();
        }
    }
}
