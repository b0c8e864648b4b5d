// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where images go when the library stores them itself, and where it remembers how far it got.

mod file;
mod journal;
mod persistence;

pub use file::FileSink;
pub use journal::{FileJournal, Journal, KvJournal};
pub use persistence::{PersistenceSink, Resume};

use std::fmt;

/// A place that an image is written to. Used by one thread; blocking.
pub trait Sink: Send {
    /// Prepares for writing. `offset` is how many bytes are there already and are to stay; 0 begins anew and drops what
    /// was there. [`StoreError::Mismatch`] when fewer bytes are there: the caller then begins at 0.
    fn open(&mut self, offset: u64, size: u64) -> Result<(), StoreError>;

    /// Appends.
    fn write(&mut self, bytes: &mut [u8]) -> Result<(), StoreError>;

    /// Returns when all bytes written so far would survive a power loss. A sink that cannot promise that fails.
    fn sync(&mut self) -> Result<(), StoreError>;

    /// Whether [`Sink::open`] can go on at an offset, and [`Sink::sync`] keeps its promise.
    fn can_resume(&self) -> bool;

    /// What tells this sink's complete image, synced and soon or already in its place, from any other file there; `None`
    /// when nothing does.
    fn mark(&self) -> Option<u64> {
        None
    }

    /// Whether the image of that size and mark has its place already. It then stays there: what follows is
    /// [`Sink::close`], without [`Sink::open`].
    fn adopt(&mut self, _size: u64, _mark: u64) -> bool {
        false
    }

    /// Ends: `keep` is what is to become of the bytes.
    fn close(&mut self, keep: Keep) -> Result<(), StoreError>;
}

/// What becomes of a sink's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The image is complete and verified: it takes its final place.
    Image,
    /// The image is incomplete: the bytes stay for a later attempt.
    Part,
    /// The bytes are worthless.
    Nothing,
}

/// Why storing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// No room left.
    Full,
    /// The medium or the firmware's callback failed.
    Io,
    /// Fewer bytes are there than were to be kept.
    Mismatch,
    /// Not possible with this sink.
    Unsupported,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "no room left to store the image",
            Self::Io => "storing failed",
            Self::Mismatch => "stored bytes are not what was left there",
            Self::Unsupported => "not possible with this store",
        })
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        crate::log!(Error, "store", "{error}");
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn no_room_is_told_from_other_failures() {
        for full in [libc::ENOSPC, libc::EDQUOT] {
            assert_eq!(StoreError::from(Error::from_raw_os_error(full)), StoreError::Full);
        }
        for io in [libc::EIO, libc::EROFS, libc::EACCES] {
            assert_eq!(StoreError::from(Error::from_raw_os_error(io)), StoreError::Io);
        }
        assert_eq!(StoreError::from(Error::from(ErrorKind::UnexpectedEof)), StoreError::Io);
    }

    #[test]
    fn each_error_reads_differently() {
        let all = [StoreError::Full, StoreError::Io, StoreError::Mismatch, StoreError::Unsupported];
        let texts: std::collections::HashSet<String> = all.iter().map(StoreError::to_string).collect();
        assert_eq!(texts.len(), all.len());
    }
}
