// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes a package, and does not believe in it before it was applied.

use std::{fmt, io};

use otakit_core::delta::{Apply, DeltaError, HEADER_LEN, Header, MAX_BLOCKS, Step, entry};
use sha2::{Digest as _, Sha256};

use crate::diff::Base;
use crate::pack;

/// Bytes that a new alignment has to match more than the present one: each block is made with that which suits it.
const GAINS: [usize; 3] = [6, 12, 24];
/// Blocks that a package has at most, unless they are of the largest size: the index then takes 8 KiB.
const FEW: u64 = 1024;

/// How to make a package.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Binary logarithm of the size of a block in bytes, 12 to 20.
    pub block_log2: u8,
    /// Binary logarithm of the size of the dictionary in bytes, 12 to 16.
    pub dictionary_log2: u8,
}

impl Options {
    /// For a result of so many bytes: blocks of 64 KiB, or more where there would be over 1,024 of them; a dictionary of
    /// 8 KiB.
    pub fn for_size(result: u64) -> Self {
        let fits = |log2: &u8| result.div_ceil(1 << *log2) <= FEW;
        Self { block_log2: (16..20).find(fits).unwrap_or(20), dictionary_log2: 13 }
    }
}

/// A package, and what there is to say of it.
#[derive(Debug)]
pub struct Made {
    /// The package.
    pub package: Vec<u8>,
    /// Its header.
    pub header: Header,
    /// Bytes of the new image when it is compressed without a base.
    pub full: u64,
}

impl Made {
    /// Whether the package is worth it: not over four fifths of the compressed image.
    pub fn is_worth_it(&self) -> bool {
        (self.package.len() as u64).saturating_mul(5) <= self.full.saturating_mul(4)
    }
}

/// Why no package was made.
#[derive(Debug)]
pub enum MakeError {
    /// An image of 4 GiB or more; more blocks than the format has; sizes outside the format.
    TooLarge,
    /// The compressor failed.
    Io(io::Error),
    /// The package that was made does not make the new image: a defect of this program.
    Verify(DeltaError),
}

impl fmt::Display for MakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => {
                f.write_str("images of this size, or blocks of this size, are outside the format")
            }
            Self::Io(error) => error.fmt(f),
            Self::Verify(error) => {
                write!(f, "the package that was made does not make the new image: {error}")
            }
        }
    }
}

impl std::error::Error for MakeError {}

impl From<io::Error> for MakeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Makes a package that turns `old` into `new`, and applies it to see that it does. Takes up to 16 bytes of memory for each
/// byte of `old`, three for each of `new`, and 100 MB.
///
/// # Errors
///
/// [`MakeError`].
pub fn make(old: &[u8], new: &[u8], options: &Options) -> Result<Made, MakeError> {
    let fits = |bytes: &[u8]| u32::try_from(bytes.len()).is_ok();
    let sound = (12..=20).contains(&options.block_log2) && (12..=16).contains(&options.dictionary_log2);
    let size = 1usize << options.block_log2.min(20);
    let count = new.len().div_ceil(size);
    if !sound || !fits(old) || !fits(new) || u32::try_from(count).is_ok_and(|count| count > MAX_BLOCKS) {
        return Err(MakeError::TooLarge);
    }
    let base = Base::new(old);
    let choices = GAINS.map(|gain| base.copies(new, gain));
    drop(base);
    let (mut index, mut blocks) = (Vec::new(), Vec::new());
    for number in 0..count {
        let borders = (number * size, new.len().min((number + 1) * size));
        let block = pack::block(old, new, borders, &choices, 1 << options.dictionary_log2)?;
        let packed = u32::try_from(block.packed.len()).map_err(|_| MakeError::TooLarge)?;
        index.extend(entry(packed, block.crc));
        blocks.extend(block.packed);
    }
    let header = Header {
        block_log2: options.block_log2,
        dictionary_log2: options.dictionary_log2,
        base_size: old.len() as u64,
        result_size: new.len() as u64,
        package_size: (HEADER_LEN + index.len() + blocks.len()) as u64,
        base: Sha256::digest(old).into(),
        result: Sha256::digest(new).into(),
        index: Sha256::digest(&index).into(),
    };
    let package = [&header.encode(), &index[..], &blocks].concat();
    drop((index, blocks));
    verify(old, new, &package).map_err(MakeError::Verify)?;
    Ok(Made { header, full: pack::full(new)?, package })
}

/// Applies `package` to `old` and compares what comes out with `new`.
fn verify(old: &[u8], new: &[u8], package: &[u8]) -> Result<(), DeltaError> {
    let mut rest = new;
    apply_in_memory(old, package, |bytes| match rest.strip_prefix(bytes) {
        Some(left) => {
            rest = left;
            Ok(())
        }
        None => Err(DeltaError::ResultDigest),
    })?;
    if rest.is_empty() { Ok(()) } else { Err(DeltaError::ResultDigest) }
}

/// Applies a package that is in memory to a base that is in memory; the result goes to `take`, piece by piece.
///
/// # Errors
///
/// [`DeltaError`], those of `take` among them.
pub fn apply_in_memory(
    base: &[u8],
    package: &[u8],
    mut take: impl FnMut(&[u8]) -> Result<(), DeltaError>,
) -> Result<(), DeltaError> {
    let (front, mut rest) = package.split_first_chunk().ok_or(DeltaError::Truncated)?;
    let header = Header::parse(front)?;
    let memory = vec![0; header.memory()];
    let mut machine = Apply::new(header, memory)?;
    loop {
        match machine.step(&mut rest)? {
            Step::Package { .. } if rest.is_empty() => machine.end()?,
            Step::Package { .. } | Step::Block(_) => {}
            Step::Base { offset, len } => {
                let at = usize::try_from(offset).unwrap_or(usize::MAX);
                let bytes = base.get(at..).unwrap_or_default();
                machine.base(bytes.get(..len).unwrap_or(bytes))?;
            }
            Step::Output => take(machine.output())?,
            Step::Done => return Ok(()),
        }
    }
}
