// SPDX-License-Identifier: MIT OR Apache-2.0
//! A whole download into a place of the library's own: blocking, resumed over restarts of the process.
//!
//! Bytes are written on the caller's thread while the fetching thread brings the next ones. Every so many bytes the sink
//! is made durable, and only then is the journal told durably; in between the journal is told what a crash of the process
//! alone would leave. What a journal says counts only when the stored bytes prove it.

mod proof;

use std::time::Instant;

use otakit_core::checkpoint::Checkpoint;
use otakit_core::failure::Failure;
use otakit_core::fetch::FetchError;
use otakit_core::offer::Offer;
use otakit_core::store::StoreError;

use super::Session;
use super::storage::{NOTE_EVERY, Storage, TICK, buffer};
use crate::store::{Journal, Keep, Sink};

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
    /// Remembers how far it got; `None`: begins at byte 0 each time.
    pub journal: Option<&'a mut dyn Journal>,
    /// Bytes handed to the sink at once, except for the last.
    pub chunk: usize,
    /// Bytes between two checkpoints that survive a power loss; 0: as the session's settings say.
    pub every: u64,
    /// Whether the journal goes on saying that the image is there, so that another call fetches nothing.
    pub keep_record: bool,
}

/// Called after each piece and at least every 100 ms; `false` cancels.
pub type Watch<'a> = &'a mut dyn FnMut(Step) -> bool;

/// What is known of a download while it runs.
struct Run<'s, 'a, 'o> {
    session: &'s Session,
    storage: Storage<'a>,
    chunk: usize,
    every: u64,
    keep_record: bool,
    offer: &'o Offer,
    /// The stored bytes up to here were read again and found right.
    proven: u64,
    /// They are those of the image in its place.
    adopted: bool,
}

impl<'s, 'a> Download<'s, 'a> {
    /// Downloads `offer`. The verdict: whether the image is complete, verified and in its place.
    ///
    /// The sink's place is judged and taken before anything is fetched. Bytes that were kept, and an image that is in its
    /// place already, are read again before they count. An image that was put together from parts and turns out wrong is
    /// fetched once more from its first byte, as is one whose server says that a part does not fit.
    pub fn run(self, offer: &Offer, watch: Watch<'_>) -> Result<bool, Failure> {
        let Self { session, sink, journal, chunk, every, keep_record } = self;
        let storage = Storage::new(sink, journal);
        let mut run = Run { session, storage, chunk, every, keep_record, offer, proven: 0, adopted: false };
        run.storage.sink().prepare()?;
        let from = run.recall(watch).inspect_err(|_| run.storage.abandon(Keep::Part))?;
        let resumed = from.is_some();
        match run.attempt(from, watch) {
            Ok(false) if resumed || session.is_joined() => {
                crate::log!(
                    Warning,
                    "download",
                    "image of several parts is not valid: fetching it in one piece"
                );
            }
            Err(Failure::Fetch(FetchError::Changed)) => {
                crate::log!(Warning, "download", "{}: fetching it from its first byte", FetchError::Changed);
            }
            outcome => return outcome,
        }
        run.storage.sink().prepare()?;
        run.attempt(None, watch)
    }
}

impl Run<'_, '_, '_> {
    fn attempt(&mut self, from: Option<Checkpoint>, watch: Watch<'_>) -> Result<bool, Failure> {
        let resumed_at = from.as_ref().map_or(0, |from| from.offset);
        self.storage.resumable = from.is_some();
        let session = self.session;
        // C APIs hand over a session that has taken the offer already.
        session.cancel();
        session.offer_from(self.offer.clone(), from).inspect_err(|failure| {
            crate::log!(Error, "download", "offer refused: {}", session.refusal(self.offer, failure));
            self.storage.abandon(Keep::Part);
        })?;
        if !watch(Step::Started { resumed_at }) {
            session.give_up(Failure::Cancelled);
            self.storage.abandon(Keep::Part);
            return Err(Failure::Cancelled);
        }
        let opened = match self.open(resumed_at) {
            // A firmware that does not want to go on is not to be asked for ever.
            Err(StoreError::Mismatch) if resumed_at > 0 => {
                crate::log!(Info, "download", "not gone on with at byte {resumed_at}: beginning again");
                return self.attempt(None, watch);
            }
            opened => opened.map_err(Failure::from),
        };
        let outcome =
            opened.and_then(|()| self.transfer(resumed_at, watch)).and_then(|()| self.conclude(watch));
        if let Err(failure) = &outcome {
            session.give_up(failure.clone());
            let keep = if self.storage.resumable { Keep::Part } else { Keep::Nothing };
            self.storage.abandon(keep);
        }
        outcome
    }

    /// Prepares the sink for the bytes from `offset` on.
    fn open(&mut self, offset: u64) -> Result<(), StoreError> {
        let size = self.offer.size;
        if offset > 0 {
            // An image in its place needs no writing.
            return if self.adopted { Ok(()) } else { self.storage.sink().open(offset, size) };
        }
        (self.proven, self.adopted) = (0, false);
        self.storage.open_empty(size)
    }

    /// Moves all bytes into the sink.
    fn transfer(&mut self, start: u64, watch: Watch<'_>) -> Result<(), Failure> {
        let (session, size, chunk) = (self.session, self.offer.size, self.chunk.max(1));
        let mut piece = buffer(chunk)?;
        let (bytes, time) = match (self.every, session.checkpoint_every()) {
            (0, every) => every,
            (bytes, (_, time)) => (bytes, time),
        };
        let (mut filled, mut stored, mut durable, mut noted) = (0, start, start, start);
        let mut since = Instant::now();
        while stored < size {
            let room = piece.get_mut(filled..).unwrap_or_default();
            let read = session.read(room, TICK).map_err(|failure| self.ended_by(failure))?;
            filled += read.bytes;
            let complete = stored + filled as u64 == size;
            if filled < piece.len() && !complete {
                if !watch(Step::Idle) {
                    return Err(Failure::Cancelled);
                }
                continue;
            }
            self.storage.sink().write(piece.get_mut(..filled).unwrap_or_default())?;
            stored += filled as u64;
            filled = 0;
            if !complete && (stored - durable >= bytes || since.elapsed() >= time) {
                self.remember(true)?;
                (durable, noted, since) = (stored, stored, Instant::now());
            } else if !complete && stored - noted >= NOTE_EVERY {
                self.remember(false)?;
                noted = stored;
            }
            if !watch(Step::Progress { fetched: stored, total: size }) {
                return Err(Failure::Cancelled);
            }
        }
        // An image that was there to its last byte still has to be judged.
        if stored == start {
            session.read(&mut [], TICK).map(drop).map_err(|failure| self.ended_by(failure))
        } else {
            Ok(())
        }
    }

    /// Why a read was refused: a cancel from another thread may have struck between two reads.
    fn ended_by(&self, failure: Failure) -> Failure {
        if failure == Failure::State { self.session.failure().unwrap_or(failure) } else { failure }
    }

    /// Tells the journal how far it got; `durable`: once the bytes are.
    fn remember(&mut self, durable: bool) -> Result<(), StoreError> {
        let (session, offer) = (self.session, self.offer);
        self.storage.remember(durable, || session.checkpoint().map(|checkpoint| checkpoint.encode(offer)))
    }

    /// All bytes are in the sink and the verdict stands. What is stored is read once more, and the journal says that it is
    /// complete before the image moves to its place, so that a crash in between costs nothing; where the sink can tell the
    /// image later the journal goes on saying so, since a crash may strike before the caller has heard.
    fn conclude(&mut self, watch: Watch<'_>) -> Result<bool, Failure> {
        if self.session.verdict() != Some(true) {
            self.storage.abandon(Keep::Nothing);
            return Ok(false);
        }
        self.remember(true)?;
        self.prove_all(watch)?;
        self.storage.sink().close(Keep::Image)?;
        if !self.keep_record || !self.storage.sink().can_read() {
            self.storage.forget();
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
