// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the operating system does for files and `std` does not offer: locks, room set aside, who we are.

use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::AsRawFd;

/// Most bytes that are set aside; for more the free space is compared.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Takes the exclusive lock of an open file without waiting; `false` when somebody else holds it, another thread or
/// another process. The lock is the open file's: it ends with [`unlock`] and with the last copy of the descriptor. On a
/// file system without locks the answer is `true`.
pub(super) fn try_lock(file: &File) -> Result<bool> {
    flock(file, libc::LOCK_EX)
}

/// Whether somebody else holds the exclusive lock of a file.
pub fn is_locked(file: &File) -> bool {
    let free = flock(file, libc::LOCK_SH).unwrap_or(true);
    if free {
        unlock(file);
    }
    !free
}

/// Gives the lock back, for copies of the descriptor in other processes too.
pub(super) fn unlock(file: &impl AsRawFd) {
    // SAFETY: the descriptor is open as long as `file` is borrowed.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_UN) };
}

fn flock(file: &File, how: libc::c_int) -> Result<bool> {
    // SAFETY: the descriptor is open as long as `file` is borrowed.
    if unsafe { libc::flock(file.as_raw_fd(), how | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    let error = Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EWOULDBLOCK) => Ok(false),
        Some(libc::ENOSYS | libc::EOPNOTSUPP | libc::EINVAL | libc::ENOLCK | libc::EBADF) => Ok(true),
        _ => Err(error),
    }
}

/// The user that files of this process belong to.
pub fn user() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() }
}

/// Sets room aside for bytes `from..to` of a file without changing its length. Where the file system cannot do that, its
/// free space is compared with what is missing; a file system that tells neither is taken at its word.
///
/// A file that would become larger than the process may make one (`RLIMIT_FSIZE`) is refused: the write that crosses that
/// limit would send `SIGXFSZ`, which ends a program that does not expect it.
pub fn reserve(file: &File, from: u64, to: u64) -> Result<()> {
    if to <= from {
        return Ok(());
    }
    if to > largest_file() {
        return Err(Error::from_raw_os_error(libc::EFBIG));
    }
    // What is set aside for very large files makes writes to them wait for the medium on some file systems.
    if to - from > LARGEST {
        return has_room(file, to - from);
    }
    match allocate(file, from, to - from, false) {
        Err(error) if is_unsupported(&error) => has_room(file, to - from),
        result => result,
    }
}

/// Gives back what [`reserve`] set aside behind byte `from`, the file's end. Best effort.
pub fn release(file: &File, from: u64, to: u64) {
    if to > from {
        // Some file systems give it back with the one, some with the other.
        let _ = file.set_len(from);
        let _ = allocate(file, from, to - from, true);
    }
}

fn is_unsupported(error: &Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL | libc::ENODEV))
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, from: u64, len: u64, punch: bool) -> Result<()> {
    #[cfg(not(target_env = "gnu"))]
    use libc::{fallocate, off_t};
    #[cfg(target_env = "gnu")]
    use libc::{fallocate64 as fallocate, off64_t as off_t};

    let too_large = |_| Error::from_raw_os_error(libc::EFBIG);
    let (from, len) = (off_t::try_from(from).map_err(too_large)?, off_t::try_from(len).map_err(too_large)?);
    let mode = libc::FALLOC_FL_KEEP_SIZE | if punch { libc::FALLOC_FL_PUNCH_HOLE } else { 0 };
    loop {
        // SAFETY: the descriptor is open as long as `file` is borrowed.
        if unsafe { fallocate(file.as_raw_fd(), mode, from, len) } == 0 {
            return Ok(());
        }
        let error = Error::last_os_error();
        if error.raw_os_error() != Some(libc::EINTR) {
            return Err(error);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_: &File, _: u64, _: u64, _: bool) -> Result<()> {
    Err(Error::from_raw_os_error(libc::ENOSYS))
}

/// The size that files of this process may have, in bytes.
fn largest_file() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the structure may be written.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) } == 0;
    // The type differs from system to system.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
    if known && limit.rlim_cur != libc::RLIM_INFINITY { limit.rlim_cur as u64 } else { u64::MAX }
}

fn has_room(file: &File, wanted: u64) -> Result<()> {
    // SAFETY: all bytes 0 are a value of the structure.
    let mut about: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open and the structure may be written.
    if unsafe { libc::fstatvfs(file.as_raw_fd(), &raw mut about) } != 0 || about.f_blocks == 0 {
        return Ok(());
    }
    // The fields' types differ from system to system.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
    let free = (about.f_bavail as u64).saturating_mul(about.f_frsize as u64);
    if free < wanted { Err(Error::from_raw_os_error(libc::ENOSPC)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_the_open_file_s() {
        let path = std::env::temp_dir().join(format!("otakit-lock-{}", std::process::id()));
        let first = File::create(&path).unwrap();
        let second = File::open(&path).unwrap();
        assert!(!is_locked(&second));
        assert!(try_lock(&first).unwrap());
        assert!(is_locked(&second) && !try_lock(&second).unwrap());
        unlock(&first);
        assert!(try_lock(&second).unwrap() && !try_lock(&first).unwrap());
        drop(second);
        assert!(try_lock(&first).unwrap());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn room_is_set_aside_without_a_change_of_length() {
        use std::os::unix::fs::MetadataExt as _;
        let path = std::env::temp_dir().join(format!("otakit-room-{}", std::process::id()));
        let file = File::create(&path).unwrap();
        reserve(&file, 0, 1 << 20).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 0);
        release(&file, 0, 1 << 20);
        assert_eq!(file.metadata().unwrap().blocks(), 0);
        let full = reserve(&file, 0, 1 << 62).map_err(|error| error.raw_os_error());
        assert!(matches!(full, Err(Some(libc::ENOSPC | libc::EFBIG))), "{full:?}");
        assert_eq!(has_room(&file, u64::MAX).map_err(|error| error.raw_os_error()), Err(Some(libc::ENOSPC)));
        has_room(&file, 1).unwrap();
        std::fs::remove_file(&path).unwrap();
    }
}
