// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file of the application's that is read through: its kind and length are judged first, and no more of it is read.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use otakit_core::store::StoreError;

use super::failed;
use crate::system;

/// Bytes read at once.
const PIECE: usize = 16 * 1024;

/// An open file that had the length it should have.
pub struct Input {
    file: File,
    path: PathBuf,
    size: u64,
}

impl Input {
    /// Opens a file of exactly `size` bytes. `None`: it has another length.
    pub fn open(path: &Path, size: u64) -> Result<Option<Self>, StoreError> {
        let (file, len) = system::open_regular(path).map_err(failed("open", path))?;
        Ok((len == size).then(|| Self { file, path: path.to_owned(), size }))
    }

    /// Hands all of it to `each`, in pieces, which says whether to go on. `false`: it did not, or the file has changed its
    /// length meanwhile. Never hands on more bytes than it was opened for.
    pub fn read_through(self, mut each: impl FnMut(&mut [u8]) -> bool) -> Result<bool, StoreError> {
        let Self { file, path, size } = self;
        // One byte more tells whether it has grown.
        let mut file = file.take(size.saturating_add(1));
        let (mut piece, mut left) = (vec![0; PIECE], size);
        loop {
            let n = file.read(&mut piece).map_err(failed("read", &path))?;
            if n == 0 {
                return Ok(left == 0);
            }
            let Some(rest) = left.checked_sub(n as u64) else { return Ok(false) };
            left = rest;
            if !each(piece.get_mut(..n).unwrap_or_default()) {
                return Ok(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::system::tests::no_files;

    #[test]
    fn kind_and_length_are_judged_first() {
        let (folder, others) = no_files("input");
        for other in others {
            assert_eq!(Input::open(&other, 0).map(|_| ()), Err(StoreError::Io), "{}", other.display());
        }
        let path = folder.join("file");
        std::fs::write(&path, vec![7; PIECE + 3]).unwrap();
        let size = PIECE as u64 + 3;
        for other in [0, 1, size - 1, size + 1, u64::MAX] {
            assert!(Input::open(&path, other).unwrap().is_none(), "{other}");
        }
        let mut pieces = Vec::new();
        let input = Input::open(&path, size).unwrap().unwrap();
        assert_eq!(
            input.read_through(|piece| {
                pieces.push(piece.len());
                true
            }),
            Ok(true)
        );
        assert_eq!(pieces.iter().sum::<usize>() as u64, size);
        let input = Input::open(&path, size).unwrap().unwrap();
        assert_eq!(input.read_through(|_| false), Ok(false));
        // 1 TiB, all holes: its length says enough.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(Input::open(&path, size).unwrap().is_none());
        // A file of the kernel's, whose length is told as 0.
        let (length, kernel) =
            (std::fs::metadata("/proc/self/status").unwrap().len(), Path::new("/proc/self/status"));
        let mut got = 0;
        let input = Input::open(kernel, length).unwrap().unwrap();
        assert_eq!(
            input.read_through(|piece| {
                got += piece.len();
                true
            }),
            Ok(false)
        );
        assert_eq!(got, 0, "not a byte more than was asked for");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_changes_meanwhile_is_not_the_one_it_was() {
        let (folder, _) = no_files("input-changing");
        let path = folder.join("file");
        let size = 3 * PIECE as u64;
        for grows in [true, false] {
            std::fs::write(&path, vec![7; 3 * PIECE]).unwrap();
            let mut writer = File::options().append(true).open(&path).unwrap();
            let (input, mut got) = (Input::open(&path, size).unwrap().unwrap(), 0);
            let outcome = input.read_through(|piece| {
                got += piece.len() as u64;
                if grows { writer.write_all(b"x").is_ok() } else { writer.set_len(size - 1).is_ok() }
            });
            assert_eq!(outcome, Ok(false), "{grows}");
            assert!(got <= size, "{got}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
