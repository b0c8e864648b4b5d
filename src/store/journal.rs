// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a checkpoint is kept between processes: one small record at a time.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::file::{sync_folder, with_suffix};
use crate::hal::kv;

/// Longest record that is read back, in bytes.
const MAX_RECORD: usize = 1024;

/// Keeps one record. Used by one thread; blocking.
pub trait Journal: Send {
    /// The record that was saved last; `None` when there is none or it cannot be read.
    fn load(&mut self) -> Option<Vec<u8>>;

    /// Replaces the record; when this returns it survives a power loss. A failure may leave either record.
    fn save(&mut self, record: &[u8]) -> Result<(), StoreError>;

    /// Forgets the record.
    fn clear(&mut self) -> Result<(), StoreError>;
}

/// A record in a file, replaced by `rename` after an `fsync`.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
}

impl FileJournal {
    /// The record in `path`.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

impl Journal for FileJournal {
    fn load(&mut self) -> Option<Vec<u8>> {
        let mut record = Vec::new();
        let file = File::open(&self.path).ok()?;
        file.take(MAX_RECORD as u64 + 1).read_to_end(&mut record).ok()?;
        (record.len() <= MAX_RECORD).then_some(record)
    }

    fn save(&mut self, record: &[u8]) -> Result<(), StoreError> {
        let new = with_suffix(&self.path, ".new");
        let mut file = File::create(&new)?;
        file.write_all(record)?;
        file.sync_data()?;
        std::fs::rename(&new, &self.path)?;
        Ok(sync_folder(&self.path)?)
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// A record in the firmware's `HAL_Kv_*`, which promise to store it durably and as a whole.
#[derive(Debug)]
pub struct KvJournal {
    key: String,
}

impl KvJournal {
    /// The record under `key`.
    pub fn new(key: &str) -> Self {
        Self { key: key.to_owned() }
    }
}

impl Journal for KvJournal {
    fn load(&mut self) -> Option<Vec<u8>> {
        kv::get(&self.key, MAX_RECORD)
    }

    fn save(&mut self, record: &[u8]) -> Result<(), StoreError> {
        if kv::set(&self.key, record) { Ok(()) } else { Err(StoreError::Io) }
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        // Some HALs call it a failure when there was none.
        kv::delete(&self.key);
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A folder of this test's own, removed with it.
    pub struct Folder(pub PathBuf);

    impl Folder {
        pub fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("otakit-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn the_last_record_saved_is_the_one_loaded() {
        let folder = Folder::new("journal");
        let path = folder.0.join("record");
        let journals: [&mut dyn Journal; 2] =
            [&mut FileJournal::new(&path), &mut KvJournal::new("otakit.test")];
        for journal in journals {
            assert_eq!(journal.load(), None);
            journal.clear().unwrap();
            journal.save(b"one").unwrap();
            journal.save(b"two").unwrap();
            assert_eq!(journal.load().as_deref(), Some(&b"two"[..]));
            journal.clear().unwrap();
            assert_eq!(journal.load(), None);
        }
        std::fs::write(&path, [0; MAX_RECORD + 1]).unwrap();
        assert_eq!(FileJournal::new(&path).load(), None);
    }
}
