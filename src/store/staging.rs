// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file that an image gathers in beside its place: the library's own, and one updater's at a time.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use otakit_core::store::StoreError;

use super::failed;
use super::place::{Place, identity, tolerant};
use crate::hal::files;
use crate::hal::own::Own;

/// Attempts to open a file that others rename and remove meanwhile.
const ATTEMPTS: u32 = 32;

/// Files above this many bytes are closed by a thread of their own once they are removed.
const LARGE: u64 = 8 * 1024 * 1024;

/// An open, locked staging file. The lock ends with this value.
#[derive(Debug)]
pub(super) struct Staging {
    /// Where the image is to go.
    pub(super) place: Place,
    /// The staging file's own place.
    pub(super) own: Place,
    /// Open for reading and writing.
    file: Own<File>,
    /// The folder of both, where it can be read.
    folder: Option<Own<File>>,
}

impl Staging {
    /// Opens or makes the file `PLACE.part` and takes its lock. [`StoreError::Busy`] when another updater has it, or is
    /// just about to have finished with the same place.
    pub(super) fn take(place: Place) -> Result<Self, StoreError> {
        let own = place.beside(".part");
        let path = own.path();
        for _ in 0..ATTEMPTS {
            let Some(file) = open(&path)? else { continue };
            let Some(file) = Own::locked(file).map_err(failed("lock", &path))? else {
                return Err(busy(&place));
            };
            let folder = place.open_folder().and_then(|folder| folder.map(Own::new).transpose());
            let folder = folder.map_err(failed("open its folder", &path))?;
            let staging = Self { place: place.clone(), own: own.clone(), file, folder };
            // The updater before may have given it its name, or removed it, before its lock was free.
            if !staging.is_in_place()? {
                continue;
            }
            // It keeps the lock until it has told its caller.
            let image = open_existing(&place.path(), false);
            if image.is_ok_and(|image| files::is_locked(&image)) {
                // With nothing in it, it was made just now. Should it stay, the next update there takes it.
                if staging.about()?.len() == 0 {
                    let _ = staging.remove();
                }
                return Err(busy(&place));
            }
            return Ok(staging);
        }
        Err(busy(&place))
    }

    /// The open file, to be used at once.
    pub(super) fn file(&self) -> Result<&File, StoreError> {
        self.file.get().map_err(|error| self.failed("use it", error))
    }

    /// What the system says of the file.
    pub(super) fn about(&self) -> Result<Metadata, StoreError> {
        self.file()?.metadata().map_err(|error| self.failed("read its state", error))
    }

    /// Says what could not be done with the file.
    pub(super) fn failed(&self, what: &str, error: std::io::Error) -> StoreError {
        failed(what, &self.own.path())(error)
    }

    /// Whether the staging file's name still leads to it, and no other does.
    pub(super) fn is_in_place(&self) -> Result<bool, StoreError> {
        let ours = self.about()?;
        Ok(ours.nlink() == 1 && names(&self.own.path(), &ours))
    }

    /// Moves the file to the image's place, with the access rights of the file that it replaces.
    pub(super) fn install(&self, size: u64) -> Result<(), StoreError> {
        let (path, now) = (self.place.path(), self.place.path().symlink_metadata());
        match &now {
            Ok(old) if !old.is_file() => return Err(StoreError::Destination),
            Ok(old) => self
                .file()?
                .set_permissions(Permissions::from_mode(old.mode() & 0o777))
                .map_err(|error| self.failed("set its mode", error))?,
            Err(_) => {}
        }
        tolerant(self.file()?.sync_all()).map_err(|error| self.failed("sync", error))?;
        if !self.is_in_place()? || self.about()?.len() != size {
            crate::log!(Error, "store", "{} was changed by others", self.own.path().display());
            return Err(StoreError::Mismatch);
        }
        std::fs::rename(self.own.path(), &path).map_err(failed("move the image there", &path))?;
        self.sync_folder()?;
        if names(&path, &self.about()?) {
            Ok(())
        } else {
            crate::log!(Error, "store", "{} was replaced by others", path.display());
            Err(StoreError::Mismatch)
        }
    }

    /// Makes the names of file and image durable.
    pub(super) fn sync_folder(&self) -> Result<(), StoreError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        // A program that closes descriptors that are not its own has closed this one.
        let synced =
            folder.get().map_or_else(|_| self.own.sync_folder(), |folder| tolerant(folder.sync_all()));
        synced.map_err(|error| self.failed("sync its folder", error))
    }

    /// Removes the file.
    pub(super) fn remove(&self) -> Result<(), StoreError> {
        if names(&self.own.path(), &self.about()?) {
            std::fs::remove_file(self.own.path()).map_err(|error| self.failed("remove", error))?;
        }
        Ok(())
    }

    /// Gives the place back.
    pub(super) fn leave(mut self) {
        let about = self.file.get().and_then(File::metadata);
        if about.is_ok_and(|about| about.nlink() == 0 && about.len() > LARGE) {
            self.file.unlock();
            // The system frees the blocks of a large file, some of them being written, when it is closed. That takes longer
            // than a cancel may. Without a thread it is closed here.
            let _ = crate::thread::named("otakit-close").spawn(move || drop(self));
        }
    }
}

fn busy(place: &Place) -> StoreError {
    crate::log!(Error, "store", "{}: another update is writing there", place.path().display());
    StoreError::Busy
}

fn names(path: &Path, file: &Metadata) -> bool {
    path.symlink_metadata().is_ok_and(|there| identity(&there) == identity(file))
}

/// The file, made when it is not there; `None`: something else came between, to be tried again.
fn open(path: &Path) -> Result<Option<File>, StoreError> {
    match create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(failed("make", path)(error));
        }
        Ok(file) => return Ok(Some(file)),
    }
    let file = match open_existing(path, true) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(_) => return clear_away(path),
        Ok(file) => file,
    };
    let about = file.metadata().map_err(failed("read its state", path))?;
    match about.nlink() {
        // Removed meanwhile.
        0 => Ok(None),
        1 if about.is_file() && about.uid() == files::user() => {
            if about.mode() & 0o077 != 0 {
                file.set_permissions(Permissions::from_mode(0o600)).map_err(failed("set its mode", path))?;
            }
            Ok(Some(file))
        }
        _ => clear_away(path),
    }
}

/// Makes a file of the library's own, which must not be there. Its owner may read and write it whatever the process's umask
/// is: what cannot be opened again could never be resumed. A file system with modes of its own keeps them.
pub(super) fn create(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    if file.metadata()?.mode() & 0o600 != 0o600 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Never follows a link, never waits for the other end of a pipe.
pub(super) fn open_existing(path: &Path, write: bool) -> std::io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    OpenOptions::new().read(true).write(write).custom_flags(flags).open(path)
}

/// Something that is not the library's has the staging file's name. A name that leads elsewhere is removed, which takes
/// nothing from anybody; what else there is stays, and no image can come.
fn clear_away(path: &Path) -> Result<Option<File>, StoreError> {
    let about = match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        about => about.map_err(failed("read its state", path))?,
    };
    let kind = about.file_type();
    let only_a_name =
        kind.is_symlink() || kind.is_fifo() || kind.is_socket() || (kind.is_file() && about.nlink() > 1);
    if !only_a_name {
        crate::log!(Error, "store", "{} is not the library's: remove it", path.display());
        return Err(StoreError::Io);
    }
    crate::log!(Warning, "store", "{} was a link, a pipe or a socket: removed", path.display());
    std::fs::remove_file(path).map_err(failed("remove", path))?;
    Ok(None)
}
