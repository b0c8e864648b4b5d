// SPDX-License-Identifier: MIT OR Apache-2.0
//! The data directory: where each file is, and how small ones are read and replaced.
//!
//! ```text
//! cloud.db                             everything but the bytes, unless PostgreSQL has it
//! blobs/<two digits>/<sha256>          images and configurations
//! server.json                          address of the running server
//! tls/cert.pem, tls/key.pem            the certificate that `serve --tls` made
//! local-token                          what the command line signs itself in with there
//! lock                                 held by whoever works on the directory
//! ```
//!
//! Version 0.1 kept JSON in `devices`, `firmware`, `config` and `onenet`; see [`super::legacy`].

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::blobs::{Blobs, DirBlobs, sync_dir};
use super::model::{Config, Content, Firmware};
use crate::Failure;

/// Paths inside one data directory.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// A layout below `root`; nothing is created yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The running server's address.
    pub fn address(&self) -> PathBuf {
        self.root.join("server.json")
    }

    /// What the command line signs itself in with, while the server runs; for the directory's owner alone.
    pub fn local_token(&self) -> PathBuf {
        self.root.join("local-token")
    }

    /// Where the certificate is that was made here.
    pub fn tls(&self) -> PathBuf {
        self.root.join("tls")
    }

    /// Where a firmware's bytes are.
    pub fn image(&self, firmware: &Firmware) -> PathBuf {
        self.content(&firmware.content)
    }

    /// Where a configuration's bytes are.
    pub fn config_file(&self, config: &Config) -> PathBuf {
        self.content(&config.content)
    }

    /// Where the bytes of all images are.
    pub fn blobs(&self) -> DirBlobs {
        DirBlobs::new(self.root.join("blobs"))
    }

    fn content(&self, content: &Content) -> PathBuf {
        content.in_place.clone().unwrap_or_else(|| {
            // One that is missing is reported under the name that it would have.
            self.blobs()
                .path(&content.sha256)
                .unwrap_or_else(|| self.root.join("blobs").join(&content.sha256))
        })
    }
}

/// Reads a JSON file.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = fs::read(path).map_err(|e| Failure::io("read", path, &e))?;
    serde_json::from_slice(&text).map_err(|e| Failure::new(format!("{}: {e}", path.display())))
}

/// Reads every JSON file named `name` (or every `*.json` when `None`) one directory below `dir`.
///
/// A directory that does not exist holds nothing. A file that cannot be read is an error: a cloud that
/// forgets a device silently is worse than one that does not start.
pub fn read_all<T: DeserializeOwned>(dir: &Path, name: Option<&str>) -> Result<Vec<T>, Failure> {
    let mut found = Vec::new();
    for sub in entries(dir)? {
        match name {
            Some(name) => {
                let path = sub.join(name);
                if path.is_file() {
                    found.push(read(&path)?);
                }
            }
            None if sub.is_dir() => {
                for path in entries(&sub)? {
                    if path.extension().is_some_and(|e| e == "json") {
                        found.push(read(&path)?);
                    }
                }
            }
            None => {}
        }
    }
    Ok(found)
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| Failure::io("list", dir, &e))? {
        found.push(entry.map_err(|e| Failure::io("list", dir, &e))?.path());
    }
    found.sort();
    Ok(found)
}

/// Replaces a file by pretty JSON: readers see the old content or the new one, never a mixture.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), Failure> {
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|e| Failure::new(format!("{}: {e}", path.display())))?;
    text.push(b'\n');
    write_bytes(path, &text)
}

/// Replaces a file by these bytes, in the same way, durably. Parent directories are created.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let folder = folder_of(path);
    fs::create_dir_all(folder).map_err(|e| Failure::io("create", folder, &e))?;
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}-{}.tmp", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed)));
    let temporary = PathBuf::from(temporary);
    // The bytes are durable before the name is: after a power failure a file of the old or the new content is there.
    let written = create_private(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&temporary, path)).map_err(|e| {
        // The rename's failure is the one worth telling; a left-over file is only litter.
        let _ = fs::remove_file(&temporary);
        Failure::io("write", path, &e)
    })?;
    sync_dir(folder)
}

/// The folder that a file is in; that of a bare name is the current one.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Files hold device secrets: readable by their owner alone.
fn create_private(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_in_the_current_folder() {
        assert_eq!(folder_of(Path::new("ready")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/ready")), Path::new("a"));
        assert_eq!(folder_of(Path::new("/ready")), Path::new("/"));
    }
}
