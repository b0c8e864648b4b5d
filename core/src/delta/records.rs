// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instructions inside a block: so many bytes of the base with differences added, or so many new bytes.

use super::error::DeltaError;

/// A number of up to 64 bits that comes byte by byte, seven bits in each, the lowest first (LEB128).
#[derive(Clone, Copy, Debug, Default)]
pub struct Varint {
    value: u64,
    shift: u32,
}

impl Varint {
    /// Takes a byte; the number once it is complete.
    ///
    /// # Errors
    ///
    /// `Varint`, when it has more than 64 bits.
    pub fn push(&mut self, byte: u8) -> Result<Option<u64>, DeltaError> {
        let bits = u64::from(byte & 0x7F);
        let room = u64::MAX.checked_shr(self.shift).unwrap_or(0);
        if bits > room {
            return Err(DeltaError::Varint);
        }
        self.value |= bits.checked_shl(self.shift).unwrap_or(0);
        self.shift += 7;
        if byte < 0x80 {
            return Ok(Some(core::mem::take(self).value));
        }
        if self.shift >= 64 { Err(DeltaError::Varint) } else { Ok(None) }
    }

    /// The bytes of a number.
    pub fn bytes(value: u64) -> impl Iterator<Item = u8> {
        core::iter::successors(Some(value), |rest| Some(rest >> 7).filter(|rest| *rest > 0)).map(|rest| {
            let [low, ..] = rest.to_le_bytes();
            low & 0x7F | if rest > 0x7F { 0x80 } else { 0 }
        })
    }
}

/// A number with a sign as one without: 0, -1, 1, -2, … become 0, 1, 2, 3, …
pub fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Where in a record the decoder is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// In the number that says kind and length.
    Tag,
    /// In the number that says how far the base's position moves, before so many bytes of differences.
    Seek(u32),
    /// So many bytes of differences are to come.
    Add(u32),
    /// So many new bytes are to come.
    Insert(u32),
}

/// The records of one block.
#[derive(Clone, Debug)]
pub(super) struct Records {
    pub part: Part,
    /// Where the next byte of the base is.
    pub base: u64,
    number: Varint,
}

impl Records {
    /// At the start of a block, whose first seek is from `base` on.
    pub fn new(base: u64) -> Self {
        Self { part: Part::Tag, base, number: Varint::default() }
    }

    /// Takes the next byte of a tag or a seek. The block has room for `room` bytes, the base has `base_size`.
    pub fn push(&mut self, byte: u8, room: u32, base_size: u64) -> Result<(), DeltaError> {
        let Some(number) = self.number.push(byte)? else { return Ok(()) };
        match self.part {
            Part::Seek(len) => {
                let base = self.base.checked_add_signed(unzigzag(number)).ok_or(DeltaError::Seek)?;
                if base.checked_add(u64::from(len)).is_none_or(|end| end > base_size) {
                    return Err(DeltaError::Seek);
                }
                self.base = base;
                self.part = Part::Add(len);
            }
            _ => {
                let len = u32::try_from(number >> 1).ok().filter(|len| (1..=room).contains(len));
                let len = len.ok_or(DeltaError::RecordLength)?;
                self.part = if number & 1 == 0 { Part::Seek(len) } else { Part::Insert(len) };
            }
        }
        Ok(())
    }

    /// So many bytes of the record were made.
    pub fn made(&mut self, bytes: u32) {
        self.part = match self.part {
            Part::Add(left) => {
                self.base += u64::from(bytes);
                if left > bytes { Part::Add(left - bytes) } else { Part::Tag }
            }
            Part::Insert(left) if left > bytes => Part::Insert(left - bytes),
            _ => Part::Tag,
        };
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<u64>, DeltaError> {
        let mut number = Varint::default();
        for byte in bytes {
            if let Some(value) = number.push(*byte)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    #[test]
    fn numbers_of_all_lengths_come_back() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let bytes: Vec<u8> = Varint::bytes(value).collect();
                assert_eq!(read(&bytes), Ok(Some(value)));
                assert_eq!(read(&bytes[..bytes.len() - 1]), Ok(None));
                assert_eq!(unzigzag(zigzag(value.cast_signed())), value.cast_signed());
            }
        }
        assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
    }

    #[test]
    fn numbers_of_more_than_64_bits_are_refused() {
        assert_eq!(read(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]), Ok(Some(u64::MAX)));
        assert_eq!(read(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2]), Err(DeltaError::Varint));
        assert_eq!(read(&[0x80; 10]), Err(DeltaError::Varint));
    }

    fn seek(by: i64) -> Result<u64, DeltaError> {
        let mut records = Records::new(100);
        let bytes: Vec<u8> = Varint::bytes(4 << 1).chain(Varint::bytes(zigzag(by))).collect();
        bytes.iter().try_for_each(|byte| records.push(*byte, 4, 200))?;
        Ok(records.base)
    }

    #[test]
    fn records_stay_inside_base_and_block() {
        assert_eq!((seek(-100), seek(96)), (Ok(0), Ok(196)));
        for by in [-101, 97, i64::MAX, i64::MIN, 1 << 54] {
            assert_eq!(seek(by), Err(DeltaError::Seek), "{by}");
        }
        for (len, room) in [(0, 9), (10, 9), (1 << 32, 9), (1 << 60, 9), (1, 0)] {
            for kind in 0..2 {
                let mut records = Records::new(0);
                let found = Varint::bytes(len << 1 | kind).try_for_each(|byte| records.push(byte, room, 1));
                assert_eq!(found, Err(DeltaError::RecordLength), "{len}");
            }
        }
    }
}
