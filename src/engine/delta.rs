// SPDX-License-Identifier: MIT OR Apache-2.0
//! A download of a delta package: while it comes, it and the image that is there make the next image.
//!
//! The session fetches and verifies the package as it would an image; what is stored is what the package makes. Each block of
//! the result is a place to go on from: the journal has the package's checkpoint and the machine's point there in one record.

mod record;

use std::time::Instant;

use otakit_core::checkpoint::Checkpoint;
use otakit_core::delta::{Apply, DeltaError, HEADER_LEN, Header, Limits, Point, Step as Want};
use otakit_core::digest::Hasher;
use otakit_core::failure::{DeltaFailure, Failure};
use otakit_core::fetch::FetchError;
use otakit_core::offer::Offer;
use otakit_core::policy::PolicyViolation;
use otakit_core::store::StoreError;
use sha2::{Digest as _, Sha256};

use super::Session;
use super::download::{Step, Watch};
use super::storage::{NOTE_EVERY, Storage, TICK, buffer};
use crate::store::{Base, Journal, Keep, Sink};
use record::Record;

/// Bytes of the package that are read at once.
const PACKAGE: usize = 2 * 1024;
/// Bytes of the base that are read at once.
const BASE: usize = 8 * 1024;
/// Bytes of the result that are written at once, and what the machine may add to them.
const RESULT: usize = 4 * 1024;

/// One update by a delta package.
pub struct DeltaDownload<'s, 'a> {
    /// Fetches and verifies the package.
    pub session: &'s Session,
    /// The image that is there.
    pub base: &'a dyn Base,
    /// Takes the image that is made.
    pub sink: &'a mut dyn Sink,
    /// Remembers how far it got; `None`: begins at byte 0 each time.
    pub journal: Option<&'a mut dyn Journal>,
    /// Most bytes of memory that a package may ask for.
    pub memory: usize,
}

struct Run<'s, 'a, 'o> {
    session: &'s Session,
    base: &'a dyn Base,
    storage: Storage<'a>,
    memory: usize,
    offer: &'o Offer,
}

/// The package, as far as it was read.
struct Package {
    bytes: Vec<u8>,
    /// What of `bytes` is still to be taken.
    left: std::ops::Range<usize>,
    /// Bytes of the package that were taken, and their digest.
    at: u64,
    hasher: Hasher,
}

/// The result, as far as it was made.
struct Made {
    bytes: Vec<u8>,
    stored: u64,
    durable: u64,
    noted: u64,
    since: Instant,
}

impl DeltaDownload<'_, '_> {
    /// Fetches the package that `offer` describes and applies it. The verdict: whether the package is the one that was
    /// promised, and the image that it makes is complete, right and in its place.
    ///
    /// Nothing is written before the whole base was seen to be the right one, and the base is never written. A package that
    /// was put together from parts and turns out wrong is fetched once more from its first byte.
    pub fn run(self, offer: &Offer, watch: Watch<'_>) -> Result<bool, Failure> {
        let Self { session, base, sink, journal, memory } = self;
        let mut run = Run { session, base, storage: Storage::new(sink, journal), memory, offer };
        run.storage.sink().prepare()?;
        let from = run.recall(watch).inspect_err(|_| run.storage.abandon(Keep::Part))?;
        let resumed = from.is_some();
        match run.attempt(from, watch) {
            Ok(false) | Err(Failure::Delta(DeltaFailure::Package)) if resumed || session.is_joined() => {
                crate::log!(
                    Warning,
                    "delta",
                    "package of several parts is not valid: fetching it in one piece"
                );
            }
            Err(Failure::Fetch(FetchError::Changed)) => {
                crate::log!(Warning, "delta", "{}: fetching it from its first byte", FetchError::Changed);
            }
            outcome => return outcome,
        }
        run.storage.sink().prepare()?;
        run.attempt(None, watch)
    }
}

impl Run<'_, '_, '_> {
    /// How far an earlier life got with this very package, as far as the stored bytes prove it.
    fn recall(&mut self, watch: Watch<'_>) -> Result<Option<Record>, Failure> {
        let Some(journal) = self.storage.journal() else { return Ok(None) };
        let records = journal.load();
        let told = records.iter().enumerate();
        let mut told: Vec<(usize, Record)> =
            told.filter_map(|(index, bytes)| Some((index, Record::decode(bytes, self.offer)?))).collect();
        if told.is_empty() {
            if !records.is_empty() {
                crate::log!(Info, "delta", "journal is torn or of another update: dropped");
            }
            return Ok(None);
        }
        if !self.storage.sink().can_read() {
            return Ok(told.into_iter().next().map(|(_, record)| record));
        }
        told.sort_by_key(|(_, record)| record.made);
        let mut proven = self.prove(&told, watch)?;
        let complete = told.last().filter(|(_, last)| last.checkpoint.offset == self.offer.size);
        if proven.is_none()
            && let Some((_, last)) = complete
            && self.storage.sink().adopt(last.made)
        {
            let whole = self.prove(&told, watch)?;
            proven = whole.filter(|(_, record)| record.checkpoint.offset == self.offer.size);
        }
        let Some((index, record)) = proven else {
            crate::log!(Warning, "delta", "stored bytes are not those of the journal: dropped");
            return Ok(None);
        };
        // What is built on has to be as durable as the journal will say.
        self.storage.sink().sync()?;
        if let Some(journal) = self.storage.journal() {
            let _ = journal.settle(index);
        }
        Ok(Some(record))
    }

    /// The last of the records, in ascending order, that the stored bytes agree with.
    fn prove(
        &mut self,
        told: &[(usize, Record)],
        watch: Watch<'_>,
    ) -> Result<Option<(usize, Record)>, Failure> {
        let (mut digest, mut at, mut proven) = (Sha256::new(), 0, None);
        let stored = self.storage.sink().stored();
        for (index, record) in told.iter().filter(|(_, record)| record.made <= stored) {
            match self.storage.read_through(at, record.made, &mut |bytes| digest.update(bytes), watch) {
                Ok(true) => {}
                // What cannot be read is not there.
                Ok(false) | Err(Failure::Store(_)) => break,
                Err(failure) => return Err(failure),
            }
            at = record.made;
            if <[u8; 32]>::from(digest.clone().finalize()) == record.point.digest() {
                proven = Some((*index, record.clone()));
            }
        }
        Ok(proven)
    }

    fn attempt(&mut self, from: Option<Record>, watch: Watch<'_>) -> Result<bool, Failure> {
        self.storage.resumable = from.is_some();
        let outcome = match from {
            Some(record) if record.checkpoint.offset == self.offer.size => self.take_over(record, watch),
            from => self.update(from, watch),
        };
        match &outcome {
            Ok(true) => {}
            Ok(false) => self.storage.abandon(Keep::Nothing),
            Err(failure) => {
                self.session.give_up(failure.clone());
                let keep = if self.storage.resumable { Keep::Part } else { Keep::Nothing };
                self.storage.abandon(keep);
            }
        }
        outcome
    }

    /// Lets the session fetch the package from there on.
    fn begin(&mut self, from: Option<Checkpoint>) -> Result<(), Failure> {
        let (session, offer) = (self.session, self.offer);
        session.cancel();
        session.offer_from(offer.clone(), from).inspect_err(|failure| {
            crate::log!(Error, "delta", "package refused: {}", session.refusal(offer, failure));
        })
    }

    /// An image that an earlier life completed, and proved.
    fn take_over(&mut self, record: Record, watch: Watch<'_>) -> Result<bool, Failure> {
        let resumed_at = record.checkpoint.offset;
        self.begin(Some(record.checkpoint))?;
        if !watch(Step::Started { resumed_at }) {
            return Err(Failure::Cancelled);
        }
        self.read(&mut [])?;
        if self.session.verdict() != Some(true) {
            return Ok(false);
        }
        self.storage.sink().close(Keep::Image)?;
        Ok(true)
    }

    fn update(&mut self, from: Option<Record>, watch: Watch<'_>) -> Result<bool, Failure> {
        self.begin(None)?;
        let resumed_at = from.as_ref().map_or(0, |record| record.checkpoint.offset);
        if !watch(Step::Started { resumed_at }) {
            return Err(Failure::Cancelled);
        }
        let mut front = [0; HEADER_LEN];
        self.read_front(&mut front, watch)?;
        let header = self.admitted(&front)?;
        let size = header.result_size;
        let made = from.as_ref().map_or(0, |record| record.made);
        let memory = buffer(header.memory())?;
        let resumed = from.as_ref().map(|record| record.point.clone());
        let mut apply = match resumed {
            Some(point) => Apply::resume(header, point, memory),
            None => Apply::new(header, memory),
        }
        .map_err(spoilt)?;
        match &from {
            Some(_) => self.storage.sink().open(made, size)?,
            None => self.storage.open_empty(size)?,
        }
        let mut hasher = self.offer.hasher();
        hasher.update(&front);
        let package = Package { bytes: buffer(PACKAGE)?, left: 0..0, at: HEADER_LEN as u64, hasher };
        let point = self.make(&mut apply, package, from, watch)?;
        self.conclude(point, apply.header(), watch)
    }

    /// Reads the package's header.
    fn read_front(&self, front: &mut [u8], watch: Watch<'_>) -> Result<(), Failure> {
        if self.offer.size < front.len() as u64 {
            return Err(spoilt(DeltaError::Truncated));
        }
        let mut filled = 0;
        while let Some(room) = front.get_mut(filled..).filter(|room| !room.is_empty()) {
            filled += self.next_bytes(room, watch)?;
        }
        Ok(())
    }

    /// The next bytes of the package; 0 when none came yet.
    fn next_bytes(&self, room: &mut [u8], watch: Watch<'_>) -> Result<usize, Failure> {
        let read = self.read(room)?;
        if read == 0 && !watch(Step::Idle) {
            return Err(Failure::Cancelled);
        }
        Ok(read)
    }

    fn read(&self, room: &mut [u8]) -> Result<usize, Failure> {
        let read = self.session.read(room, TICK).map_err(|failure| {
            // A cancel from another thread may have struck between two reads.
            if failure == Failure::State { self.session.failure().unwrap_or(failure) } else { failure }
        })?;
        Ok(read.bytes)
    }

    fn admitted(&self, front: &[u8; HEADER_LEN]) -> Result<Header, Failure> {
        let header = Header::parse(front).map_err(spoilt)?;
        let result = self.session.max_size().unwrap_or(u64::MAX);
        let limits = Limits { memory: self.memory, result, package: Some(self.offer.size) };
        header.admit(&limits).map_err(spoilt)?;
        if header.result_size == 0 {
            return Err(spoilt(DeltaError::ResultSize(0)));
        }
        crate::log!(
            Info,
            "delta",
            "package of {} bytes makes an image of {} bytes out of one of {}",
            header.package_size,
            header.result_size,
            header.base_size
        );
        Ok(header)
    }

    /// Runs the machine to its end. Returns the point after the last block.
    fn make(
        &mut self,
        apply: &mut Apply<Vec<u8>>,
        mut package: Package,
        mut from: Option<Record>,
        watch: Watch<'_>,
    ) -> Result<Point, Failure> {
        let (mut base, mut last, mut told) = (buffer(BASE)?, None, Instant::now());
        let mut made = Made::new(from.as_ref().map_or(0, |record| record.made))?;
        let front = apply.header().blocks_at();
        loop {
            match package.give(apply)? {
                Want::Package { offset } => {
                    if let Some(record) = from.take_if(|_| package.at == front) {
                        if offset != record.checkpoint.offset {
                            return Err(spoilt(DeltaError::ResumePoint));
                        }
                        package.go_on(&record.checkpoint);
                        self.session.restart_from(record.checkpoint)?;
                    }
                    // What lies between the index and the place to go on from is not needed.
                    let room = if from.is_some() { front - package.at } else { PACKAGE as u64 };
                    package.fill(room, |room| self.next_bytes(room, watch))?;
                }
                Want::Base { offset, len } => {
                    let room = base.get_mut(..len.min(BASE)).unwrap_or_default();
                    let read = self.base.read(offset, room);
                    // Its words are in the log.
                    let read = read.map_err(|_| Failure::Delta(DeltaFailure::Base))?;
                    apply.base(room.get(..read).unwrap_or_default()).map_err(spoilt)?;
                }
                Want::Output => {
                    made.bytes.extend_from_slice(apply.output());
                    if made.bytes.len() > RESULT {
                        made.flush(self.storage.sink())?;
                    }
                }
                Want::Block(point) => {
                    made.flush(self.storage.sink())?;
                    self.note(&point, &mut made, &package)?;
                    last = Some(point);
                    told = Instant::now();
                    if !watch(Step::Progress { fetched: package.at, total: self.offer.size }) {
                        return Err(Failure::Cancelled);
                    }
                }
                Want::Done => return last.ok_or(Failure::Internal),
            }
            if told.elapsed() >= TICK {
                told = Instant::now();
                // The base of a slow device is read for long, and another thread may have cancelled meanwhile.
                if !watch(Step::Idle) || self.session.failure() == Some(Failure::Cancelled) {
                    return Err(Failure::Cancelled);
                }
            }
        }
    }

    /// Remembers the end of a block, apart from the last one, after which there is more to prove.
    fn note(&mut self, point: &Point, made: &mut Made, package: &Package) -> Result<(), Failure> {
        let (bytes, time) = self.session.checkpoint_every();
        let durable = made.stored - made.durable >= bytes || made.since.elapsed() >= time;
        if package.at == self.offer.size || !(durable || made.stored - made.noted >= NOTE_EVERY) {
            return Ok(());
        }
        let validator = self.session.checkpoint().and_then(|checkpoint| checkpoint.validator);
        let checkpoint = Checkpoint { offset: package.at, hasher: package.hasher.clone(), validator };
        self.remember(point, made.stored, checkpoint, durable)?;
        made.noted = made.stored;
        if durable {
            (made.durable, made.since) = (made.stored, Instant::now());
        }
        Ok(())
    }

    fn remember(
        &mut self,
        point: &Point,
        made: u64,
        checkpoint: Checkpoint,
        durable: bool,
    ) -> Result<(), StoreError> {
        let record = Record { made, point: point.clone(), checkpoint };
        self.storage.remember(durable, || Some(record.encode(self.offer)))
    }

    /// The whole image was made. It is read once more, and the journal says that it is complete before it moves to its place,
    /// so that a crash in between costs nothing.
    fn conclude(&mut self, point: Point, header: &Header, watch: Watch<'_>) -> Result<bool, Failure> {
        if self.session.verdict() != Some(true) {
            return Ok(false);
        }
        let size = header.result_size;
        if let Some(checkpoint) = self.session.checkpoint() {
            self.remember(&point, size, checkpoint, true)?;
        }
        if self.storage.sink().can_read() {
            let mut digest = Sha256::new();
            let read = self.storage.read_through(0, size, &mut |bytes| digest.update(bytes), watch)?;
            if !read || <[u8; 32]>::from(digest.finalize()) != header.result {
                return Err(self.storage.is_not_what_was_written());
            }
        }
        self.storage.sink().close(Keep::Image)?;
        if !self.storage.sink().can_read() {
            self.storage.forget();
        }
        Ok(true)
    }
}

impl Package {
    /// Lets the machine take what it needs of the bytes that are there.
    fn give(&mut self, apply: &mut Apply<Vec<u8>>) -> Result<Want, Failure> {
        let bytes = self.bytes.get(self.left.clone()).unwrap_or_default();
        let mut rest = bytes;
        let want = apply.step(&mut rest).map_err(spoilt)?;
        let taken = bytes.len() - rest.len();
        self.hasher.update(bytes.get(..taken).unwrap_or_default());
        self.left.start += taken;
        self.at += taken as u64;
        Ok(want)
    }

    /// Reads more, at most `room` bytes.
    fn fill(
        &mut self,
        room: u64,
        read: impl FnOnce(&mut [u8]) -> Result<usize, Failure>,
    ) -> Result<(), Failure> {
        let room = usize::try_from(room).unwrap_or(PACKAGE).min(PACKAGE);
        self.left = 0..read(self.bytes.get_mut(..room).unwrap_or_default())?;
        Ok(())
    }

    /// What is read next is what follows there.
    fn go_on(&mut self, from: &Checkpoint) {
        (self.at, self.hasher, self.left) = (from.offset, from.hasher.clone(), 0..0);
    }
}

impl Made {
    fn new(stored: u64) -> Result<Self, Failure> {
        let mut bytes = buffer(RESULT + otakit_core::delta::PIECE)?;
        bytes.clear();
        Ok(Self { bytes, stored, durable: stored, noted: stored, since: Instant::now() })
    }

    fn flush(&mut self, sink: &mut dyn Sink) -> Result<(), StoreError> {
        if !self.bytes.is_empty() {
            sink.write(&mut self.bytes)?;
            self.stored += self.bytes.len() as u64;
            self.bytes.clear();
        }
        Ok(())
    }
}

/// What a package's error is to those who asked for the update. The words go to the log.
fn spoilt(error: DeltaError) -> Failure {
    let (failure, advice) = match error {
        DeltaError::BaseShort | DeltaError::BaseDigest => {
            (Failure::Delta(DeltaFailure::Base), "offer the package for this image, or the full image")
        }
        DeltaError::Memory { .. } => (
            Failure::Delta(DeltaFailure::Memory),
            "make it with a smaller dictionary or larger blocks; see OTAKIT_OPTION_DELTA_MEMORY",
        ),
        DeltaError::ResultSize(1..) => (Failure::Policy(PolicyViolation::Size), "see otakit_policy_max_size"),
        DeltaError::Foreign(_) | DeltaError::NotDelta => {
            (Failure::Delta(DeltaFailure::Package), "offer what `otakit-delta make` made")
        }
        _ => (Failure::Delta(DeltaFailure::Package), "make it again, and upload it again"),
    };
    crate::log!(Error, "delta", "{error}; {advice}");
    failure
}

#[cfg(test)]
mod tests;
