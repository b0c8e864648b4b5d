// SPDX-License-Identifier: MIT OR Apache-2.0
//! Delta packages: an image made from the one that is there and a few percent of its bytes. The format stands in `header.rs`
//! (header and index), `records.rs` (instructions) and `lzma2.rs` (how a block is compressed).
//!
//! [`Header::parse`] reads the first 160 bytes and says what an update takes. [`Apply`] is the rest: a machine that does no
//! input or output. It is given package bytes, says which bytes of the base it needs, and hands out the result piece by
//! piece. Nothing is handed out before the whole base was seen to be the right one. Each block of the result stands for
//! itself, so that [`Point`], a record of 156 bytes, is all that is needed to go on after one.

mod apply;
mod crc;
mod error;
mod foreign;
mod header;
mod lzma;
mod lzma2;
mod point;
mod range;
mod records;
#[cfg(test)]
mod tests;

pub use apply::{Apply, PIECE, Step};
pub use crc::Crc32;
pub use error::DeltaError;
pub use foreign::Format;
pub use header::{ENTRY_LEN, HEADER_LEN, Header, Limits, MAX_BLOCKS, MAX_EXPANSION, entry};
pub use point::{POINT_LEN, Point};
pub use records::{Varint, zigzag};
