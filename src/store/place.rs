// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where an image may go: judged before a byte is fetched.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use otakit_core::store::StoreError;

use super::failed;
use crate::hal::files;

/// A file's place under its real name: the folder has no symbolic links in it, nor is the file one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    name: OsString,
}

impl Place {
    /// Judges whether `path` can hold an image: a regular file, or nothing yet in a folder that is there. A symbolic link
    /// to a regular file stands for that file. [`StoreError::Destination`] for anything else.
    pub fn judge(path: &Path) -> Result<Self, StoreError> {
        let refuse = |what: &str| {
            crate::log!(
                Error,
                "store",
                "{} {what}: an image needs the path of a regular file",
                path.display()
            );
            Err(StoreError::Destination)
        };
        let place = match Self::resolve(path) {
            Ok(Some(place)) => place,
            Ok(None) => return refuse("is a folder, or a link that leads nowhere"),
            Err(error) => return Err(failed("find its folder", path)(error)),
        };
        let folder = place.folder.metadata().map_err(failed("read its state", &place.folder))?;
        match place.path().symlink_metadata() {
            Ok(file) if !file.is_file() => refuse(kind(&file)),
            // A file that is mounted cannot be replaced, nor somebody else's in a folder like /tmp.
            Ok(file) if file.dev() != folder.dev() => refuse("is mounted by itself"),
            Ok(file) if is_kept(&folder, &file) => refuse("belongs to another user"),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("read its state", path)(error)),
            _ => Ok(place),
        }
    }

    /// The real name of `path`; `None` when it names a folder, or is a link that leads nowhere.
    pub(super) fn resolve(path: &Path) -> std::io::Result<Option<Self>> {
        let text = path.as_os_str().as_bytes();
        if text.is_empty() || text.ends_with(b"/") || text.ends_with(b"/.") || text.ends_with(b"/..") {
            return Ok(None);
        }
        let real = match path.symlink_metadata() {
            Ok(file) if file.is_symlink() => match path.canonicalize() {
                Ok(real) => real,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            },
            _ => path.to_owned(),
        };
        let Some(name) = real.file_name() else { return Ok(None) };
        let folder = real.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Some(Self { folder: folder.canonicalize()?, name: name.to_owned() }))
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// The file beside it with `suffix` behind its name.
    pub(super) fn beside(&self, suffix: &str) -> Self {
        let mut name = self.name.clone();
        name.push(suffix);
        Self { folder: self.folder.clone(), name }
    }

    /// Makes changes of names in the folder durable, where its file system can do that.
    pub(super) fn sync_folder(&self) -> std::io::Result<()> {
        self.open_folder()?.map_or(Ok(()), |folder| tolerant(folder.sync_all()))
    }

    /// Opens the folder, so that it can be made durable later, whatever becomes of the process's descriptors meanwhile.
    /// `None`: it may be written and not read.
    pub(super) fn open_folder(&self) -> std::io::Result<Option<File>> {
        match File::open(&self.folder) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(None),
            folder => folder.map(Some),
        }
    }
}

/// A sync that the file system does not know is no failure: there is nothing that could be done in its place.
pub(super) fn tolerant(synced: std::io::Result<()>) -> std::io::Result<()> {
    match synced {
        Err(error)
            if matches!(
                error.raw_os_error(),
                Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP | libc::EROFS)
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Which file it is, whatever its name.
pub(super) fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn is_kept(folder: &Metadata, file: &Metadata) -> bool {
    const STICKY: u32 = 0o1000;
    let us = files::user();
    folder.permissions().mode() & STICKY != 0 && us != 0 && file.uid() != us && folder.uid() != us
}

fn kind(file: &Metadata) -> &'static str {
    let kind = file.file_type();
    if kind.is_dir() {
        "is a folder"
    } else if kind.is_fifo() {
        "is a pipe"
    } else if kind.is_socket() {
        "is a socket"
    } else {
        "is a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::journal::tests::Folder;

    #[test]
    fn what_cannot_be_a_destination_is_refused_before_anything_is_touched() {
        let folder = Folder::new("place");
        let at = |name: &str| folder.0.join(name);
        std::fs::create_dir(at("folder")).unwrap();
        std::fs::write(at("file"), b"old").unwrap();
        std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
        std::os::unix::fs::symlink("folder", at("to-folder")).unwrap();
        std::os::unix::fs::symlink("file", at("to-file")).unwrap();
        std::os::unix::fs::symlink("loop", at("loop")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for name in ["folder", "folder/", "dangling", "to-folder", "socket", "file/", "folder/.", "folder/.."]
        {
            assert_eq!(Place::judge(&at(name)), Err(StoreError::Destination), "{name}");
        }
        for path in ["", "/", ".", "..", "/dev/null"] {
            assert_eq!(Place::judge(Path::new(path)), Err(StoreError::Destination), "{path}");
        }
        for name in ["loop", "missing/file", "file/below"] {
            assert_eq!(Place::judge(&at(name)), Err(StoreError::Io), "{name}");
        }
        let real = Place::judge(&at("file")).unwrap();
        for alias in ["./file", "to-file", ".//file", "folder/../file"] {
            assert_eq!(Place::judge(&at(alias)).unwrap(), real, "{alias}");
        }
        assert_eq!(Place::judge(&at("new")).unwrap().path(), folder.0.canonicalize().unwrap().join("new"));
    }

    #[test]
    fn a_sync_that_is_not_there_counts_as_done() {
        let error = |code| Err(std::io::Error::from_raw_os_error(code));
        for code in [libc::EINVAL, libc::ENOSYS, libc::EOPNOTSUPP] {
            assert!(tolerant(error(code)).is_ok());
        }
        for code in [libc::EIO, libc::ENOSPC, libc::EDQUOT] {
            assert!(tolerant(error(code)).is_err());
        }
    }
}
