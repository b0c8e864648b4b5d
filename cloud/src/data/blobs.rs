// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images, kept under their SHA-256: what is there is whole and never changes.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use md5::Md5;
use sha2::{Digest, Sha256};

use super::import::hex;
use crate::Failure;

/// Bytes read at a time.
const CHUNK: usize = 256 * 1024;

/// What an image is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Bytes.
    pub size: u64,
    /// Lower-case hex.
    pub md5: String,
    /// Lower-case hex; the blob's name.
    pub sha256: String,
}

/// A place for images.
pub trait Blobs: Send + Sync {
    /// Takes an image in. When this returns it is durable; before that nothing of it can be seen. At most `limit` bytes
    /// are taken.
    fn put(&self, from: &mut dyn Read, limit: u64) -> Result<Blob, Failure>;

    /// The file that holds an image, if it is there.
    fn path(&self, sha256: &str) -> Option<PathBuf>;
}

/// A directory: `<root>/<first two digits>/<sha256>`.
#[derive(Clone, Debug)]
pub struct DirBlobs {
    root: PathBuf,
}

impl DirBlobs {
    /// Blobs below `root`; nothing is created yet.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn place(&self, sha256: &str) -> Option<PathBuf> {
        let plain = sha256.len() == 64 && sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        plain.then(|| self.root.join(sha256.get(..2).unwrap_or_default()).join(sha256))
    }

    /// A file that nobody sees yet.
    fn temporary(&self) -> PathBuf {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let n = SERIAL.fetch_add(1, Ordering::Relaxed);
        self.root.join("incoming").join(format!("{}-{n}", std::process::id()))
    }
}

impl Blobs for DirBlobs {
    fn put(&self, from: &mut dyn Read, limit: u64) -> Result<Blob, Failure> {
        let temporary = self.temporary();
        if let Some(parent) = temporary.parent() {
            fs::create_dir_all(parent).map_err(|e| Failure::io("create", parent, &e))?;
        }
        let stored = write(from, &temporary, limit).and_then(|blob| {
            let place = self.place(&blob.sha256).ok_or_else(|| Failure::new("the digest is odd"))?;
            let folder = place.parent().unwrap_or(&self.root);
            fs::create_dir_all(folder).map_err(|e| Failure::io("create", folder, &e))?;
            fs::rename(&temporary, &place).map_err(|e| Failure::io("write", &place, &e))?;
            sync_dir(folder)?;
            sync_dir(&self.root)?;
            Ok(blob)
        });
        if stored.is_err() {
            // The first failure is the one worth telling; what is left over is only litter.
            let _ = fs::remove_file(&temporary);
        }
        stored
    }

    fn path(&self, sha256: &str) -> Option<PathBuf> {
        self.place(sha256).filter(|place| place.is_file())
    }
}

fn write(from: &mut dyn Read, path: &Path, limit: u64) -> Result<Blob, Failure> {
    // A full disk is no fault of whoever brings an image.
    let failed = |e: std::io::Error| Failure::broken(format!("cannot write {}: {e}", path.display()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    let (mut md5, mut sha256, mut size) = (Md5::new(), Sha256::new(), 0_u64);
    let mut buffer = vec![0; CHUNK];
    loop {
        let n = from.read(&mut buffer).map_err(|e| Failure::new(format!("cannot read the image: {e}")))?;
        let Some(chunk) = buffer.get(..n).filter(|c| !c.is_empty()) else {
            break;
        };
        size += chunk.len() as u64;
        if size > limit {
            return Err(Failure::too_large(format!("the image is larger than {limit} bytes")));
        }
        md5.update(chunk);
        sha256.update(chunk);
        file.write_all(chunk).map_err(failed)?;
    }
    if size == 0 {
        return Err(Failure::new("the image is empty"));
    }
    file.sync_all().map_err(failed)?;
    Ok(Blob { size, md5: hex(&md5.finalize()), sha256: hex(&sha256.finalize()) })
}

/// Makes the names in a directory durable.
pub fn sync_dir(path: &Path) -> Result<(), Failure> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(|e| Failure::io("write", path, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives some bytes, then an error.
    struct Torn(usize);

    impl Read for Torn {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.0 == 0 {
                return Err(std::io::Error::other("the line broke"));
            }
            let n = self.0.min(buffer.len());
            self.0 -= n;
            Ok(n)
        }
    }

    fn count(dir: &Path) -> usize {
        let Ok(entries) = fs::read_dir(dir) else {
            return 0;
        };
        entries.map(|e| e.unwrap().path()).map(|p| if p.is_dir() { count(&p) } else { 1 }).sum()
    }

    #[test]
    fn whole_or_not_at_all() {
        let dir = std::env::temp_dir().join(format!("otakit-cloud-blobs-{}", std::process::id()));
        let blobs = DirBlobs::new(dir.clone());
        assert!(blobs.put(&mut Torn(300_000), u64::MAX).is_err());
        assert!(blobs.put(&mut &b""[..], u64::MAX).is_err(), "an empty file is no image");
        assert!(blobs.put(&mut &b"12345"[..], 4).is_err(), "too large");
        assert_eq!(count(&dir), 0, "nothing is left of them");
        let blob = blobs.put(&mut &b"abc"[..], 3).unwrap();
        assert_eq!(blob.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!((blob.size, blob.md5.as_str()), (3, "900150983cd24fb0d6963f7d28e17f72"));
        assert_eq!(blobs.put(&mut &b"abc"[..], 3).unwrap(), blob);
        assert_eq!(fs::read(blobs.path(&blob.sha256).unwrap()).unwrap(), b"abc");
        for odd in ["", "../../etc/passwd", &"a".repeat(63), &"A".repeat(64)] {
            assert_eq!(blobs.path(odd), None, "{odd}");
        }
        let _ = fs::remove_dir_all(&dir);
    }
}
