// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images in files: written beside their final place, moved there only when verified.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
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
    fn open(&mut self, offset: u64, _size: u64) -> Result<(), StoreError> {
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

    fn mark(&self) -> Option<u64> {
        let metadata = match &self.file {
            Some(file) => file.metadata(),
            None => self.path.metadata(),
        };
        metadata.ok().map(|metadata| mark_of(&metadata))
    }

    /// A crash may strike between the move to the final place and the caller's hearing of it.
    fn adopt(&mut self, size: u64, mark: u64) -> bool {
        let metadata = self.path.symlink_metadata();
        self.file = None;
        self.in_place =
            metadata.is_ok_and(|file| file.is_file() && file.len() == size && mark_of(&file) == mark);
        self.in_place
    }

    fn close(&mut self, keep: Keep) -> Result<(), StoreError> {
        let file = self.file.take();
        match keep {
            Keep::Part => {}
            // Before it was put there it was verified; whoever thinks otherwise now may fetch another.
            Keep::Image | Keep::Nothing if self.in_place => {}
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

/// Which file it is and when its bytes were last changed: neither changes when it is renamed.
fn mark_of(metadata: &Metadata) -> u64 {
    let changed = metadata.mtime().wrapping_mul(1_000_000_000).wrapping_add(metadata.mtime_nsec());
    metadata.ino().rotate_left(40) ^ changed.cast_unsigned()
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
    fn an_image_in_its_place_is_told_from_another_of_its_size() {
        let folder = Folder::new("mark");
        let path = folder.0.join("image");
        let mut sink = FileSink::new(&path);
        assert_eq!(sink.mark(), None);
        std::fs::write(&path, b"old").unwrap();
        sink.open(0, 3).unwrap();
        sink.write(&mut b"new".to_vec()).unwrap();
        sink.sync().unwrap();
        let mark = sink.mark().unwrap();
        assert!(!FileSink::new(&path).adopt(3, mark), "the old image");
        sink.close(Keep::Image).unwrap();
        assert_eq!(sink.mark(), Some(mark));
        let mut next = FileSink::new(&path);
        assert!(!next.adopt(4, mark) && !next.adopt(3, mark ^ 1));
        assert!(next.adopt(3, mark));
        next.sync().unwrap();
        for keep in [Keep::Image, Keep::Nothing] {
            next.close(keep).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"new");
        }
        std::fs::write(folder.0.join("other"), b"old").unwrap();
        std::fs::rename(folder.0.join("other"), &path).unwrap();
        assert!(!next.adopt(3, mark), "another file of that size");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let mut sink = FileSink::new(Path::new("/nonexistent/folder/image"));
        assert_eq!(sink.open(0, 1), Err(StoreError::Io));
    }
}
