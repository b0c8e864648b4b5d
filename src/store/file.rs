// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images in files: written beside their final place, moved there only when verified.

use std::fs::{File, Metadata};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use otakit_core::store::StoreError;

use super::place::{Place, identity, tolerant};
use super::staging::{Staging, open_existing};
use super::{Keep, Sink, failed};
use crate::hal::files;
use crate::hal::own::Own;

/// Writes `path.part`, and renames it to `path` once the image is verified: `path` never holds anything else. One sink at
/// a time has a place, in this process and in all others.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    other: Option<PathBuf>,
    base: Option<PathBuf>,
    staging: Option<Staging>,
    /// The image that has its place already.
    image: Option<Own<File>>,
    /// Bytes in the staging file, and the size that room is set aside for.
    end: u64,
    size: u64,
    /// The staging file's name is durable.
    named: bool,
}

impl FileSink {
    /// A sink for `path`; nothing is touched before [`Sink::prepare`].
    pub fn new(path: &Path) -> Self {
        let path = path.to_owned();
        Self { path, other: None, base: None, staging: None, image: None, end: 0, size: 0, named: false }
    }

    /// Names a file that is in use meanwhile, a journal or a source: it must not be the image's or the staging file under
    /// another name.
    #[must_use]
    pub fn beside(mut self, other: &Path) -> Self {
        self.other = Some(other.to_owned());
        self
    }

    /// Names a file that the image is made from. It may be the one that the image replaces, but not the staging file.
    #[must_use]
    pub fn made_from(mut self, base: &Path) -> Self {
        self.base = Some(base.to_owned());
        self
    }

    fn staging(&mut self) -> Result<&mut Staging, StoreError> {
        self.staging.as_mut().ok_or(StoreError::Unsupported)
    }

    /// What can be read: the image in its place, else what is kept.
    fn readable(&self) -> Result<Option<&File>, StoreError> {
        match (&self.image, &self.staging) {
            (Some(image), _) => image.get().map(Some).map_err(failed("use it", &self.path)),
            (None, Some(staging)) => staging.file().map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// Whether `other` names the image's file or its staging file.
fn has_name_of(place: &Place, other: &Path) -> bool {
    named(other).is_some_and(|other| other == *place || other == place.beside(".part"))
}

fn named(other: &Path) -> Option<Place> {
    Place::resolve(other).ok().flatten()
}

/// Whether `other` is the image's file or the staging file under another name: a hard link, or a file system that takes two
/// spellings for one name.
fn is_file_of(staging: &Staging, other: &Path) -> bool {
    is_one_of(&[staging.place.path().metadata().ok(), staging.about().ok()], other)
}

fn is_one_of(ours: &[Option<Metadata>], other: &Path) -> bool {
    let Ok(other) = other.metadata() else { return false };
    ours.iter().flatten().any(|ours| identity(ours) == identity(&other))
}

fn shared(image: &Path, other: &Path) -> StoreError {
    let (image, other) = (image.display(), other.display());
    crate::log!(
        Error,
        "store",
        "{image}: it gathers in {image}.part; {other} must be another file than these two: give it another name"
    );
    StoreError::Destination
}

impl Sink for FileSink {
    fn prepare(&mut self) -> Result<(), StoreError> {
        if self.staging.is_some() {
            return Ok(());
        }
        let place = Place::judge(&self.path)?;
        let other = self.other.as_deref();
        // First by name: a staging file that has other names too is given up as one.
        if let Some(other) = other.filter(|other| has_name_of(&place, other)) {
            return Err(shared(&self.path, other));
        }
        let base = self.base.as_deref();
        if let Some(base) = base.filter(|base| named(base).is_some_and(|base| base == place.beside(".part")))
        {
            return Err(shared(&self.path, base));
        }
        let staging = Staging::take(place)?;
        if let Some(base) = base.filter(|base| is_one_of(&[staging.about().ok()], base)) {
            return Err(shared(&self.path, base));
        }
        let kept = staging.about()?.len();
        if let Some(other) = other.filter(|other| is_file_of(&staging, other)) {
            let error = shared(&self.path, other);
            if kept == 0 {
                staging.remove()?;
            }
            return Err(error);
        }
        (self.end, self.size, self.named) = (kept, kept, false);
        self.staging = Some(staging);
        Ok(())
    }

    fn open(&mut self, offset: u64, size: u64) -> Result<(), StoreError> {
        self.image = None;
        self.prepare()?;
        let staging = self.staging()?;
        let kept = staging.about()?.len();
        if kept < offset {
            return Err(StoreError::Mismatch);
        }
        // What lies beyond the offset was never promised to anybody.
        if kept != offset {
            staging.file()?.set_len(offset).map_err(|error| staging.failed("shorten", error))?;
        }
        staging.file()?.seek(SeekFrom::Start(offset)).map_err(|error| staging.failed("seek", error))?;
        files::reserve(staging.file()?, offset, size)
            .map_err(|error| staging.failed("set room aside", error))?;
        (self.end, self.size) = (offset, size);
        Ok(())
    }

    fn write(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        let staging = self.staging()?;
        staging.file()?.write_all(bytes).map_err(|error| staging.failed("write", error))?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        if self.image.is_some() {
            return Ok(());
        }
        let named = self.named;
        let staging = self.staging()?;
        tolerant(staging.file()?.sync_data()).map_err(|error| staging.failed("sync", error))?;
        if !named {
            staging.sync_folder()?;
        }
        self.named = true;
        Ok(())
    }

    fn can_resume(&self) -> bool {
        true
    }

    fn can_read(&self) -> bool {
        true
    }

    fn stored(&mut self) -> u64 {
        self.readable().ok().flatten().and_then(|file| file.metadata().ok()).map_or(0, |about| about.len())
    }

    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Result<usize, StoreError> {
        let file = self.readable()?.ok_or(StoreError::Unsupported)?;
        loop {
            match file.read_at(bytes, offset) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => return read.map_err(failed("read", &self.path)),
            }
        }
    }

    /// A crash may strike between the move to the final place and the caller's hearing of it.
    fn adopt(&mut self, size: u64) -> bool {
        let Some(staging) = &self.staging else { return false };
        self.image = open_existing(&staging.place.path(), false)
            .ok()
            .filter(|file| file.metadata().is_ok_and(|about| about.is_file() && about.len() == size))
            .and_then(|file| Own::new(file).ok());
        self.image.is_some()
    }

    fn close(&mut self, keep: Keep) -> Result<(), StoreError> {
        let image = self.image.take();
        let Some(staging) = self.staging.as_ref() else {
            return if keep == Keep::Image { Err(StoreError::Unsupported) } else { Ok(()) };
        };
        let (end, size) = (self.end, self.size);
        match keep {
            Keep::Part if end > 0 => files::release(staging.file()?, end, size),
            // It has its place already; whoever thinks otherwise of it now may fetch another.
            Keep::Image | Keep::Nothing if image.is_some() => staging.remove()?,
            Keep::Part | Keep::Nothing => staging.remove()?,
            Keep::Image => staging.install(size)?,
        }
        if let Some(staging) = self.staging.take() {
            staging.leave();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;
    use crate::store::journal::tests::Folder;

    fn write(sink: &mut FileSink, bytes: &[u8]) {
        sink.open(0, bytes.len() as u64).unwrap();
        sink.write(&mut bytes.to_vec()).unwrap();
    }

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
    fn an_image_in_its_place_can_be_read_and_stays() {
        let folder = Folder::new("adopt");
        let path = folder.0.join("image");
        let mut sink = FileSink::new(&path);
        write(&mut sink, b"new");
        sink.close(Keep::Image).unwrap();
        let mut next = FileSink::new(&path);
        assert!(!next.adopt(3), "not prepared");
        for keep in [Keep::Image, Keep::Nothing] {
            next.prepare().unwrap();
            assert!(!next.adopt(4));
            assert!(next.adopt(3));
            let mut bytes = [0; 8];
            assert_eq!((next.stored(), next.read(1, &mut bytes)), (3, Ok(2)));
            assert_eq!(&bytes[..2], b"ew");
            next.sync().unwrap();
            next.close(keep).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"new");
            assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_place_is_one_sink_s_at_a_time_under_all_its_names() {
        let folder = Folder::new("busy");
        let path = folder.0.join("image");
        std::os::unix::fs::symlink("image", folder.0.join("alias")).unwrap();
        std::fs::write(&path, b"old").unwrap();
        let mut first = FileSink::new(&path);
        write(&mut first, b"new");
        for name in ["image", "./image", "alias"] {
            assert_eq!(FileSink::new(&folder.0.join(name)).prepare(), Err(StoreError::Busy), "{name}");
        }
        // The other's own file is no place either, and the attempt leaves nothing there.
        assert_eq!(FileSink::new(&folder.0.join("image.part")).prepare(), Err(StoreError::Busy));
        assert!(!folder.0.join("image.part.part").exists());
        first.close(Keep::Image).unwrap();
        let mut second = FileSink::new(&folder.0.join("alias"));
        write(&mut second, b"newer");
        second.close(Keep::Image).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"newer");
        assert!(folder.0.join("alias").symlink_metadata().unwrap().is_symlink());
        // One that is dropped in the middle leaves the place to others.
        write(&mut first, b"half");
        drop(first);
        second.open(2, 4).unwrap();
    }

    #[test]
    fn what_is_put_where_the_staging_file_goes_is_not_written_to() {
        let folder = Folder::new("planted");
        let (path, part) = (folder.0.join("image"), folder.0.join("image.part"));
        let victim = folder.0.join("victim");
        std::fs::write(&victim, b"precious").unwrap();
        let mut sockets = Vec::new();
        for kind in ["symbolic link", "dangling link", "hard link", "socket"] {
            match kind {
                "symbolic link" => std::os::unix::fs::symlink("victim", &part).unwrap(),
                "dangling link" => std::os::unix::fs::symlink("nowhere", &part).unwrap(),
                "hard link" => std::fs::hard_link(&victim, &part).unwrap(),
                _ => sockets.push(std::os::unix::net::UnixListener::bind(&part).unwrap()),
            }
            let mut sink = FileSink::new(&path);
            write(&mut sink, b"new");
            sink.close(Keep::Image).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"new", "{kind}");
            assert_eq!(std::fs::read(&victim).unwrap(), b"precious", "{kind}");
            assert!(!folder.0.join("nowhere").exists());
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::create_dir(&part).unwrap();
        assert_eq!(FileSink::new(&path).prepare(), Err(StoreError::Io));
    }

    #[test]
    fn a_staging_file_that_others_exchange_does_not_become_the_image() {
        let folder = Folder::new("exchanged");
        let (path, part) = (folder.0.join("image"), folder.0.join("image.part"));
        for kind in 0..4 {
            std::fs::write(&path, b"old").unwrap();
            let mut sink = FileSink::new(&path);
            write(&mut sink, b"new");
            match kind {
                0 => {
                    std::fs::remove_file(&part).unwrap();
                    std::fs::write(&part, b"bad").unwrap();
                }
                1 => std::fs::remove_file(&part).unwrap(),
                2 => std::fs::hard_link(&part, folder.0.join("second")).unwrap(),
                _ => std::fs::write(&part, b"longer").unwrap(),
            }
            assert_eq!(sink.close(Keep::Image), Err(StoreError::Mismatch), "{kind}");
            sink.close(Keep::Nothing).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"old", "{kind}");
        }
    }

    #[test]
    fn rights_are_the_owner_s_until_the_image_replaces_a_file() {
        let folder = Folder::new("rights");
        let (path, part) = (folder.0.join("image"), folder.0.join("image.part"));
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o7777;
        std::fs::write(&part, b"left").unwrap();
        std::fs::set_permissions(&part, std::fs::Permissions::from_mode(0o666)).unwrap();
        let mut sink = FileSink::new(&path);
        write(&mut sink, b"new");
        assert_eq!(mode(&part), 0o600);
        sink.close(Keep::Image).unwrap();
        assert_eq!(mode(&path), 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write(&mut sink, b"newer");
        assert_eq!(mode(&part), 0o600);
        sink.close(Keep::Image).unwrap();
        assert_eq!(mode(&path), 0o644);
    }

    #[test]
    fn a_journal_that_is_the_image_under_another_name_is_refused() {
        let folder = Folder::new("apart");
        let at = |name: &str| folder.0.join(name);
        std::fs::write(at("image"), b"old").unwrap();
        std::fs::hard_link(at("image"), at("hard")).unwrap();
        std::os::unix::fs::symlink("image", at("soft")).unwrap();
        std::os::unix::fs::symlink("image.part", at("soft-part")).unwrap();
        std::fs::create_dir(at("sub")).unwrap();
        let names = ["image", "./image", ".//image", "sub/../image", "hard", "soft"];
        for name in names.into_iter().chain(["image.part", "./image.part", "soft-part"]) {
            let mut sink = FileSink::new(&at("image")).beside(&at(name));
            assert_eq!(sink.prepare(), Err(StoreError::Destination), "{name}");
            assert_eq!(std::fs::read(at("image")).unwrap(), b"old");
            assert!(!at("image.part").exists(), "{name}");
        }
        for name in ["journal", "image.journal", "sub", "missing/journal"] {
            let mut sink = FileSink::new(&at("image")).beside(&at(name));
            sink.prepare().unwrap();
            sink.close(Keep::Nothing).unwrap();
        }
    }

    #[test]
    fn room_is_there_before_the_first_byte_or_not_at_all() {
        let folder = Folder::new("sink-room");
        let mut sink = FileSink::new(&folder.0.join("image"));
        let error = sink.open(0, 1 << 62);
        assert!(matches!(error, Err(StoreError::Full)), "{error:?}");
        sink.close(Keep::Nothing).unwrap();
        assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let mut sink = FileSink::new(Path::new("/nonexistent/folder/image"));
        assert_eq!(sink.open(0, 1), Err(StoreError::Io));
    }
}
