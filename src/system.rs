// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `otakit-core` is handed: the time, and numbers that nobody can foretell. And files that others name.

use std::fs::{File, Metadata};
use std::hash::{BuildHasher, RandomState};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Time since a moment that stays the same while the process runs. It never goes back.
pub fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// A number that differs from device to device and from call to call, of 64 random bits. It spreads retries and tells
/// requests apart; no secret depends on it.
pub fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// The same, of 32 bits.
pub fn random_u32() -> u32 {
    u32::try_from(random() >> 32).unwrap_or_default()
}

/// Opens a file that is to be read, and tells its length. A link to a file stands for it. What is no regular file is refused
/// unopened: a pipe would wait for its other end, a device may do things when it is opened, and neither ever ends.
pub fn open_regular(path: &Path) -> Result<(File, u64)> {
    let file = open_readable(path, Metadata::is_file)?;
    let len = file.metadata()?.len();
    Ok((file, len))
}

/// The same for other kinds of files.
pub fn open_readable(path: &Path, is_right: impl Fn(&Metadata) -> bool) -> Result<File> {
    let judged = |about: &Metadata| {
        if is_right(about) { Ok(()) } else { Err(Error::new(ErrorKind::InvalidInput, "not a regular file")) }
    };
    judged(&std::fs::metadata(path)?)?;
    // What has come to its place since is not waited for either.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    judged(&file.metadata()?)?;
    Ok(file)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Everything that has a path and is no regular file, in a new folder of this name.
    pub fn no_files(name: &str) -> (std::path::PathBuf, Vec<std::path::PathBuf>) {
        let folder = std::env::temp_dir().join(format!("otakit-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("folder")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap();
        assert!(made.success());
        std::os::unix::fs::symlink("pipe", folder.join("link")).unwrap();
        let socket = folder.join("socket");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        let mut all: Vec<_> = ["folder", "pipe", "link", "absent"].map(|name| folder.join(name)).into();
        all.extend([
            socket,
            "/dev/zero".into(),
            "/dev/null".into(),
            "/dev/full".into(),
            "/".into(),
            "".into(),
        ]);
        (folder, all)
    }

    #[test]
    fn files_are_opened_and_nothing_else() {
        let (folder, others) = no_files("open");
        for other in others {
            assert!(open_regular(&other).is_err(), "{}", other.display());
        }
        std::fs::write(folder.join("file"), b"abc").unwrap();
        std::os::unix::fs::symlink("file", folder.join("other")).unwrap();
        for name in ["file", "other"] {
            assert_eq!(open_regular(&folder.join(name)).unwrap().1, 3, "{name}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn numbers_differ_and_time_goes_on() {
        let numbers: std::collections::HashSet<u64> = (0..100).map(|_| random()).collect();
        assert_eq!(numbers.len(), 100);
        let (before, after) = (now(), now());
        assert!(before <= after);
    }
}
