// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where images go when the library stores them itself, and where it remembers how far it got.

#[cfg(feature = "delta")]
mod base;
mod file;
pub mod floor;
mod input;
mod journal;
mod persistence;
mod place;
mod staging;

use std::io::ErrorKind;
use std::path::Path;

use otakit_core::store::StoreError;

#[cfg(feature = "delta")]
pub use base::{Base, BaseAt};
pub use file::FileSink;
pub use input::Input;
pub use journal::{FileJournal, Journal, KvJournal};
pub use persistence::{PersistenceSink, Resume};
pub use place::Place;

/// A place that an image is written to. Used by one thread; blocking.
pub trait Sink: Send {
    /// Judges the place and takes it for this sink alone, until [`Sink::close`]; what was left there stays as it is.
    /// Nothing is to be fetched for a sink that fails here. Called again it does nothing.
    fn prepare(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Prepares for writing. `offset` is how many bytes are there already and are to stay; 0 drops what was there.
    /// [`StoreError::Mismatch`] when fewer bytes are there: the caller then begins at 0.
    fn open(&mut self, offset: u64, size: u64) -> Result<(), StoreError>;

    /// Appends.
    fn write(&mut self, bytes: &mut [u8]) -> Result<(), StoreError>;

    /// Returns when all bytes written so far would survive a power loss. A sink that cannot promise that fails.
    fn sync(&mut self) -> Result<(), StoreError>;

    /// Whether [`Sink::open`] can go on at an offset, and [`Sink::sync`] keeps its promise.
    fn can_resume(&self) -> bool;

    /// Whether [`Sink::stored`], [`Sink::read`] and [`Sink::adopt`] work: what is kept can then be proven. A sink that can
    /// resume and cannot be read must promise by itself that what it goes on with is what was written to it.
    fn can_read(&self) -> bool {
        false
    }

    /// Bytes that can be read, once prepared.
    fn stored(&mut self) -> u64 {
        0
    }

    /// Reads stored bytes; 0 at the end.
    fn read(&mut self, _offset: u64, _bytes: &mut [u8]) -> Result<usize, StoreError> {
        Err(StoreError::Unsupported)
    }

    /// Whether something of that size has the image's place already. What is read from now on is that; if it is the image,
    /// what follows is [`Sink::close`], else [`Sink::open`].
    fn adopt(&mut self, _size: u64) -> bool {
        false
    }

    /// Ends: `keep` is what is to become of the bytes. The place is free for others then, unless this failed.
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

/// Says what could not be done with which file, and sorts the system's reason.
pub(crate) fn failed(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    move |error| {
        crate::log!(Error, "store", "{}: cannot {what}: {error}", path.display());
        sorted(&error)
    }
}

fn sorted(error: &std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StoreError::Full,
        _ => StoreError::Io,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::*;

    #[test]
    fn no_room_is_told_from_other_failures() {
        for full in [libc::ENOSPC, libc::EDQUOT, libc::EFBIG] {
            assert_eq!(sorted(&Error::from_raw_os_error(full)), StoreError::Full);
        }
        for io in [libc::EIO, libc::EROFS, libc::EACCES] {
            assert_eq!(sorted(&Error::from_raw_os_error(io)), StoreError::Io);
        }
        assert_eq!(sorted(&Error::from(ErrorKind::UnexpectedEof)), StoreError::Io);
    }
}
