// SPDX-License-Identifier: MIT OR Apache-2.0
//! The image that is there, which a delta package is applied to.

use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use otakit_core::store::StoreError;

use super::failed;
use crate::system;

/// An image that is only read. Used by one thread; blocking.
pub trait Base {
    /// Reads bytes from `offset` on; 0: it ends there.
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<usize, StoreError>;
}

/// An image in a file, or on a block device: a partition.
#[derive(Debug)]
pub struct FileBase {
    file: File,
    path: PathBuf,
}

impl FileBase {
    /// Opens it for reading. What is neither a file nor a block device is refused unopened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file =
            system::open_readable(path, |about| about.is_file() || about.file_type().is_block_device());
        Ok(Self { file: file.map_err(failed("open", path))?, path: path.to_owned() })
    }

    /// Whether it is what has this name, too.
    pub fn is(&self, other: &Path) -> bool {
        let id = |about: Metadata| (about.dev(), about.ino());
        let (ours, other) = (self.file.metadata(), other.metadata());
        ours.is_ok_and(|ours| other.is_ok_and(|other| id(ours) == id(other)))
    }
}

impl Base for FileBase {
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<usize, StoreError> {
        loop {
            match self.file.read_at(bytes, offset) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read.map_err(failed("read", &self.path)),
            }
        }
    }
}

/// An image that the application reads.
pub struct CallbackBase<F>(pub F);

impl<F: Fn(u64, &mut [u8]) -> i64> Base for CallbackBase<F> {
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<usize, StoreError> {
        let read = (self.0)(offset, bytes);
        match usize::try_from(read) {
            Ok(read) if read <= bytes.len() => Ok(read),
            _ => {
                crate::log!(
                    Error,
                    "store",
                    "cannot read the image that is there: asked for {} bytes at {offset}, the application's function \
                     returned {read}",
                    bytes.len()
                );
                Err(StoreError::Io)
            }
        }
    }
}
