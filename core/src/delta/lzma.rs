// SPDX-License-Identifier: MIT OR Apache-2.0
//! LZMA with lc = lp = pb = 0, one symbol at a time. All its tables are 3.5 KB.

use super::error::DeltaError;
use super::range::{Chance, EVEN, Range};

/// Kinds of symbols that came last; from `AFTER_MATCH` on the last one was no literal.
const STATES: usize = 12;
const AFTER_MATCH: usize = 7;
const LITERALS: usize = 0x300;
/// Slots of a distance, for each of four lengths.
const SLOTS: usize = 64;
/// Distances whose low bits have chances of their own end with this slot.
const FIRST_PLAIN: usize = 14;
const SPECIAL: usize = 115;

/// Lengths 2 to 273.
#[derive(Clone)]
struct Lengths {
    choice: [Chance; 2],
    low: [Chance; 8],
    middle: [Chance; 8],
    high: [Chance; 256],
}

impl Lengths {
    const NEW: Self = Self { choice: [EVEN; 2], low: [EVEN; 8], middle: [EVEN; 8], high: [EVEN; 256] };

    /// 0 to 271: the length without the 2 that each has.
    fn next(&mut self, range: &mut Range) -> Result<usize, DeltaError> {
        let [first, second] = &mut self.choice;
        if !range.bit(first)? {
            range.tree(&mut self.low, 3)
        } else if !range.bit(second)? {
            Ok(8 + range.tree(&mut self.middle, 3)?)
        } else {
            Ok(16 + range.tree(&mut self.high, 8)?)
        }
    }
}

/// Chances that depend on the state alone.
#[derive(Clone)]
struct PerState {
    matched: [Chance; STATES],
    repeated: [Chance; STATES],
    not_first: [Chance; STATES],
    not_second: [Chance; STATES],
    not_third: [Chance; STATES],
    long: [Chance; STATES],
}

/// The dictionary: the last bytes that were made, in a ring that the caller lends.
#[derive(Clone)]
pub(super) struct Window {
    at: usize,
    filled: usize,
}

impl Window {
    pub const EMPTY: Self = Self { at: 0, filled: 0 };

    pub fn put(&mut self, ring: &mut [u8], byte: u8) {
        if let Some(place) = ring.get_mut(self.at) {
            *place = byte;
        }
        self.at += 1;
        if self.at >= ring.len() {
            self.at = 0;
        }
        self.filled = (self.filled + 1).min(ring.len());
    }

    /// The byte `distance` + 1 bytes back.
    fn back(&self, ring: &[u8], distance: u32) -> Option<u8> {
        let distance = usize::try_from(distance).ok().filter(|distance| *distance < self.filled)?;
        let at = if distance < self.at { self.at } else { self.at + ring.len() };
        ring.get(at - distance - 1).copied()
    }
}

/// What a symbol says.
pub(super) enum Symbol {
    Literal(u8),
    /// So many bytes from [`Lzma::again`].
    Match(usize),
}

/// The state of a decoder, without its input and its dictionary.
#[derive(Clone)]
pub(super) struct Lzma {
    state: usize,
    distances: [u32; 4],
    per_state: PerState,
    literals: [Chance; LITERALS],
    lengths: Lengths,
    repeated_lengths: Lengths,
    slots: [[Chance; SLOTS]; 4],
    special: [Chance; SPECIAL],
    align: [Chance; 16],
}

impl Lzma {
    pub const NEW: Self = Self {
        state: 0,
        distances: [0; 4],
        per_state: PerState {
            matched: [EVEN; STATES],
            repeated: [EVEN; STATES],
            not_first: [EVEN; STATES],
            not_second: [EVEN; STATES],
            not_third: [EVEN; STATES],
            long: [EVEN; STATES],
        },
        literals: [EVEN; LITERALS],
        lengths: Lengths::NEW,
        repeated_lengths: Lengths::NEW,
        slots: [[EVEN; SLOTS]; 4],
        special: [EVEN; SPECIAL],
        align: [EVEN; 16],
    };

    /// The byte that a match copies next.
    pub fn again(&self, window: &Window, ring: &[u8]) -> Result<u8, DeltaError> {
        let [distance, ..] = self.distances;
        window.back(ring, distance).ok_or(DeltaError::Distance)
    }

    /// Decodes one symbol; `range` holds all bytes that it may take, or all that are left.
    pub fn symbol(&mut self, range: &mut Range, window: &Window, ring: &[u8]) -> Result<Symbol, DeltaError> {
        if !self.choose(range, |chances| &mut chances.matched)? {
            return self.literal(range, window, ring).map(Symbol::Literal);
        }
        if !self.choose(range, |chances| &mut chances.repeated)? {
            let length = self.lengths.next(range)?;
            let [first, second, third, _] = self.distances;
            self.distances = [self.distance(range, length)?, first, second, third];
            self.state = if self.state < AFTER_MATCH { 7 } else { 10 };
            return Ok(Symbol::Match(length + 2));
        }
        if !self.choose(range, |chances| &mut chances.not_first)? {
            if !self.choose(range, |chances| &mut chances.long)? {
                self.state = if self.state < AFTER_MATCH { 9 } else { 11 };
                return Ok(Symbol::Match(1));
            }
        } else {
            let [first, second, third, fourth] = self.distances;
            self.distances = if !self.choose(range, |chances| &mut chances.not_second)? {
                [second, first, third, fourth]
            } else if !self.choose(range, |chances| &mut chances.not_third)? {
                [third, first, second, fourth]
            } else {
                [fourth, first, second, third]
            };
        }
        let length = self.repeated_lengths.next(range)?;
        self.state = if self.state < AFTER_MATCH { 8 } else { 11 };
        Ok(Symbol::Match(length + 2))
    }

    fn choose(
        &mut self,
        range: &mut Range,
        of: fn(&mut PerState) -> &mut [Chance; STATES],
    ) -> Result<bool, DeltaError> {
        let chance = of(&mut self.per_state).get_mut(self.state).ok_or(DeltaError::Chunk)?;
        range.bit(chance)
    }

    /// A byte; after a match the one that the match did not foresee, whose bits are coded beside that byte's.
    fn literal(&mut self, range: &mut Range, window: &Window, ring: &[u8]) -> Result<u8, DeltaError> {
        let mut node = 1usize;
        if self.state >= AFTER_MATCH {
            let mut other = usize::from(self.again(window, ring)?);
            let mut same = 0x100;
            while node < 0x100 {
                other <<= 1;
                let expected = other & same;
                let chance = self.literals.get_mut(same + expected + node).ok_or(DeltaError::Chunk)?;
                let bit = range.bit(chance)?;
                node = node << 1 | usize::from(bit);
                same = if bit { expected } else { same & !expected };
            }
        }
        while node < 0x100 {
            let chance = self.literals.get_mut(node).ok_or(DeltaError::Chunk)?;
            node = node << 1 | usize::from(range.bit(chance)?);
        }
        self.state = match self.state {
            0..=3 => 0,
            4..=9 => self.state - 3,
            _ => self.state - 6,
        };
        let [byte, ..] = node.to_le_bytes();
        Ok(byte)
    }

    fn distance(&mut self, range: &mut Range, length: usize) -> Result<u32, DeltaError> {
        let slots = self.slots.get_mut(length.min(3)).ok_or(DeltaError::Chunk)?;
        let slot = range.tree(slots, 6)?;
        let Ok(front) = u32::try_from(slot) else { return Err(DeltaError::Chunk) };
        if slot < 4 {
            return Ok(front);
        }
        let bits = (front >> 1) - 1;
        let high = (2 | front & 1) << bits;
        if slot < FIRST_PLAIN {
            let start = usize::try_from(high).unwrap_or(usize::MAX) - slot;
            let chances = self.special.get_mut(start..).ok_or(DeltaError::Chunk)?;
            return Ok(high + range.reverse_tree(chances, bits)?);
        }
        let plain = range.plain(bits - 4)?;
        Ok(high + (plain << 4) + range.reverse_tree(&mut self.align, 4)?)
    }
}
