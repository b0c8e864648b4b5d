// SPDX-License-Identifier: MIT OR Apache-2.0
//! One process at a time works on a data directory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Failure;

/// How long a command waits for another one that works on the directory.
const PATIENCE: Duration = Duration::from_secs(10);

/// Holds a data directory. The operating system releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct DirLock {
    /// Open for as long as the lock is held.
    _file: File,
}

impl DirLock {
    /// Takes the lock at once, or says who has it.
    pub fn take(root: &Path) -> Result<Self, Failure> {
        Self::wait(root, Duration::ZERO)
    }

    /// Takes the lock, after waiting for another command that is at work.
    pub fn take_soon(root: &Path) -> Result<Self, Failure> {
        Self::wait(root, PATIENCE)
    }

    fn wait(root: &Path, patience: Duration) -> Result<Self, Failure> {
        fs::create_dir_all(root).map_err(|e| Failure::io("create", root, &e))?;
        let path = root.join("lock");
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|e| Failure::io("open", &path, &e))?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if start.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Failure::new(format!(
                        "another otakit-cloud works on {} (it holds {}); end it first, or name another directory with --data",
                        root.display(),
                        path.display()
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(Failure::io("lock", &path, &error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = std::env::temp_dir().join(format!("otakit-cloud-lock-{}", std::process::id()));
        let first = DirLock::take(&dir).unwrap();
        let refused = DirLock::take(&dir).unwrap_err().to_string();
        assert!(refused.contains("another otakit-cloud works on"), "{refused}");
        drop(first);
        assert!(DirLock::take(&dir).is_ok());
        let _ = fs::remove_dir_all(&dir);
    }
}
