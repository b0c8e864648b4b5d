// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a checkpoint is kept between processes: the last few small records.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use otakit_core::store::StoreError;
use sha2::{Digest as _, Sha256};

use super::failed;
use super::place::{Place, tolerant};
use super::staging::{create, open_existing};
use crate::hal::own::Own;
use crate::hal::{files, kv};

/// Longest record that is kept, in bytes.
const MAX_RECORD: usize = 1024;

/// Keeps records. Used by one thread; blocking.
pub trait Journal: Send {
    /// The records that can be read, newest first. The one saved last is among them unless it was torn.
    fn load(&mut self) -> Vec<Vec<u8>>;

    /// The record at this index of [`Journal::load`] is what is built on: from now on it outlives the others and a power
    /// loss, until the next durable save.
    fn settle(&mut self, _index: usize) -> Result<(), StoreError> {
        Ok(())
    }

    /// Adds a record. A durable one survives a power loss when this returns; any other survives the process, and takes no
    /// durable one's room. A failure leaves the durable record that was there.
    fn save(&mut self, record: &[u8], durable: bool) -> Result<(), StoreError>;

    /// Forgets all records durably; an error when one could still be loaded later.
    fn clear(&mut self) -> Result<(), StoreError>;
}

/// Where a slot begins: each has a block of the medium to itself, so that a torn write never costs both.
const SLOT: u64 = 4096;
const SLOTS: [u64; 3] = [0, SLOT, 2 * SLOT];
const MAGIC: &[u8; 4] = b"OTJ1";
/// Magic, number, length of the record; behind it the front of the SHA-256 of all before.
const HEAD: usize = 4 + 8 + 2;
const CHECKSUM: usize = 8;

/// The last records in a file, written in place by turns: one is durable, the others are younger or older.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    open: Option<Open>,
    /// It cannot be used, which was said.
    refused: bool,
}

#[derive(Debug)]
struct Open {
    place: Place,
    file: Own<File>,
    /// The file's name is durable.
    named: bool,
    /// The slot that keeps the durable record.
    durable: Option<usize>,
    /// Numbers of the records in the slots; 0: none.
    numbers: [u64; SLOTS.len()],
    /// Slots of the records that were loaded, newest first.
    loaded: Vec<usize>,
}

impl FileJournal {
    /// The records in `path`.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None, refused: false }
    }

    /// The open file, made when it is not there and `make`. What is not the library's is neither written nor removed.
    fn open(&mut self, make: bool) -> Result<Option<&mut Open>, Error> {
        if self.open.is_none() {
            let Some(place) = Place::resolve(&self.path)? else { return Err(Error::other("a folder")) };
            // A link leads to a file of somebody else's choice, and is never followed.
            if self.path.symlink_metadata().is_ok_and(|about| about.is_symlink()) {
                return Err(Error::other("a symbolic link"));
            }
            let (file, named) = match open_existing(&place.path(), true) {
                Ok(file) => (file, true),
                Err(error) if error.kind() == ErrorKind::NotFound && make => (create(&place.path())?, false),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            let about = file.metadata()?;
            if !about.is_file() || about.nlink() != 1 || about.uid() != files::user() {
                return Err(Error::other("not a file of this user's alone"));
            }
            let file = Own::locked(file)?.ok_or_else(|| Error::other("in use by another update"))?;
            if !is_journal(file.get()?)? {
                return Err(Error::other("a file that is no journal"));
            }
            self.open = Some(Open {
                place,
                file,
                named,
                durable: None,
                numbers: [0; SLOTS.len()],
                loaded: Vec::new(),
            });
        }
        Ok(self.open.as_mut())
    }

    /// Says once why it cannot be used.
    fn refuse(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.refused, true) {
            crate::log!(
                Warning,
                "store",
                "journal {} cannot be used: {error}; an interrupted download begins at its first byte",
                self.path.display()
            );
        }
    }

    fn write(&mut self, record: &[u8], durable: bool) -> Result<(), Error> {
        let Some(open) = self.open(true)? else { return Err(ErrorKind::NotFound.into()) };
        let next = open.numbers.iter().max().map_or(1, |number| number.saturating_add(1));
        let bytes = pack(next, record).ok_or(ErrorKind::InvalidInput)?;
        // The oldest one that nothing depends on.
        let slots = open.numbers.iter_mut().zip(SLOTS).enumerate();
        let free =
            slots.filter(|(slot, _)| open.durable != Some(*slot)).min_by_key(|(_, (number, _))| **number);
        let Some((slot, (number, at))) = free else { return Err(ErrorKind::InvalidInput.into()) };
        open.file.get()?.write_all_at(&bytes, at)?;
        *number = next;
        if durable {
            tolerant(open.file.get()?.sync_data())?;
            open.durable = Some(slot);
            if !open.named {
                open.place.sync_folder()?;
                open.named = true;
            }
        }
        Ok(())
    }
}

impl Journal for FileJournal {
    fn load(&mut self) -> Vec<Vec<u8>> {
        let open = match self.open(false) {
            Ok(Some(open)) => open,
            Ok(None) => return Vec::new(),
            Err(error) => {
                self.refuse(&error);
                return Vec::new();
            }
        };
        let mut found: Vec<(u64, usize, Vec<u8>)> = Vec::new();
        let mut empty = true;
        for (index, at) in SLOTS.into_iter().enumerate() {
            let mut bytes = [0; HEAD + MAX_RECORD + CHECKSUM];
            let mut len = 0;
            while let Some(rest) = bytes.get_mut(len..).filter(|rest| !rest.is_empty()) {
                match open.file.get().and_then(|file| file.read_at(rest, at + len as u64)) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => break,
                    Ok(n) => len += n,
                }
            }
            empty &= len == 0;
            if let Some((number, record)) = unpack(bytes.get(..len).unwrap_or_default()) {
                found.push((number, index, record));
            }
        }
        if found.is_empty() && !empty {
            crate::log!(Info, "store", "journal is torn or of another image: dropped");
        }
        found.sort_by_key(|found| std::cmp::Reverse(found.0));
        open.loaded = found.iter().map(|(_, index, _)| *index).collect();
        open.durable = open.loaded.first().copied();
        for (number, index, _) in &found {
            if let Some(slot) = open.numbers.get_mut(*index) {
                *slot = *number;
            }
        }
        found.into_iter().map(|(_, _, record)| record).collect()
    }

    fn settle(&mut self, index: usize) -> Result<(), StoreError> {
        let Some(open) = self.open.as_mut() else { return Ok(()) };
        let slot = open.loaded.get(index).copied();
        open.file.get().and_then(|file| tolerant(file.sync_data())).map_err(failed("sync", &self.path))?;
        open.durable = slot.or(open.durable);
        Ok(())
    }

    fn save(&mut self, record: &[u8], durable: bool) -> Result<(), StoreError> {
        self.write(record, durable).map_err(|error| {
            self.refuse(&error);
            StoreError::Io
        })
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        let path = self.path.clone();
        let open = match self.open(false) {
            Ok(Some(open)) => open,
            Ok(None) => return Ok(()),
            // Nothing in it is believed, so that nothing in it has to go.
            Err(error) => {
                self.refuse(&error);
                return Ok(());
            }
        };
        open.file.get().and_then(|file| file.set_len(0)).map_err(failed("shorten", &path))?;
        open.file.get().and_then(|file| tolerant(file.sync_data())).map_err(failed("sync", &path))?;
        let removed = std::fs::remove_file(open.place.path());
        let synced = open.place.sync_folder();
        self.open = None;
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", &path)(error)),
            _ => synced.map_err(failed("sync its folder", &path)),
        }
    }
}

/// Whether the file was made by a journal: a record begins in one of its slots, or was about to. Nothing of anybody else's
/// is overwritten because a program has mixed up two names.
fn is_journal(file: &File) -> Result<bool, Error> {
    let begins = |at| {
        let mut head = [0; MAGIC.len()];
        loop {
            match file.read_at(&mut head, at) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read.map(|n| (n, head)),
            }
        }
    };
    let (n, first) = begins(0)?;
    // Cut off by a crash, or given room but not written yet.
    let unwritten = MAGIC.starts_with(first.get(..n).unwrap_or_default()) || first == [0; MAGIC.len()];
    // Older versions kept a bare record.
    let older = first.starts_with(b"OTK");
    Ok(unwritten || older || SLOTS.into_iter().any(|at| begins(at).is_ok_and(|(_, head)| head == *MAGIC)))
}

fn pack(number: u64, record: &[u8]) -> Option<Vec<u8>> {
    let len = u16::try_from(record.len()).ok().filter(|len| usize::from(*len) <= MAX_RECORD)?;
    let mut bytes = [MAGIC.as_slice(), &number.to_le_bytes(), &len.to_le_bytes(), record].concat();
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum);
    Some(bytes)
}

fn unpack(bytes: &[u8]) -> Option<(u64, Vec<u8>)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (number, rest) = rest.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let record = rest.get(..usize::from(u16::from_le_bytes(*len)))?;
    let (body, sum) = bytes.get(..HEAD + record.len() + CHECKSUM)?.split_last_chunk::<CHECKSUM>()?;
    (checksum(body) == *sum).then(|| (u64::from_le_bytes(*number), record.to_vec()))
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    digest.first_chunk().copied().unwrap_or_default()
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
    fn load(&mut self) -> Vec<Vec<u8>> {
        kv::get(&self.key, MAX_RECORD).into_iter().collect()
    }

    /// Flash wears out: only durable records are worth a write.
    fn save(&mut self, record: &[u8], durable: bool) -> Result<(), StoreError> {
        if !durable || kv::set(&self.key, record) {
            return Ok(());
        }
        crate::log!(Warning, "store", "journal: HAL_Kv_Set failed for {}", self.key);
        Err(StoreError::Io)
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        // Some HALs call it a failure when there was none.
        let gone =
            kv::delete(&self.key) || kv::get(&self.key, MAX_RECORD).is_none_or(|record| record.is_empty());
        if gone || kv::set(&self.key, &[]) { Ok(()) } else { Err(StoreError::Io) }
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
    fn the_last_record_saved_is_the_first_one_loaded() {
        let folder = Folder::new("journal");
        let path = folder.0.join("record");
        let journals: [&mut dyn Journal; 2] =
            [&mut FileJournal::new(&path), &mut KvJournal::new("otakit.test")];
        for journal in journals {
            assert!(journal.load().is_empty());
            journal.clear().unwrap();
            journal.save(b"one", true).unwrap();
            journal.save(b"two", true).unwrap();
            assert_eq!(journal.load()[0], b"two");
            journal.clear().unwrap();
            assert!(journal.load().is_empty());
        }
        assert!(!path.exists());
        assert_eq!(FileJournal::new(&path).save(&[0; MAX_RECORD + 1], true), Err(StoreError::Io));
    }

    #[test]
    fn a_durable_record_is_never_in_the_way_of_a_write() {
        let folder = Folder::new("slots");
        let path = folder.0.join("record");
        let mut journal = FileJournal::new(&path);
        journal.save(b"durable", true).unwrap();
        for volatile in [b"a", b"b", b"c"] {
            journal.save(volatile, false).unwrap();
            let records = journal.load();
            assert_eq!((&records[0][..], &records[records.len() - 1][..]), (&volatile[..], &b"durable"[..]));
            journal.settle(records.len() - 1).unwrap();
        }
        journal.save(b"next", true).unwrap();
        drop(journal);
        // In another process: either slot torn, the other still there.
        let whole = std::fs::read(&path).unwrap();
        for at in SLOTS {
            let mut torn = whole.clone();
            torn[usize::try_from(at).unwrap() + HEAD] ^= 1;
            std::fs::write(&path, torn).unwrap();
            assert_eq!(FileJournal::new(&path).load().len(), 2);
        }
        std::fs::write(&path, &whole).unwrap();
        let mut journal = FileJournal::new(&path);
        assert_eq!(journal.load(), [&b"next"[..], b"c", b"durable"]);
        journal.settle(2).unwrap();
        for later in [b"1", b"2", b"3"] {
            journal.save(later, false).unwrap();
        }
        drop(journal);
        assert_eq!(FileJournal::new(&path).load(), [&b"3"[..], b"2", b"durable"]);
    }

    #[test]
    fn any_bytes_may_be_in_the_file() {
        let folder = Folder::new("noise");
        let path = folder.0.join("record");
        let record = pack(7, b"record").unwrap();
        for cut in 0..record.len() {
            std::fs::write(&path, &record[..cut]).unwrap();
            assert!(FileJournal::new(&path).load().is_empty(), "cut at {cut}");
            let mut altered = record.clone();
            altered[cut] ^= 4;
            std::fs::write(&path, &altered).unwrap();
            assert!(FileJournal::new(&path).load().is_empty(), "altered at {cut}");
        }
        std::fs::write(&path, vec![0; 100_000]).unwrap();
        let mut journal = FileJournal::new(&path);
        assert!(journal.load().is_empty());
        journal.save(b"ours", true).unwrap();
        assert_eq!(journal.load(), [b"ours"]);
    }

    #[test]
    fn what_is_no_file_of_ours_is_no_journal() {
        let folder = Folder::new("foreign");
        let at = |name: &str| folder.0.join(name);
        std::fs::create_dir(at("folder")).unwrap();
        std::fs::write(at("victim"), b"precious").unwrap();
        std::fs::hard_link(at("victim"), at("hard")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        std::fs::write(at("letter"), b"precious").unwrap();
        std::fs::write(at("long"), b"precious".repeat(10_000)).unwrap();
        std::fs::write(at("other"), b"precious").unwrap();
        std::fs::write(at("empty"), b"").unwrap();
        FileJournal::new(&at("another")).save(b"another's", true).unwrap();
        let links = [("soft", "other"), ("to-empty", "empty"), ("chain", "soft"), ("to-journal", "another")];
        for (name, target) in links {
            std::os::unix::fs::symlink(target, at(name)).unwrap();
        }
        let names = ["folder", "hard", "dangling", "socket", "missing/journal", "letter", "long"];
        for name in names.into_iter().chain(links.map(|(name, _)| name)) {
            let mut journal = FileJournal::new(&at(name));
            assert!(journal.load().is_empty());
            assert_eq!(journal.clear(), Ok(()), "{name}");
            assert!(journal.save(b"record", true).is_err(), "{name}");
            assert_eq!(journal.clear(), Ok(()), "{name}");
        }
        for name in ["victim", "letter", "other"] {
            assert_eq!(std::fs::read(at(name)).unwrap(), b"precious", "{name}");
        }
        assert_eq!(std::fs::read(at("long")).unwrap().len(), 80_000);
        assert_eq!(std::fs::read(at("empty")).unwrap(), b"");
        assert_eq!(FileJournal::new(&at("another")).load(), [b"another's"]);
        assert!(!at("nowhere").exists());
        let mut first = FileJournal::new(&at("shared"));
        first.save(b"record", true).unwrap();
        assert!(FileJournal::new(&at("shared")).load().is_empty(), "in use by another");
    }
}
