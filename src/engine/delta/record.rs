// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is remembered at the end of a block: where package, machine and result were. Whole or nothing.
//!
//! Layout, numbers little-endian: magic (4), bytes of the result (8), the machine's point (156), the package's checkpoint.
//! Point and checkpoint have checksums of their own; the bytes of the result prove the rest.

use otakit_core::checkpoint::Checkpoint;
use otakit_core::delta::{POINT_LEN, Point};
use otakit_core::offer::Offer;

const MAGIC: &[u8; 4] = b"OTP1";

/// The end of a block.
#[derive(Clone)]
pub struct Record {
    /// Bytes of the result up to there.
    pub made: u64,
    /// Where the machine was.
    pub point: Point,
    /// How far the package was fetched, and its digest.
    pub checkpoint: Checkpoint,
}

impl Record {
    /// The record.
    pub fn encode(&self, offer: &Offer) -> Vec<u8> {
        let (made, checkpoint) = (self.made.to_le_bytes(), self.checkpoint.encode(offer));
        [MAGIC.as_slice(), &made, &self.point.encode(), &checkpoint].concat()
    }

    /// Reads a record back. `None` when it is torn, of another layout, of another offer, or makes no sense.
    pub fn decode(record: &[u8], offer: &Offer) -> Option<Self> {
        let (made, rest) = record.strip_prefix(MAGIC)?.split_first_chunk()?;
        let (point, checkpoint) = rest.split_at_checked(POINT_LEN)?;
        let (made, point) = (u64::from_le_bytes(*made), Point::decode(point)?);
        let checkpoint = Checkpoint::decode(checkpoint, offer)?;
        (checkpoint.offset == point.offset() && made > 0).then_some(Self { made, point, checkpoint })
    }
}
