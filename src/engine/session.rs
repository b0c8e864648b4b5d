// SPDX-License-Identifier: MIT OR Apache-2.0
//! One device's updates, one after the other: what a C API holds.

mod reader;

use std::sync::Arc;
use std::time::{Duration, Instant};

use otakit_core::checkpoint::Checkpoint;
use otakit_core::digest::{Algorithm, Hasher, to_hex};
use otakit_core::failure::Failure;
use otakit_core::offer::Offer;
use otakit_core::pace::Floor;
use otakit_core::phase::{Input, Phase};
use otakit_core::retry::RetryPolicy;
use parking_lot::{Mutex, MutexGuard};

use super::driver::{self, Line};
use super::transfer::{Plan, Renew, Shared, Transfer};
use crate::cancel::CancellationToken;
use crate::engine::Policy;
use crate::fetch::Source;
use crate::thread::Birth;
pub use reader::Put;
use reader::Reader;

/// How a session fetches, and what.
#[derive(Clone)]
pub struct Settings {
    /// What offers are accepted.
    pub policy: Policy,
    /// When a broken transfer is given up.
    pub retry_policy: RetryPolicy,
    /// Slots between the fetching thread and the caller.
    pub slots: usize,
    /// Size of a slot in bytes. `slots * slot_size` bounds the heap that a transfer takes for its bytes.
    pub slot_size: usize,
    /// Most bytes per second; `None`: as fast as they come.
    pub rate_limit: Option<u64>,
    /// A download that is slower than this, in bytes per second, is given up; `None`: never.
    pub floor: Option<Floor>,
    /// Longest time from the first read to the last byte.
    pub deadline: Option<Duration>,
    /// When a [`super::Download`] makes its bytes and its journal durable, unless it is told otherwise: whenever so many
    /// bytes came, or so much time has passed and any came.
    pub checkpoint: (u64, Duration),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            retry_policy: RetryPolicy::default(),
            slots: 4,
            slot_size: 16 * 1024,
            rate_limit: None,
            floor: None,
            deadline: None,
            checkpoint: (1024 * 1024, Duration::from_secs(10)),
        }
    }
}

/// What [`Session::read`] brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Bytes written to the front of the caller's buffer; 0 when none came in time.
    pub bytes: usize,
    /// Whether these are the first bytes of the image.
    pub first: bool,
}

/// One update at a time, from offer to verdict. All methods may be called from any thread; only [`Session::read`]
/// blocks, and never longer than its time-out.
pub struct Session {
    source: Arc<dyn Source>,
    settings: Mutex<Settings>,
    renewal: Mutex<Option<Arc<dyn Renew>>>,
    control: Mutex<Control>,
    /// Held while bytes are read; everything that must not wait for that is in `control`.
    reader: Mutex<Option<Reader>>,
}

#[derive(Default)]
struct Control {
    phase: Phase,
    offer: Option<Offer>,
    /// Where the transfer begins, until it has.
    from: Option<Checkpoint>,
    fetched: u64,
    valid: bool,
    paused: bool,
    failure: Option<Failure>,
    /// That failure with all that is known of it.
    words: Option<String>,
    /// Whether the image was put together from several answers.
    joined: bool,
    running: Option<Running>,
    /// Grows whenever what was fetched so far stops counting.
    epoch: u64,
}

/// A transfer that has begun.
struct Running {
    birth: Birth,
    line: Line,
    cancel: CancellationToken,
    shared: Arc<Shared>,
}

impl Control {
    /// In a child of a fork, lets go of a transfer whose thread only the parent has. Nothing of it is touched: that thread
    /// may have held a lock at the moment of the fork.
    fn leave_parent(&mut self) {
        if self.running.as_ref().is_some_and(|running| !running.birth.is_here()) {
            std::mem::forget(self.running.take());
        }
    }

    fn step(&mut self, input: Input) -> Result<(), Failure> {
        self.phase = self.phase.after(input).ok_or(Failure::State)?;
        Ok(())
    }

    fn drop_transfer(&mut self) {
        if let Some(Running { birth: _, line, cancel, shared }) = self.running.take() {
            cancel.cancel();
            shared.wake();
            self.joined |= shared.is_joined();
            line.close();
        }
    }

    fn start_over(&mut self) {
        self.drop_transfer();
        self.from = None;
        self.fetched = 0;
        self.epoch += 1;
    }
}

impl Session {
    /// A session without an offer, fetching from `source`.
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self {
            source,
            settings: Mutex::default(),
            renewal: Mutex::default(),
            control: Mutex::default(),
            reader: Mutex::default(),
        }
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        let mut control = self.control.lock();
        control.leave_parent();
        control
    }

    /// Replaces the settings; a transfer that has begun keeps its own.
    pub fn configure(&self, settings: Settings) {
        *self.settings.lock() = settings;
    }

    /// Sets where fresh URLs come from when one is no longer good.
    pub fn set_renewal(&self, renewal: Option<Arc<dyn Renew>>) {
        *self.renewal.lock() = renewal;
    }

    /// Takes an offer. [`Failure::State`] while an earlier one is being fetched, [`Failure::Policy`] for one that is not
    /// acceptable; the session then stands as before.
    pub fn offer(&self, offer: Offer) -> Result<(), Failure> {
        self.offer_from(offer, None)
    }

    /// Takes an offer, also in place of an earlier one of which no byte was handed out yet.
    pub fn offer_newer(&self, offer: Offer) -> Result<(), Failure> {
        // A read under way may be handing them out.
        let reader = self.reader.try_lock();
        let mut control = self.control.lock();
        if reader.is_some() && control.phase == Phase::Fetching && control.fetched == 0 {
            let judged = self.settings.lock().policy.check(&offer);
            judged.map_err(Failure::Policy)?;
            control.start_over();
            control.offer = Some(offer);
            return Ok(());
        }
        drop(control);
        drop(reader);
        self.offer_from(offer, None)
    }

    /// Takes an offer of which a part is there already: the transfer begins at the checkpoint.
    pub fn offer_from(&self, offer: Offer, from: Option<Checkpoint>) -> Result<(), Failure> {
        let judged = self.settings.lock().policy.check(&offer);
        let mut control = self.control();
        let next = control.phase.after(Input::Offer).ok_or(Failure::State)?;
        judged.map_err(Failure::Policy)?;
        control.phase = next;
        control.start_over();
        control.fetched = from.as_ref().map_or(0, |from| from.offset);
        control.from = from;
        control.offer = Some(offer);
        control.valid = false;
        control.joined = false;
        control.failure = None;
        control.words = None;
        Ok(())
    }

    /// Pauses the transfer: its connection is given up, reads time out. What was fetched stays.
    pub fn pause(&self) {
        self.set_paused(true);
    }

    /// Lets a paused transfer go on where it was.
    pub fn resume(&self) {
        self.set_paused(false);
    }

    fn set_paused(&self, paused: bool) {
        let mut reader = self.reader.try_lock();
        let mut control = self.control();
        control.paused = paused;
        if let Some(running) = &control.running {
            running.shared.set_paused(paused);
            running.line.wake();
            if let Some(reader) = reader.as_mut().and_then(|reader| reader.as_mut()) {
                reader.intake.look();
            }
        }
    }

    /// Lets go of a transfer that is over, unless a read is under way: that one lets go when it ends.
    fn let_go(&self, control: MutexGuard<'_, Control>) {
        let epoch = control.epoch;
        drop(control);
        if let Some(mut reader) = self.reader.try_lock()
            && reader.as_ref().is_some_and(|reader| reader.epoch != epoch)
        {
            *reader = None;
        }
    }

    /// How far the bytes handed out reach, to be remembered once they are stored. `None` unless a transfer is under way
    /// and nobody is reading.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let reader = self.reader.try_lock()?;
        let reader = reader.as_ref()?;
        let control = self.control();
        if reader.epoch != control.epoch {
            return None;
        }
        let validator = control.running.as_ref().and_then(|running| running.shared.validator.lock().clone());
        Some(Checkpoint { offset: reader.fetched, hasher: reader.hasher.clone(), validator })
    }

    /// Size of the largest image that the policy accepts.
    #[cfg(feature = "delta")]
    pub(super) fn max_size(&self) -> Option<u64> {
        self.settings.lock().policy.max_size
    }

    /// When downloads are made durable.
    pub(super) fn checkpoint_every(&self) -> (u64, Duration) {
        self.settings.lock().checkpoint
    }

    /// Where the session stands.
    pub fn phase(&self) -> Phase {
        self.control().phase
    }

    /// The offer taken last.
    pub fn current(&self) -> Option<Offer> {
        self.control().offer.clone()
    }

    /// Bytes handed out, and the size of the image. `None` without an offer.
    pub fn progress(&self) -> Option<(u64, u64)> {
        let control = self.control();
        control.offer.as_ref().map(|offer| (control.fetched, offer.size))
    }

    /// Whether the image is complete and its digest is the offer's. `None` until the session is finished.
    pub fn verdict(&self) -> Option<bool> {
        let control = self.control();
        (control.phase == Phase::Finished).then_some(control.valid)
    }

    /// What the last transfer failed of.
    pub fn failure(&self) -> Option<Failure> {
        self.control().failure.clone()
    }

    /// What the last transfer failed of, in words: where it went, what came back, what helps.
    pub fn failure_words(&self) -> Option<String> {
        let control = self.control();
        let failure = control.failure.as_ref()?;
        Some(control.words.clone().unwrap_or_else(|| failure.to_string()))
    }

    /// Whether the last image was put together from several answers, each of which may have been of another version: one
    /// that turned out wrong may be right when it is fetched in one piece.
    pub fn is_joined(&self) -> bool {
        self.control().joined
    }

    /// The image is wanted from its first byte again. A read under way in another thread ends with
    /// [`Failure::Cancelled`].
    pub fn restart(&self) -> Result<(), Failure> {
        let mut control = self.control();
        control.step(Input::Restart)?;
        control.start_over();
        self.let_go(control);
        Ok(())
    }

    /// The image is wanted from there on: what comes before it is not needed any more.
    #[cfg(feature = "delta")]
    pub(super) fn restart_from(&self, from: Checkpoint) -> Result<(), Failure> {
        let mut control = self.control();
        control.step(Input::Restart)?;
        control.start_over();
        control.fetched = from.offset;
        control.from = Some(from);
        self.let_go(control);
        Ok(())
    }

    /// Ends a transfer; a read under way returns at once. The session then stands as after a failed transfer.
    pub fn cancel(&self) {
        let mut control = self.control();
        control.start_over();
        if control.step(Input::End).is_ok() {
            control.valid = false;
            control.failure = Some(Failure::Cancelled);
            control.words = None;
        }
        self.let_go(control);
    }

    /// The image came to nothing after all, whatever its digest says: it could not be stored, say. The session then stands
    /// as after a failed transfer.
    pub fn give_up(&self, failure: Failure) {
        let mut control = self.control();
        control.start_over();
        if control.phase == Phase::Finished || control.step(Input::End).is_ok() {
            control.valid = false;
            control.failure = Some(failure);
            control.words = None;
        }
        self.let_go(control);
    }

    /// Whether a read is under way.
    pub fn is_read(&self) -> bool {
        self.reader.is_locked()
    }

    /// Fills `out` with the next bytes of the image; see [`Session::read_with`].
    pub fn read(&self, out: &mut [u8], timeout: Duration) -> Result<Read, Failure> {
        let mut rest = &mut *out;
        self.read_with(rest.len(), timeout, &mut |bytes| {
            // Never more than there is room for, as asked below.
            if let Some((front, back)) = std::mem::take(&mut rest).split_at_mut_checked(bytes.len()) {
                front.copy_from_slice(bytes);
                rest = back;
            }
        })
    }

    /// Hands the next bytes of the image to `put`, piece by piece and in order, until there were `room` of them, the image
    /// ends or `timeout` has passed. `put` must be quick: the time-out does not count it, and the session is locked against
    /// other reads meanwhile.
    ///
    /// With the last byte the session is finished and its verdict stands. An error other than [`Failure::State`] and
    /// [`Failure::Cancelled`] finishes it too: there is nothing more to come.
    pub fn read_with(&self, room: usize, timeout: Duration, put: Put<'_>) -> Result<Read, Failure> {
        let now = Instant::now();
        // A time-out beyond what the clock can count is no time-out in practice.
        let end = now.checked_add(timeout).unwrap_or(now + Duration::from_secs(u32::MAX.into()));
        let mut reader = self.reader.try_lock().ok_or(Failure::State)?;
        self.attach(&mut reader)?;
        let Some(reader) = reader.as_mut() else { return Err(Failure::Internal) };
        let first = reader.fetched == 0;
        let limit = reader.deadline.map_or(end, |deadline| deadline.min(end));
        // Bytes that are ready do not stretch the time for the whole.
        if reader.is_late(now) {
            return Err(self.fail(reader.epoch, Failure::Deadline));
        }
        match reader.take(room, limit, put) {
            Ok(0) if reader.is_late(Instant::now()) => Err(self.fail(reader.epoch, Failure::Deadline)),
            Ok(bytes) => {
                self.account(reader)?;
                Ok(Read { bytes, first })
            }
            Err(failure) => Err(self.fail(reader.epoch, failure)),
        }
    }

    /// Makes `reader` read the current transfer, starting it when it has not begun.
    fn attach(&self, reader: &mut Option<Reader>) -> Result<(), Failure> {
        let mut control = self.control();
        control.step(Input::Read)?;
        if reader.as_ref().is_some_and(|reader| reader.epoch == control.epoch) && control.running.is_some() {
            return Ok(());
        }
        let offer = control.offer.clone().ok_or(Failure::State)?;
        let settings = self.settings.lock().clone();
        // A transfer that a fork has left behind goes on in the child where its bytes were handed out.
        let (left, deadline) = match reader.take_if(|reader| reader.epoch == control.epoch) {
            Some(left) => {
                let at = Checkpoint { offset: left.fetched, hasher: left.hasher.clone(), validator: None };
                let deadline = left.deadline;
                // Its pipe is shared with a thread that is not here.
                std::mem::forget(left);
                (Some(at), deadline)
            }
            None => (None, settings.deadline.and_then(|deadline| Instant::now().checked_add(deadline))),
        };
        let Checkpoint { offset, hasher, validator } =
            left.or_else(|| control.from.take()).unwrap_or_else(|| Checkpoint::start(&offer));
        let cancel = CancellationToken::new();
        let shared = Arc::new(Shared::new(validator, control.paused));
        let size = offer.size;
        let plan = Plan {
            source: self.source.clone(),
            offer,
            cancel: cancel.clone(),
            shared: shared.clone(),
            retry_policy: settings.retry_policy,
            rate_limit: settings.rate_limit,
            floor: settings.floor,
            policy: settings.policy,
            renewal: self.renewal.lock().clone(),
        };
        let transfer = Transfer::new(plan, offset);
        let (line, intake, started) = driver::start(transfer, settings.slots, settings.slot_size);
        let epoch = control.epoch;
        *reader = Some(Reader { epoch, deadline, size, fetched: offset, intake, hasher });
        control.running = Some(Running { birth: Birth::now(), line, cancel, shared });
        drop(control);
        started.map_err(|failure| self.fail(epoch, failure))
    }

    /// Enters what was read; with the last byte, judges the image.
    fn account(&self, reader: &mut Reader) -> Result<(), Failure> {
        let mut control = self.control();
        if control.epoch != reader.epoch {
            return Err(Failure::Cancelled);
        }
        control.fetched = reader.fetched;
        if reader.fetched == reader.size {
            control.step(Input::End)?;
            control.drop_transfer();
            let verdict = control
                .offer
                .as_ref()
                .map_or(Err(Failure::Internal), |offer| self.judge(offer, &reader.hasher));
            control.valid = verdict == Ok(true);
            control.failure = verdict.err();
            let words = control.failure.as_ref().zip(control.offer.as_ref());
            control.words = words.map(|(failure, offer)| self.blame(offer, &reader.hasher, failure));
            let words = control.words.clone();
            // A firmware's log output may call back into the library.
            drop(control);
            if let Some(words) = words {
                crate::log!(Error, "engine", "image is not valid: {words}");
            }
        }
        Ok(())
    }

    /// Judges a complete image. `false`: it was promised neither a digest nor a signature that can be checked, so there is
    /// no verdict.
    fn judge(&self, offer: &Offer, hasher: &Hasher) -> Result<bool, Failure> {
        let has_digest = !offer.digest.is_unknown();
        let digest = hasher.finish(offer.digest.algorithm()).ok_or(Failure::Internal)?;
        if has_digest && !offer.digest.matches(&digest) {
            return Err(Failure::Digest);
        }
        let policy = self.settings.lock().policy.clone();
        let sha256 = hasher.finish(Algorithm::Sha256).unwrap_or_default();
        match policy.signed(&sha256, offer.signature.as_deref()) {
            Some(true) => Ok(true),
            Some(false) => Err(Failure::Signature),
            // Whether an unsigned image is acceptable was decided when it was offered.
            None => Ok(has_digest),
        }
    }

    /// Why a complete image is not valid, with what came and what was promised.
    fn blame(&self, offer: &Offer, hasher: &Hasher, failure: &Failure) -> String {
        let version = match offer.version.as_str() {
            "" => String::new(),
            version => format!("version {version}, "),
        };
        match failure {
            Failure::Digest => {
                let algorithm = offer.digest.algorithm();
                let found = hasher.finish(algorithm).unwrap_or_default();
                format!(
                    "{failure}: {version}{} is {}, promised is {}; offer the file that is on the server, or upload the \
                     one that was offered",
                    algorithm.name(),
                    to_hex(&found),
                    offer.digest.to_hex()
                )
            }
            Failure::Signature => {
                let keys = self.settings.lock().policy.keys.len();
                format!(
                    "{failure}: {version}trusted keys: {keys}, none of which made it; sign the image's SHA-256, or trust \
                     the signer's key (otakit_policy_trust_key)"
                )
            }
            failure => failure.to_string(),
        }
    }

    /// Why an offer was not taken, in words: what it has, and what the policy asks for.
    pub fn refusal(&self, offer: &Offer, failure: &Failure) -> String {
        match failure {
            Failure::Policy(violation) => self.settings.lock().policy.explain(*violation, offer),
            failure => failure.to_string(),
        }
    }

    fn fail(&self, epoch: u64, failure: Failure) -> Failure {
        let words = {
            let control = self.control();
            let running = control.running.as_ref().filter(|_| control.epoch == epoch);
            let told = running.and_then(|running| running.shared.told.lock().take());
            let (fetched, size) = (control.fetched, control.offer.as_ref().map_or(0, |offer| offer.size));
            match failure {
                Failure::Deadline => {
                    format!("{failure}: {fetched} of {size} bytes have come; see OTAKIT_OPTION_DEADLINE_MS")
                }
                _ => told.unwrap_or_else(|| failure.to_string()),
            }
        };
        // With no lock held: a firmware's log output may call back into the library.
        crate::log!(Error, "engine", "transfer failed: {words}");
        let mut control = self.control();
        if control.epoch != epoch {
            return Failure::Cancelled;
        }
        control.words = Some(words);
        control.drop_transfer();
        control.valid = false;
        control.failure = Some(failure.clone());
        control.step(Input::End).err().unwrap_or(failure)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let control = self.control.get_mut();
        control.leave_parent();
        control.drop_transfer();
    }
}

#[cfg(test)]
mod tests;
