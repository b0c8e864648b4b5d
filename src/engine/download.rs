// SPDX-License-Identifier: MIT OR Apache-2.0
//! A whole download into a place of the library's own: blocking, resumed over restarts of the process.
//!
//! Bytes are written on the caller's thread while the fetching thread brings the next ones. Every so many bytes the sink
//! is made durable, and only then is the journal told: a crash at any point costs at most what came since.

use std::time::Duration;

use super::{Checkpoint, Failure, Offer, Session};
use crate::fetch::FetchError;
use crate::store::{Journal, Keep, Sink, StoreError};

/// Longest time between two calls of the watcher: a little less than what a cancel may take.
const TICK: Duration = Duration::from_millis(90);
/// Bytes between two checkpoints unless set otherwise.
pub const CHECKPOINT_EVERY: u64 = 64 * 1024;

/// What the journal says: how far it got, and the sink's mark of a complete image (8 bytes behind the checkpoint).
struct Record {
    checkpoint: Checkpoint,
    mark: u64,
}

/// What a download tells its watcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It begins; so many bytes are there already.
    Started {
        /// Bytes that need not be fetched.
        resumed_at: u64,
    },
    /// Bytes were stored.
    Progress {
        /// Bytes stored so far.
        fetched: u64,
        /// Size of the image.
        total: u64,
    },
    /// Nothing new.
    Idle,
}

/// One download.
pub struct Download<'s, 'a> {
    /// Fetches and verifies. An offer that it is fetching is taken over; see [`Download::run`].
    pub session: &'s Session,
    /// Takes the bytes.
    pub sink: &'a mut dyn Sink,
    /// Remembers how far it got; `None`: begins anew each time.
    pub journal: Option<&'a mut dyn Journal>,
    /// Bytes handed to the sink at once, but for the last.
    pub chunk: usize,
    /// Bytes between two checkpoints.
    pub every: u64,
}

/// Called after each piece and at least every 100 ms; `false` cancels.
pub type Watch<'a> = &'a mut dyn FnMut(Step) -> bool;

impl Download<'_, '_> {
    /// Downloads `offer`. The verdict: whether the image is complete, verified and in its place.
    ///
    /// An image that was put together from parts and turns out wrong is fetched once more from its first byte, as is one
    /// whose server says that a part does not fit: the part that was there may have been another's. One that a sink recognises in its place is not fetched again.
    pub fn run(mut self, offer: &Offer, watch: Watch<'_>) -> Result<bool, Failure> {
        let from = self.recall(offer);
        let resumed_at = from.as_ref().map_or(0, |from| from.checkpoint.offset);
        match self.attempt(offer, from, watch) {
            Ok(false) if resumed_at > 0 || self.session.is_joined() => {
                crate::log!(
                    Warning,
                    "download",
                    "image of several parts is not valid: fetching it in one piece"
                );
            }
            Err(Failure::Fetch(FetchError::Changed)) => {
                crate::log!(Warning, "download", "{}: fetching it from its first byte", FetchError::Changed);
                self.forget();
            }
            outcome => return outcome,
        }
        self.attempt(offer, None, watch)
    }

    /// What is remembered of this very image, if anything is.
    fn recall(&mut self, offer: &Offer) -> Option<Record> {
        let journal = self.journal.as_mut().filter(|_| self.sink.can_resume())?;
        let record = journal.load()?;
        let record = Record::decode(&record, offer);
        if record.is_none() {
            crate::log!(Info, "download", "journal is torn or of another image: dropped");
        }
        record
    }

    fn attempt(&mut self, offer: &Offer, from: Option<Record>, watch: Watch<'_>) -> Result<bool, Failure> {
        let from = self.open(offer, from)?;
        let resumed_at = from.as_ref().map_or(0, |from| from.offset);
        // Front doors hand over a session that has taken the offer already.
        self.session.cancel();
        self.session.offer_from(offer.clone(), from).inspect_err(|failure| {
            crate::log!(Error, "download", "offer refused: {failure}");
            self.abandon(Keep::Part);
        })?;
        if !watch(Step::Started { resumed_at }) {
            self.abandon(Keep::Part);
            return Err(Failure::Cancelled);
        }
        let outcome = self.transfer(offer, resumed_at, watch).and_then(|()| self.conclude(offer));
        if let Err(failure) = &outcome {
            self.session.give_up(failure.clone());
            self.abandon(if self.sink.can_resume() { Keep::Part } else { Keep::Nothing });
        }
        outcome
    }

    /// Prepares the sink; returns where the download really begins.
    fn open(&mut self, offer: &Offer, from: Option<Record>) -> Result<Option<Checkpoint>, StoreError> {
        if let Some(Record { checkpoint, mark }) = from {
            if checkpoint.offset == offer.size && self.sink.adopt(offer.size, mark) {
                return Ok(Some(checkpoint));
            }
            match self.sink.open(checkpoint.offset, offer.size) {
                Ok(()) => return Ok(Some(checkpoint)),
                Err(StoreError::Mismatch) => {}
                Err(error) => return Err(error),
            }
        }
        self.sink.open(0, offer.size).map(|()| None)
    }

    /// Moves all bytes into the sink.
    fn transfer(&mut self, offer: &Offer, start: u64, watch: Watch<'_>) -> Result<(), Failure> {
        let mut piece = Vec::new();
        piece.try_reserve_exact(self.chunk.max(1)).map_err(|_| Failure::NoMemory)?;
        piece.resize(self.chunk.max(1), 0);
        let (mut filled, mut stored, mut durable) = (0, start, start);
        while stored < offer.size {
            let room = piece.get_mut(filled..).unwrap_or_default();
            let read = self.session.read(room, TICK).map_err(|failure| self.ended_by(failure))?;
            filled += read.bytes;
            let complete = stored + filled as u64 == offer.size;
            if filled < piece.len() && !complete {
                if !watch(Step::Idle) {
                    return Err(Failure::Cancelled);
                }
                continue;
            }
            self.sink.write(piece.get_mut(..filled).unwrap_or_default())?;
            stored += filled as u64;
            filled = 0;
            if stored - durable >= self.every && !complete {
                self.remember(offer)?;
                durable = stored;
            }
            if !watch(Step::Progress { fetched: stored, total: offer.size }) {
                return Err(Failure::Cancelled);
            }
        }
        // An image that was there to its last byte still has to be judged.
        if stored == start {
            self.session.read(&mut [], TICK).map(drop).map_err(|failure| self.ended_by(failure))
        } else {
            Ok(())
        }
    }

    /// Why a read was refused: a cancel from another thread may have struck between two reads.
    fn ended_by(&self, failure: Failure) -> Failure {
        if failure == Failure::State { self.session.failure().unwrap_or(failure) } else { failure }
    }

    /// Makes the bytes durable, then the checkpoint.
    fn remember(&mut self, offer: &Offer) -> Result<(), Failure> {
        let Some(journal) = self.journal.as_mut().filter(|_| self.sink.can_resume()) else { return Ok(()) };
        let Some(checkpoint) = self.session.checkpoint() else { return Ok(()) };
        self.sink.sync()?;
        let mark = self.sink.mark().unwrap_or(0);
        journal.save(&Record { checkpoint, mark }.encode(offer))?;
        Ok(())
    }

    /// All bytes are in the sink and the verdict stands. The journal says so before the image moves to its place, so that
    /// a crash in between costs nothing; where the sink recognises the image later it goes on saying so, since a crash may
    /// strike before the caller has heard.
    fn conclude(&mut self, offer: &Offer) -> Result<bool, Failure> {
        if self.session.verdict() != Some(true) {
            self.abandon(Keep::Nothing);
            return Ok(false);
        }
        self.remember(offer)?;
        self.sink.close(Keep::Image)?;
        if self.sink.mark().is_none() {
            self.forget();
        }
        Ok(true)
    }

    fn abandon(&mut self, keep: Keep) {
        if let Err(error) = self.sink.close(keep) {
            crate::log!(Warning, "download", "{error}");
        }
        if keep == Keep::Nothing {
            self.forget();
        }
    }

    fn forget(&mut self) {
        if let Some(journal) = self.journal.as_mut()
            && let Err(error) = journal.clear()
        {
            crate::log!(Warning, "download", "journal: {error}");
        }
    }
}

impl Record {
    fn encode(&self, offer: &Offer) -> Vec<u8> {
        let mut record = self.checkpoint.encode(offer);
        record.extend_from_slice(&self.mark.to_le_bytes());
        record
    }

    fn decode(record: &[u8], offer: &Offer) -> Option<Self> {
        let (checkpoint, mark) = record.split_last_chunk()?;
        Some(Self { checkpoint: Checkpoint::decode(checkpoint, offer)?, mark: u64::from_le_bytes(*mark) })
    }
}

#[cfg(test)]
mod tests;
