// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a package cannot be applied.

use core::fmt;

use super::foreign::Format;

/// What is wrong. None of these is cured by trying the same package again, apart from `Truncated`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeltaError {
    /// Not a delta package.
    NotDelta,
    /// Something else that is known.
    Foreign(Format),
    /// Of a version that this code does not know.
    Version(u8),
    /// The header's checksum is wrong.
    HeaderChecksum,
    /// A kind of update that this code does not know.
    Kind(u8),
    /// A compression that this code does not know.
    Codec(u8),
    /// A digest that this code does not know.
    DigestAlgorithm(u8),
    /// The header says another length than 160.
    HeaderLength(u16),
    /// Blocks of a size outside 4 KiB to 1 MiB: its binary logarithm.
    BlockSize(u8),
    /// A dictionary of a size outside 4 KiB to 64 KiB: its binary logarithm.
    DictionarySize(u8),
    /// The number of blocks does not fit the size of the result, or is above 4,096.
    BlockCount(u32),
    /// The index has entries of another length than 8.
    EntryLength(u8),
    /// Bits or bytes that must be zero are not.
    Reserved,
    /// The package is not as long as the offer says, or too short for its own index.
    PackageSize(u64),
    /// The result is larger than the place for it: bytes.
    ResultSize(u64),
    /// More memory is needed than is allowed: bytes.
    Memory {
        /// What [`super::Header::memory`] says.
        needed: usize,
    },
    /// The index is not the one that the header promises.
    IndexDigest,
    /// A block's packed length is 0, or longer than any block needs.
    PackedLength,
    /// The packed lengths do not add up to the size of the package.
    PackedSum,
    /// The base is shorter than the one that the package was made for.
    BaseShort,
    /// The base is not the one that the package was made for.
    BaseDigest,
    /// The record of how far it got is of another package.
    OtherPackage,
    /// The record of how far it got fits no block of this package.
    ResumePoint,
    /// A chunk of compressed data begins with a byte that means nothing there.
    Control(u8),
    /// A block does not begin with an empty dictionary, or empties it later.
    DictionaryReset,
    /// Coding properties other than the format's.
    Properties(u8),
    /// A reference to bytes before the start of the block, or outside the dictionary.
    Distance,
    /// A chunk of compressed data and what it makes do not end together.
    Chunk,
    /// A number is longer than 64 bits.
    Varint,
    /// A record makes no bytes, or more than its block has room for.
    RecordLength,
    /// A record reads outside the base.
    Seek,
    /// A block's data ends before the block is full.
    BlockShort,
    /// A block's data goes on after the block is full.
    BlockLong,
    /// A block's packed bytes go on after the end of its data, or end before.
    BlockPacked,
    /// What a block made is not what it has to make: damage, or a base that changed meanwhile.
    BlockChecksum,
    /// Every block is right, the whole is not.
    ResultDigest,
    /// The package ends too early.
    Truncated,
    /// The package goes on after its last block.
    Surplus,
    /// A call at the wrong time, or with more bytes than were asked for: a defect of the caller.
    Misuse,
}

impl fmt::Display for DeltaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(format) => write!(f, "not a delta package but {format}"),
            Self::Version(n) => write!(f, "delta package of version {n}, which is unknown"),
            Self::Kind(n) => write!(f, "delta package of kind {n}, which is unknown"),
            Self::Codec(n) => write!(f, "delta package with compression {n}, which is unknown"),
            Self::DigestAlgorithm(n) => write!(f, "delta package with digest {n}, which is unknown"),
            Self::HeaderLength(n) => write!(f, "delta package with a header of {n} bytes, not 160"),
            Self::BlockSize(n) => write!(f, "delta package with blocks of 2^{n} bytes, not 2^12 to 2^20"),
            Self::DictionarySize(n) => {
                write!(f, "delta package with a dictionary of 2^{n} bytes, not 2^12 to 2^16")
            }
            Self::BlockCount(n) => write!(f, "delta package says {n} blocks, which does not fit its result"),
            Self::EntryLength(n) => write!(f, "delta package with index entries of {n} bytes, not 8"),
            Self::PackageSize(n) => write!(f, "delta package says that it has {n} bytes, which it has not"),
            Self::ResultSize(n) => write!(f, "delta package makes {n} bytes, for which there is no room"),
            Self::Memory { needed } => {
                write!(f, "delta package needs {needed} bytes of memory, which is not allowed")
            }
            Self::Control(n) => write!(f, "delta package damaged: chunk begins with {n:#04x}"),
            Self::Properties(n) => write!(f, "delta package with coding properties {n:#04x}, not 0"),
            other => f.write_str(other.text()),
        }
    }
}

impl DeltaError {
    fn text(&self) -> &'static str {
        match self {
            Self::NotDelta => "not a delta package",
            Self::HeaderChecksum => "delta package damaged: checksum of its header",
            Self::Reserved => "delta package uses what this version does not know",
            Self::IndexDigest => "delta package damaged: digest of its index",
            Self::PackedLength => "delta package with a block of no length or too much",
            Self::PackedSum => "delta package whose blocks are not as long as the package",
            Self::BaseShort => "the image that is there is shorter than the one this delta was made for",
            Self::BaseDigest => "the image that is there is not the one this delta was made for",
            Self::OtherPackage => "the record of how far it got is of another delta package",
            Self::ResumePoint => "the record of how far it got fits no block of this delta package",
            Self::DictionaryReset => "delta package damaged: dictionary emptied where it must not be, or not",
            Self::Distance => "delta package damaged: reference to bytes that are not there",
            Self::Chunk => "delta package damaged: chunk and its content do not end together",
            Self::Varint => "delta package damaged: a number is too long",
            Self::RecordLength => "delta package damaged: a record is empty or too long for its block",
            Self::Seek => "delta package damaged: a record reads outside the image that is there",
            Self::BlockShort => "delta package damaged: a block ends too early",
            Self::BlockLong => "delta package damaged: a block makes too much",
            Self::BlockPacked => "delta package damaged: a block is not as long as the index says",
            Self::BlockChecksum => {
                "delta package damaged, or the image that is there changed: checksum of a block"
            }
            Self::ResultDigest => "the image that the delta made is not the one it promises",
            Self::Truncated => "delta package ends too early",
            Self::Surplus => "delta package goes on after its end",
            _ => "delta package used in the wrong way",
        }
    }
}

impl core::error::Error for DeltaError {}
