// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where an image goes, and where it is remembered how far it got: what every kind of download does with these two.

use std::time::{Duration, Instant};

use otakit_core::failure::Failure;
use otakit_core::store::StoreError;

use super::download::{Step, Watch};
use crate::store::{Journal, Keep, Sink};

/// Longest time between two calls of the watcher: a little less than what a cancel may take.
pub const TICK: Duration = Duration::from_millis(90);
/// Bytes between two records that survive the process alone.
pub const NOTE_EVERY: u64 = 64 * 1024;
/// Bytes read at once.
const PIECE: usize = 16 * 1024;

/// A sink and its journal.
pub struct Storage<'a> {
    sink: &'a mut dyn Sink,
    journal: Option<&'a mut dyn Journal>,
    /// Something can be gone on with: the journal has a record that fits the sink.
    pub resumable: bool,
    /// The journal could not be written; nothing more is said of that.
    mute: bool,
}

impl<'a> Storage<'a> {
    /// Nothing of either is touched.
    pub fn new(sink: &'a mut dyn Sink, journal: Option<&'a mut dyn Journal>) -> Self {
        Self { sink, journal, resumable: false, mute: false }
    }

    /// The sink.
    pub fn sink(&mut self) -> &mut dyn Sink {
        self.sink
    }

    /// The journal, where there is one and the sink can go on.
    pub fn journal(&mut self) -> Option<&mut dyn Journal> {
        match &mut self.journal {
            Some(journal) if self.sink.can_resume() => Some(&mut **journal),
            _ => None,
        }
    }

    /// Prepares the sink for a whole image.
    pub fn open_empty(&mut self, size: u64) -> Result<(), StoreError> {
        // No record may outlive the bytes that it is about.
        if let Some(journal) = self.journal()
            && let Err(error) = journal.clear()
        {
            crate::log!(Warning, "download", "an old journal cannot be removed: {error}");
            if !self.sink.can_read() {
                return Err(error);
            }
        }
        self.sink.open(0, size)
    }

    /// Tells the journal how far it got; `durable`: once the bytes are. `record` may have nothing to tell.
    pub fn remember(
        &mut self,
        durable: bool,
        record: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let mute = self.mute;
        if self.journal().is_none() || (mute && !durable) {
            return Ok(());
        }
        let Some(record) = record() else { return Ok(()) };
        if durable {
            self.sink.sync()?;
        }
        // Without a journal an interruption costs more; the image does not depend on it.
        match self.journal().filter(|_| !mute).map(|journal| journal.save(&record, durable)) {
            Some(Ok(())) => self.resumable = true,
            Some(Err(_)) => {
                crate::log!(Info, "download", "going on without a journal");
                self.mute = true;
            }
            None => {}
        }
        Ok(())
    }

    /// Hands the stored bytes `at..end` to `each`; `false` when fewer are there.
    pub fn read_through(
        &mut self,
        mut at: u64,
        end: u64,
        each: &mut dyn FnMut(&[u8]),
        watch: Watch<'_>,
    ) -> Result<bool, Failure> {
        let mut piece = buffer(PIECE)?;
        let mut told = Instant::now();
        while at < end {
            let most = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
            let room = piece.get_mut(..most).unwrap_or_default();
            let read = self.sink.read(at, room)?;
            let Some(bytes) = room.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(false) };
            each(bytes);
            at += bytes.len() as u64;
            if told.elapsed() >= TICK {
                told = Instant::now();
                if !watch(Step::Idle) {
                    return Err(Failure::Cancelled);
                }
            }
        }
        Ok(true)
    }

    /// The image did not come about: what becomes of its bytes.
    pub fn abandon(&mut self, keep: Keep) {
        // No record may outlive its bytes, and none of another update may be taken for this one's.
        if keep == Keep::Nothing {
            self.forget();
        }
        if let Err(error) = self.sink.close(keep) {
            crate::log!(Warning, "download", "{error}");
        }
    }

    /// Nothing is to be gone on with.
    pub fn forget(&mut self) {
        self.resumable = false;
        if let Some(journal) = self.journal()
            && let Err(error) = journal.clear()
        {
            crate::log!(Warning, "download", "journal: {error}");
        }
    }

    /// What was read back is not what was written.
    pub fn is_not_what_was_written(&mut self) -> Failure {
        crate::log!(
            Error,
            "download",
            "the stored image is not what was written: others write there, or it is lost"
        );
        self.forget();
        StoreError::Mismatch.into()
    }
}

/// So many bytes, or no memory for them.
pub fn buffer(len: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| Failure::NoMemory)?;
    bytes.resize(len, 0);
    Ok(bytes)
}
