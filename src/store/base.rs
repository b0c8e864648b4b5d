// SPDX-License-Identifier: MIT OR Apache-2.0
//! The image that is there, which a delta package is applied to.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use otakit_core::store::StoreError;

use super::failed;
use super::place::identity;
use crate::system;

/// An image that is only read. Used by one thread; blocking.
pub trait Base {
    /// Reads bytes from `offset` on; 0: it ends there.
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<usize, StoreError>;
}

/// An image in a file, or on a block device: a partition.
#[derive(Debug)]
struct FileBase {
    file: File,
    path: PathBuf,
}

impl FileBase {
    /// Opens it for reading. What is neither a file nor a block device is refused unopened.
    fn open(path: &Path) -> Result<Self, StoreError> {
        let file =
            system::open_readable(path, |about| about.is_file() || about.file_type().is_block_device());
        Ok(Self { file: file.map_err(failed("open", path))?, path: path.to_owned() })
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

/// Reads the bytes from an offset on; a negative number says that it failed.
pub type ReadBase = Arc<dyn Fn(u64, &mut [u8]) -> i64 + Send + Sync>;

/// Where an image is that is read when it is needed.
#[derive(Clone)]
pub enum BaseAt {
    /// In a file or on a block device.
    File(PathBuf),
    /// Where the application reads it.
    Called(ReadBase),
}

impl BaseAt {
    /// Opens it.
    pub fn open(&self) -> Result<Box<dyn Base>, StoreError> {
        Ok(match self {
            Self::File(path) => Box::new(FileBase::open(path)?),
            Self::Called(read) => Box::new(CallbackBase(read.clone())),
        })
    }

    /// The file, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Called(_) => None,
        }
    }

    /// Whether it is the file that has this name, too.
    pub fn is(&self, other: &Path) -> bool {
        let of = |path: &Path| path.metadata().map(|about| identity(&about));
        self.path().is_some_and(|path| of(path).is_ok_and(|ours| of(other).is_ok_and(|other| ours == other)))
    }
}

struct CallbackBase(ReadBase);

impl Base for CallbackBase {
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
