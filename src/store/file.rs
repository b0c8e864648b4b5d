// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images in files: written beside their final place, moved there only when verified.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Keep, Sink, StoreError};

/// Writes `path.part`, and renames it to `path` once the image is verified: `path` never holds anything else.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    part: PathBuf,
    file: Option<File>,
    /// The image has its place already.
    in_place: bool,
}

impl FileSink {
    /// A sink for `path`; nothing is touched before [`Sink::open`].
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), part: with_suffix(path, ".part"), file: None, in_place: false }
    }

    fn file(&mut self) -> Result<&mut File, StoreError> {
        self.file.as_mut().ok_or(StoreError::Unsupported)
    }
}

impl Sink for FileSink {
    fn open(&mut self, offset: u64, size: u64) -> Result<(), StoreError> {
        if offset == size && !self.part.exists() && self.path.metadata().is_ok_and(|file| file.len() == size)
        {
            // A crash struck between the move to the final place and the journal's hearing of it.
            self.in_place = true;
            return Ok(());
        }
        self.in_place = false;
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&self.part)?;
        if file.metadata()?.len() < offset {
            return Err(StoreError::Mismatch);
        }
        // What lies beyond the offset was never promised to anybody.
        file.set_len(offset)?;
        file.seek(SeekFrom::Start(offset))?;
        sync_folder(&self.part)?;
        self.file = Some(file);
        Ok(())
    }

    fn write(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        Ok(self.file()?.write_all(bytes)?)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        if self.in_place { Ok(()) } else { Ok(self.file()?.sync_data()?) }
    }

    fn can_resume(&self) -> bool {
        true
    }

    fn close(&mut self, keep: Keep) -> Result<(), StoreError> {
        let file = self.file.take();
        match keep {
            Keep::Part => {}
            Keep::Image if self.in_place => {}
            Keep::Nothing if self.in_place => std::fs::remove_file(&self.path)?,
            Keep::Nothing => std::fs::remove_file(&self.part)?,
            Keep::Image => {
                file.ok_or(StoreError::Unsupported)?.sync_all()?;
                std::fs::rename(&self.part, &self.path)?;
                sync_folder(&self.path)?;
            }
        }
        Ok(())
    }
}

/// `path` with `suffix` behind its last component.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes a change of names in the file's folder durable.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::journal::tests::Folder;

    #[test]
    fn only_a_kept_image_takes_its_place() {
        let folder = Folder::new("sink");
        let path = folder.0.join("image");
        let mut sink = FileSink::new(&path);
        assert_eq!(sink.write(&mut [1]), Err(StoreError::Unsupported));
        sink.open(0, 6).unwrap();
        sink.write(&mut b"abcdef".to_vec()).unwrap();
        sink.sync().unwrap();
        sink.close(Keep::Part).unwrap();
        assert!(!path.exists());
        assert_eq!(sink.open(7, 9), Err(StoreError::Mismatch));
        sink.open(3, 6).unwrap();
        sink.write(&mut b"xyz".to_vec()).unwrap();
        sink.close(Keep::Image).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abcxyz");
        sink.open(0, 1).unwrap();
        sink.close(Keep::Nothing).unwrap();
        assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let mut sink = FileSink::new(Path::new("/nonexistent/folder/image"));
        assert_eq!(sink.open(0, 1), Err(StoreError::Io));
    }
}
