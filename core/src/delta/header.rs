// SPDX-License-Identifier: MIT OR Apache-2.0
//! The front of a package: everything that a decision needs, before any byte of the result.

use sha2::{Digest as _, Sha256};

use super::crc::Crc32;
use super::error::DeltaError;
use super::foreign::Format;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 160;
/// Length of an index entry in bytes.
pub const ENTRY_LEN: usize = 8;
/// Most blocks that a result may have.
pub const MAX_BLOCKS: u32 = 4096;
/// Bytes by which a packed block may be longer than what it makes.
pub const MAX_EXPANSION: u32 = 1024;

/// The first byte is no ASCII, the last ones notice a transfer as text.
const MAGIC: &[u8; 8] = b"\x89OTKD\r\n\x1A";
const VERSION: u8 = 1;
/// Two slots: the base stays as it is.
const TWO_SLOTS: u8 = 0;
const LZMA2: u8 = 1;
const SHA256: u8 = 1;

/// What a package is and takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Binary logarithm of the size of a block in bytes, 12 to 20.
    pub block_log2: u8,
    /// Binary logarithm of the size of the dictionary in bytes, 12 to 16.
    pub dictionary_log2: u8,
    /// Bytes of the base that count.
    pub base_size: u64,
    /// Bytes that the package makes.
    pub result_size: u64,
    /// Bytes of the package.
    pub package_size: u64,
    /// SHA-256 of the base's first `base_size` bytes.
    pub base: [u8; 32],
    /// SHA-256 of the result.
    pub result: [u8; 32],
    /// SHA-256 of the index.
    pub index: [u8; 32],
}

/// What the caller allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of memory beside [`super::Apply`] itself.
    pub memory: usize,
    /// Bytes that there is room for.
    pub result: u64,
    /// Bytes that the package has, where that is known.
    pub package: Option<u64>,
}

/// Takes the front off, field by field.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// (What is read has the length of a header, so that nothing is missing.)
    fn next<const N: usize>(&mut self) -> [u8; N] {
        let Some((field, rest)) = self.0.split_first_chunk() else { return [0; N] };
        self.0 = rest;
        *field
    }

    fn byte(&mut self) -> u8 {
        let [byte] = self.next();
        byte
    }

    fn word(&mut self) -> u64 {
        u64::from_le_bytes(self.next())
    }
}

impl Header {
    /// Reads the first 160 bytes of a package and checks them for themselves.
    ///
    /// # Errors
    ///
    /// `NotDelta`, `Foreign`, `Version`, `HeaderChecksum`, `Kind`, `Codec`, `DigestAlgorithm`, `HeaderLength`, `BlockSize`,
    /// `DictionarySize`, `BlockCount`, `EntryLength`, `Reserved`, `PackageSize`, in this order.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Self, DeltaError> {
        let mut fields = Fields(bytes);
        if fields.next() != *MAGIC {
            return Err(Format::of(bytes).map_or(DeltaError::NotDelta, DeltaError::Foreign));
        }
        let is = |found: u8, known, error: fn(u8) -> DeltaError| {
            if found == known { Ok(()) } else { Err(error(found)) }
        };
        is(fields.byte(), VERSION, DeltaError::Version)?;
        if let Some((front, sum)) = bytes.split_last_chunk()
            && Crc32::of(front) != u32::from_le_bytes(*sum)
        {
            return Err(DeltaError::HeaderChecksum);
        }
        is(fields.byte(), TWO_SLOTS, DeltaError::Kind)?;
        is(fields.byte(), LZMA2, DeltaError::Codec)?;
        is(fields.byte(), SHA256, DeltaError::DigestAlgorithm)?;
        let length = u16::from_le_bytes(fields.next());
        if usize::from(length) != HEADER_LEN {
            return Err(DeltaError::HeaderLength(length));
        }
        let (block_log2, dictionary_log2) = (fields.byte(), fields.byte());
        if !(12..=20).contains(&block_log2) {
            return Err(DeltaError::BlockSize(block_log2));
        }
        if !(12..=16).contains(&dictionary_log2) {
            return Err(DeltaError::DictionarySize(dictionary_log2));
        }
        let (base_size, result_size, package_size) = (fields.word(), fields.word(), fields.word());
        let blocks = u32::from_le_bytes(fields.next());
        let properties = fields.byte();
        is(fields.byte(), ENTRY_LEN as u8, DeltaError::EntryLength)?;
        let flags = fields.next::<2>();
        let (base, result, index) = (fields.next(), fields.next(), fields.next());
        if properties != 0 || flags != [0; 2] || fields.next() != [0; 12] {
            return Err(DeltaError::Reserved);
        }
        let header =
            Self { block_log2, dictionary_log2, base_size, result_size, package_size, base, result, index };
        if result_size.div_ceil(u64::from(header.block_size())) != u64::from(blocks) || blocks > MAX_BLOCKS {
            return Err(DeltaError::BlockCount(blocks));
        }
        // Each block has a byte at least.
        if package_size < header.blocks_at() + u64::from(blocks) {
            return Err(DeltaError::PackageSize(package_size));
        }
        Ok(header)
    }

    /// The bytes that [`Header::parse`] reads.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let parts: [&[u8]; 12] = [
            MAGIC,
            &[VERSION, TWO_SLOTS, LZMA2, SHA256, HEADER_LEN as u8, 0, self.block_log2, self.dictionary_log2],
            &self.base_size.to_le_bytes(),
            &self.result_size.to_le_bytes(),
            &self.package_size.to_le_bytes(),
            &self.blocks().to_le_bytes(),
            &[0, ENTRY_LEN as u8, 0, 0],
            &self.base,
            &self.result,
            &self.index,
            &[0; 12],
            &[],
        ];
        let mut bytes = [0; HEADER_LEN];
        if let Some((front, sum)) = bytes.split_last_chunk_mut() {
            front.iter_mut().zip(parts.into_iter().flatten()).for_each(|(place, byte)| *place = *byte);
            *sum = Crc32::of(front).to_le_bytes();
        }
        bytes
    }

    /// Holds the header against what the caller allows.
    ///
    /// # Errors
    ///
    /// `PackageSize`, `ResultSize`, `Memory`.
    pub fn admit(&self, limits: &Limits) -> Result<(), DeltaError> {
        if limits.package.is_some_and(|size| size != self.package_size) {
            return Err(DeltaError::PackageSize(self.package_size));
        }
        if self.result_size > limits.result {
            return Err(DeltaError::ResultSize(self.result_size));
        }
        if self.memory() > limits.memory {
            return Err(DeltaError::Memory { needed: self.memory() });
        }
        Ok(())
    }

    /// SHA-256 of the header: the package's identity, since the header has the digests of all that counts.
    pub fn id(&self) -> [u8; 32] {
        Sha256::digest(self.encode()).into()
    }

    /// Bytes of memory that [`super::Apply`] has to be given: dictionary and index. 4 KiB to 96 KiB.
    pub fn memory(&self) -> usize {
        self.dictionary() + self.index_len()
    }

    /// Size of a block in bytes; the last one may be shorter.
    pub fn block_size(&self) -> u32 {
        1 << self.block_log2.min(20)
    }

    /// Number of blocks.
    pub fn blocks(&self) -> u32 {
        u32::try_from(self.result_size.div_ceil(u64::from(self.block_size()))).unwrap_or(u32::MAX)
    }

    /// Bytes of the result in block `number`, counted from 0; 0 behind the last one.
    pub fn block_len(&self, number: u32) -> u32 {
        let start = u64::from(number) * u64::from(self.block_size());
        let left = self.result_size.saturating_sub(start);
        u32::try_from(left).map_or(self.block_size(), |left| left.min(self.block_size()))
    }

    /// Where the first block begins in the package.
    pub fn blocks_at(&self) -> u64 {
        HEADER_LEN as u64 + u64::from(self.blocks()) * ENTRY_LEN as u64
    }

    pub(super) fn dictionary(&self) -> usize {
        1 << self.dictionary_log2.min(16)
    }

    pub(super) fn index_len(&self) -> usize {
        usize::try_from(self.blocks()).unwrap_or(usize::MAX).saturating_mul(ENTRY_LEN)
    }
}

/// An index entry: how long a block is in the package, and the CRC-32 of what it makes.
pub fn entry(packed: u32, crc: u32) -> [u8; ENTRY_LEN] {
    let mut entry = [0; ENTRY_LEN];
    let bytes = packed.to_le_bytes().into_iter().chain(crc.to_le_bytes());
    entry.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    entry
}

/// Entry `number` of an index: packed length and CRC-32.
pub(super) fn entry_at(index: &[u8], number: u32) -> Option<(u32, u32)> {
    let at = usize::try_from(number).ok()?.checked_mul(ENTRY_LEN)?;
    let entry: &[u8; ENTRY_LEN] = index.get(at..)?.first_chunk()?;
    let (packed, crc) = entry.split_at_checked(4)?;
    Some((u32::from_le_bytes(*packed.first_chunk()?), u32::from_le_bytes(*crc.first_chunk()?)))
}
