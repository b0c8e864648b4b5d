// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images as they come in over HTTP: how large each may be, how many come at a time, and how much of the disk they may take.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::TryStreamExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::api::{Refused, blocking};
use crate::Failure;
use crate::control::extract::Stream;
use crate::data::blobs::{Blob, Blobs};
use crate::data::model::Content;
use crate::data::{Store, import};

/// Uploads at a time. Each has a thread that waits for its client, and the database needs threads of the same pool.
const AT_A_TIME: usize = 32;
/// Bytes of the disk that no image takes: the database needs them to note anything at all.
const SPARE: u64 = 64 << 20;
/// Bytes between two looks at the disk.
const LOOK: u64 = 16 << 20;

static PLACES: Semaphore = Semaphore::const_new(AT_A_TIME);

/// The right to bring an image, until this is dropped.
#[derive(Debug)]
pub struct Place {
    _place: SemaphorePermit<'static>,
    root: PathBuf,
    most: u64,
}

impl Place {
    /// Refuses what is too much before any of it has come. `announced` are its bytes, if the client says.
    pub fn take(store: &Store, most: u64, announced: Option<u64>) -> Result<Self, Failure> {
        if announced.is_some_and(|size| size > most) {
            return Err(Failure::too_large(format!("the image is larger than {most} bytes")));
        }
        let root = store.layout().root().to_owned();
        has_room(&root, announced.unwrap_or_default()).map_err(|e| Failure::broken(e.to_string()))?;
        let why = "as many images come in as may at a time; try again later";
        let place = PLACES.try_acquire().map_err(|_| Failure::broken(why))?;
        Ok(Self { _place: place, root, most })
    }

    /// Keeps what is read. Blocks.
    pub fn keep(self, store: &Store, from: &mut dyn Read) -> Result<Blob, Failure> {
        let mut watched = Watched { from, root: &self.root, left: LOOK };
        store.layout().blobs().put(&mut watched, self.most)
    }
}

/// Takes a body into the blobs, while it comes.
pub async fn receive(store: &Arc<Store>, most: u64, name: &str, stream: Stream) -> Result<Content, Refused> {
    let place = Place::take(store, most, stream.announced)?;
    let bytes = stream.body.into_data_stream().map_err(io::Error::other);
    let mut reader = SyncIoBridge::new(StreamReader::new(bytes));
    let (store, name) = (store.clone(), import::url_name(name));
    let blob = blocking(move || place.keep(&store, &mut reader)).await?;
    Ok(Content { name, in_place: None, size: blob.size, md5: blob.md5, sha256: blob.sha256 })
}

/// Whether the disk has so many bytes to spare.
fn has_room(root: &Path, bytes: u64) -> io::Result<()> {
    let disk = rustix::fs::statvfs(root)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < bytes.saturating_add(SPARE) {
        return Err(io::Error::other(format!(
            "the disk has no room for it: {free} bytes are free, {SPARE} of them are for the database"
        )));
    }
    Ok(())
}

/// Ends when the disk gets full, however much more there would be to read.
struct Watched<'a> {
    from: &'a mut dyn Read,
    root: &'a Path,
    /// Bytes until the next look.
    left: u64,
}

impl Read for Watched<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(to)?;
        match self.left.checked_sub(n as u64) {
            Some(left) => self.left = left,
            None => {
                self.left = LOOK;
                has_room(self.root, 0)?;
            }
        }
        Ok(n)
    }
}
