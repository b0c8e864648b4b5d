// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has to be remembered to go on after a block.
//!
//! Layout of the record, numbers little-endian: magic `OTD1` (4), SHA-256 of the package's header (32), blocks that are
//! done (4), offset in the package (8), state of the result's SHA-256 (104), CRC-32 of all before
//! it (4). The state is good only for this version of the digest crates, as that of a checkpoint is.

use sha2::digest::common::hazmat::SerializableState as _;
use sha2::{Digest as _, Sha256};

use super::crc::Crc32;

const MAGIC: &[u8; 4] = b"OTD1";
/// Bytes of a SHA-256 in the middle of its work.
const STATE: usize = 104;
/// Length of a record in bytes.
pub const POINT_LEN: usize = 4 + 32 + 4 + 8 + STATE + 4;

/// A place where an update can go on: the end of a block.
#[derive(Clone)]
pub struct Point {
    pub(super) package: [u8; 32],
    pub(super) block: u32,
    pub(super) offset: u64,
    pub(super) result: Sha256,
}

impl Point {
    /// Blocks of the result that are done.
    pub fn block(&self) -> u32 {
        self.block
    }

    /// Where the next block begins in the package, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// SHA-256 of the header of the package that it belongs to.
    pub fn package(&self) -> &[u8; 32] {
        &self.package
    }

    /// SHA-256 of the result up to here: whoever keeps those bytes can read them again and compare.
    pub fn digest(&self) -> [u8; 32] {
        self.result.clone().finalize().into()
    }

    /// The record.
    pub fn encode(&self) -> [u8; POINT_LEN] {
        let mut record = [0; POINT_LEN];
        let state = self.result.serialize();
        let front = MAGIC
            .iter()
            .chain(&self.package)
            .copied()
            .chain(self.block.to_le_bytes())
            .chain(self.offset.to_le_bytes())
            .chain(state.iter().copied());
        if let Some((body, sum)) = record.split_last_chunk_mut() {
            body.iter_mut().zip(front).for_each(|(place, byte)| *place = byte);
            *sum = Crc32::of(body).to_le_bytes();
        }
        record
    }

    /// Reads a record back. `None` when it is torn, or not one of these.
    pub fn decode(record: &[u8]) -> Option<Self> {
        let record: &[u8; POINT_LEN] = record.try_into().ok()?;
        let (body, sum) = record.split_last_chunk()?;
        if Crc32::of(body) != u32::from_le_bytes(*sum) {
            return None;
        }
        let (package, rest) = body.strip_prefix(MAGIC)?.split_first_chunk()?;
        let (block, rest) = rest.split_first_chunk()?;
        let (offset, state) = rest.split_first_chunk()?;
        Some(Self {
            package: *package,
            block: u32::from_le_bytes(*block),
            offset: u64::from_le_bytes(*offset),
            result: Sha256::deserialize(state.try_into().ok()?).ok()?,
        })
    }
}

impl core::fmt::Debug for Point {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "block {} at {}", self.block, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_whole_or_nothing() {
        let mut result = Sha256::new();
        result.update([7; 4096]);
        let point = Point { package: [9; 32], block: 3, offset: 1 << 40, result };
        assert_eq!(point.result.serialize().len(), STATE);
        let record = point.encode();
        let back = Point::decode(&record).unwrap();
        assert_eq!((back.package, back.block, back.offset), (point.package, point.block, point.offset));
        assert_eq!(back.digest(), <[u8; 32]>::from(Sha256::digest([7; 4096])));
        for length in 0..record.len() {
            assert!(Point::decode(&record[..length]).is_none(), "{length}");
        }
        for bit in 0..record.len() * 8 {
            let mut torn = record;
            torn[bit / 8] ^= 1 << (bit % 8);
            assert!(Point::decode(&torn).is_none(), "{bit}");
        }
    }
}
