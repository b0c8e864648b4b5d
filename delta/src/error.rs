// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a package could not be applied to files.

use std::{fmt, io};

use otakit_core::delta::DeltaError;

/// What went wrong.
#[derive(Debug)]
pub enum ApplyError {
    /// The package or the base.
    Delta(DeltaError),
    /// The system.
    Io(io::Error),
    /// The result, or what belongs to it, would be written over the base or the package.
    SameFile,
    /// A folder or a device is where the result is to be.
    NotAFile,
    /// Another process applies a package to the same place.
    Busy,
    /// What was read back is not what was written.
    ReadBack,
}

impl ApplyError {
    /// The exit code of `otakit-delta`, from 3 on: one for each thing to do about it.
    pub fn code(&self) -> u8 {
        use DeltaError::{
            BaseDigest, BaseShort, BlockChecksum, Foreign, Memory, NotDelta, ResultSize, Truncated, Version,
        };
        match self {
            Self::Delta(BaseShort | BaseDigest) => 3,
            Self::Delta(Truncated) => 4,
            Self::Delta(NotDelta | Foreign(_) | Version(_)) => 5,
            Self::Delta(Memory { .. } | ResultSize(_)) => 6,
            Self::Delta(BlockChecksum) => 7,
            Self::Delta(_) => 8,
            Self::SameFile | Self::NotAFile => 9,
            Self::Busy => 10,
            Self::ReadBack => 11,
            Self::Io(_) => 12,
        }
    }
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delta(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::SameFile => f.write_str("the result would be written over the image or the package"),
            Self::NotAFile => f.write_str("the result is to be where something is that is no file"),
            Self::Busy => f.write_str("another process is making this result"),
            Self::ReadBack => f.write_str("what was read back is not what was written"),
        }
    }
}

impl std::error::Error for ApplyError {}

impl From<DeltaError> for ApplyError {
    fn from(error: DeltaError) -> Self {
        Self::Delta(error)
    }
}

impl From<io::Error> for ApplyError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
