// SPDX-License-Identifier: MIT OR Apache-2.0
//! The range decoder beneath LZMA: bytes in, one decided bit out.

use super::error::DeltaError;

/// Bytes that are held; input is decoded from here.
const HELD: usize = 256;
/// Most bytes that one symbol of LZMA takes from the input.
pub(super) const SYMBOL: usize = 20;

/// A probability in 1/2048 that the next bit is 0.
pub(super) type Chance = u16;
pub(super) const EVEN: Chance = 1024;

/// Decoder and its input.
#[derive(Clone)]
pub(super) struct Range {
    range: u32,
    code: u32,
    held: [u8; HELD],
    at: usize,
    end: usize,
}

impl Range {
    pub const fn new() -> Self {
        Self { range: 0, code: 0, held: [0; HELD], at: 0, end: 0 }
    }

    /// Bytes that wait to be decoded.
    pub fn waiting(&self) -> usize {
        self.end - self.at
    }

    /// Takes from `input` what there is room for, `most` bytes at most; how many those were.
    pub fn fill(&mut self, input: &mut &[u8], most: usize) -> usize {
        if self.at > 0 {
            self.held.copy_within(self.at..self.end, 0);
            (self.at, self.end) = (0, self.end - self.at);
        }
        let room = self.held.get_mut(self.end..).unwrap_or_default();
        let count = room.len().min(most).min(input.len());
        let (taken, rest) = input.split_at_checked(count).unwrap_or((&[], input));
        room.iter_mut().zip(taken).for_each(|(place, byte)| *place = *byte);
        *input = rest;
        self.end += count;
        count
    }

    fn byte(&mut self) -> Result<u8, DeltaError> {
        let byte = self.held.get(self.at).filter(|_| self.at < self.end).ok_or(DeltaError::Chunk)?;
        self.at += 1;
        Ok(*byte)
    }

    /// Reads the first five bytes of a chunk.
    pub fn start(&mut self) -> Result<(), DeltaError> {
        if self.byte()? != 0 {
            return Err(DeltaError::Chunk);
        }
        self.range = u32::MAX;
        self.code = u32::from_be_bytes([self.byte()?, self.byte()?, self.byte()?, self.byte()?]);
        Ok(())
    }

    /// Whether a chunk may end here: nothing is left of it, and nothing is hidden in its last bytes.
    pub fn is_finished(&self) -> bool {
        self.at == self.end && self.code == 0
    }

    fn normalize(&mut self) -> Result<(), DeltaError> {
        if self.range < 1 << 24 {
            self.code = self.code << 8 | u32::from(self.byte()?);
            self.range <<= 8;
        }
        Ok(())
    }

    /// The next bit, of which `chance` is believed, and learns.
    pub fn bit(&mut self, chance: &mut Chance) -> Result<bool, DeltaError> {
        let bound = (self.range >> 11) * u32::from(*chance);
        let bit = self.code >= bound;
        if bit {
            self.range -= bound;
            self.code -= bound;
            *chance -= *chance >> 5;
        } else {
            self.range = bound;
            *chance += (2048 - *chance) >> 5;
        }
        self.normalize()?;
        Ok(bit)
    }

    /// `count` bits of which nothing is believed.
    pub fn plain(&mut self, count: u32) -> Result<u32, DeltaError> {
        let mut value = 0;
        for _ in 0..count {
            self.range >>= 1;
            let bit = self.code >= self.range;
            if bit {
                self.code -= self.range;
            }
            value = value << 1 | u32::from(bit);
            self.normalize()?;
        }
        Ok(value)
    }

    /// A number of `bits` bits, the highest first; `chances` are those of its tree.
    pub fn tree(&mut self, chances: &mut [Chance], bits: u32) -> Result<usize, DeltaError> {
        let mut node = 1;
        for _ in 0..bits {
            let chance = chances.get_mut(node).ok_or(DeltaError::Chunk)?;
            node = node << 1 | usize::from(self.bit(chance)?);
        }
        Ok(node - (1 << bits))
    }

    /// A number of `bits` bits, the lowest first.
    pub fn reverse_tree(&mut self, chances: &mut [Chance], bits: u32) -> Result<u32, DeltaError> {
        let (mut node, mut value) = (1, 0);
        for place in 0..bits {
            let chance = chances.get_mut(node).ok_or(DeltaError::Chunk)?;
            let bit = self.bit(chance)?;
            node = node << 1 | usize::from(bit);
            value |= u32::from(bit) << place;
        }
        Ok(value)
    }
}
