// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fetching thread of a transfer: opens the source, fills the pipe, and goes on where a transfer broke.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use otakit_core::course::{Course, SLOW_WINDOWS, Speed};
use otakit_core::failure::Failure;
use otakit_core::fetch::{Class, FetchError, Validator};
use otakit_core::net::NetError;
use otakit_core::offer::Offer;
use otakit_core::pace::{Floor, Limiter};
use otakit_core::retry::{Decision, Patience};
use parking_lot::{Condvar, Mutex};

use super::pipe::Pipe;
use crate::cancel::Cancel;
use crate::engine::Policy;
use crate::fetch::{Body, Opened, Request, Source};
use crate::net::trace;
use crate::system;

/// A slot with fewer bytes than this is filled further while a caller waits, for …
const FEW: usize = 1024;
/// … at most so long: many tiny pieces must not cost a wake-up each.
const SHORTLY: Duration = Duration::from_millis(4);

/// Gets a fresh offer of an image whose URL is no longer good. Called on the fetching thread; may block, but must return
/// soon after `cancel` is set.
pub trait Renew: Send + Sync {
    /// A fresh offer; `None` when none came.
    fn renew(&self, offer: &Offer, cancel: &Cancel) -> Option<Offer>;
}

/// What the fetching thread and the session share beside the pipe.
#[derive(Default)]
pub struct Shared {
    /// What the server said of the image's identity.
    pub validator: Mutex<Option<Validator>>,
    /// Whether the transfer rests.
    paused: Mutex<bool>,
    /// Told of an end of the rest.
    changed: Condvar,
    /// Ends the attempt under way.
    attempt: Mutex<Cancel>,
    /// Whether bytes of several answers were put together.
    joined: AtomicBool,
    /// The failure that ended the transfer, in full: where it went, what came back, what helps.
    pub told: Mutex<Option<String>>,
}

impl Shared {
    /// For a transfer that may begin in a rest.
    pub fn new(validator: Option<Validator>, paused: bool) -> Self {
        Self { validator: Mutex::new(validator), paused: Mutex::new(paused), ..Self::default() }
    }

    /// Begins or ends a rest. The connection of a resting transfer is given up at once, its waits end.
    pub fn set_paused(&self, paused: bool) {
        *self.paused.lock() = paused;
        if paused {
            self.attempt.lock().cancel();
        }
        self.changed.notify_all();
    }

    /// The transfer was cancelled: nothing is waited for any more.
    pub fn wake(&self) {
        self.attempt.lock().cancel();
        // Whoever is about to wait holds this lock, and has seen the cancel or will be woken.
        drop(self.paused.lock());
        self.changed.notify_all();
    }

    /// Whether the image was put together from several answers: each may have been of another version.
    pub fn is_joined(&self) -> bool {
        self.joined.load(Ordering::Relaxed)
    }

    /// A token for the next attempt, which a rest or the transfer's end cancels.
    fn begin(&self, cancel: &Cancel) -> Cancel {
        let token = Cancel::new();
        *self.attempt.lock() = token.clone();
        if cancel.is_cancelled() || *self.paused.lock() {
            token.cancel();
        }
        token
    }

    /// Waits while the transfer rests.
    fn rest(&self, cancel: &Cancel) -> Result<(), Failure> {
        let mut paused = self.paused.lock();
        while *paused && !cancel.is_cancelled() {
            self.changed.wait(&mut paused);
        }
        if cancel.is_cancelled() { Err(Failure::Cancelled) } else { Ok(()) }
    }
}

/// One transfer, as the fetching thread owns it.
pub struct Pump {
    /// Where the bytes come from.
    pub source: Arc<dyn Source>,
    /// What to fetch.
    pub offer: Offer,
    /// First byte to fetch.
    pub offset: u64,
    /// Where the bytes go.
    pub pipe: Arc<Pipe<Failure>>,
    /// Ends the transfer early.
    pub cancel: Cancel,
    /// Seen by the session too.
    pub shared: Arc<Shared>,
    /// When to give up.
    pub patience: Patience,
    /// Most bytes per second.
    pub rate_limit: Option<u64>,
    /// Fewest bytes per second.
    pub floor: Option<Floor>,
    /// What fresh URLs must satisfy.
    pub policy: Policy,
    /// Where fresh URLs come from.
    pub renewal: Option<Arc<dyn Renew>>,
}

enum Stop {
    Broken(FetchError),
    Failed(Failure),
}

impl From<FetchError> for Stop {
    fn from(error: FetchError) -> Self {
        Self::Broken(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Pump {
    /// Starts the thread. It ends when the image is complete, the transfer has failed, or the pipe is closed and the
    /// source's current call has returned.
    pub fn start(self) -> Result<(), Failure> {
        let cancel = self.cancel.clone();
        crate::thread::worker("otakit-fetch", &cancel, move || self.run()).map_err(|_| Failure::Resources)
    }

    fn run(mut self) {
        let pipe = self.pipe.clone();
        // A panic here must not leave the caller waiting for bytes that never come.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.transfer()));
        pipe.finish(outcome.unwrap_or(Err(Failure::Internal)));
    }

    fn transfer(&mut self) -> Result<(), Failure> {
        let mut course = Course::new(self.offset, self.floor);
        while self.offset < self.offer.size {
            self.shared.rest(&self.cancel)?;
            let token = self.shared.begin(&self.cancel);
            let before = self.offset;
            let error = match self.attempt(&mut course, &token) {
                Ok(()) => return Ok(()),
                Err(Stop::Failed(failure)) => return Err(self.tell(failure)),
                Err(Stop::Broken(error)) => error,
            };
            // What a rest breaks off is nobody's fault; what failed before it may work after it.
            if !token.is_cancelled() {
                if before > 0 && self.offset == before {
                    course.fell_through(&error);
                }
                self.mend(&error, &mut course, &token).map_err(|failure| self.tell(failure))?;
            }
            if self.cancel.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            if token.is_cancelled() {
                course.rested();
            }
        }
        Ok(())
    }

    /// Waits before the next attempt; a URL that is no longer good is not asked for again, a fresh one is. Patience counts
    /// every failure, fresh URLs that are dead included.
    fn mend(&mut self, error: &FetchError, course: &mut Course, token: &Cancel) -> Result<(), Failure> {
        loop {
            let renewed = self.renew(error, course, token)?;
            if token.is_cancelled() {
                return Ok(());
            }
            match course.failed(error, renewed.is_some(), &self.patience, system::now(), system::random_u32())
            {
                Decision::Retry(wait) => {
                    self.wait(error, wait, token);
                    self.judge_speed(course.waited(0, wait))?;
                }
                Decision::GiveUp => {
                    *self.shared.told.lock() = Some(trace::told(error, error.advice()));
                    return Err(Failure::Fetch(error.clone()));
                }
            }
            if renewed != Some(false) || token.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// Leaves the words for a transfer that is given up for its speed.
    fn tell(&self, failure: Failure) -> Failure {
        if let (Failure::TooSlow, Some(floor)) = (&failure, self.floor) {
            *self.shared.told.lock() = Some(format!(
                "{failure}: fewer than {} bytes per second, {SLOW_WINDOWS} times in a row for {} ms, at byte {} of {}; see \
                 OTAKIT_OPTION_MIN_RATE",
                floor.rate,
                floor.window.as_millis(),
                self.offset,
                self.offer.size
            ));
        }
        failure
    }

    fn wait(&self, error: &FetchError, wait: Duration, token: &Cancel) {
        let told = trace::told(error, error.advice());
        crate::log!(
            Warning,
            "fetch",
            "{told}; at byte {} of {}, next try in {} ms",
            self.offset,
            self.offer.size,
            wait.as_millis()
        );
        token.sleep(wait);
    }

    /// Asks for a fresh URL when the old one is no longer good. `None` when there is nobody to ask, else whether one came.
    fn renew(
        &mut self,
        error: &FetchError,
        course: &mut Course,
        token: &Cancel,
    ) -> Result<Option<bool>, Failure> {
        let Some(renewal) = self.renewal.as_ref().filter(|_| course.class(error) == Class::Expired) else {
            return Ok(None);
        };
        let told = trace::told(error, None);
        crate::log!(Warning, "fetch", "{told}; at byte {}, asking for a fresh URL", self.offset);
        course.refused(system::now());
        match renewal.renew(&self.offer, token) {
            Some(fresh) if !self.offer.is_renewed_by(&fresh) => Err(Failure::OtherImage),
            Some(fresh) => {
                self.policy.check(&fresh).map_err(|breach| {
                    *self.shared.told.lock() = Some(self.policy.explain(breach, &fresh));
                    Failure::Policy(breach)
                })?;
                self.offer.url = fresh.url;
                Ok(Some(true))
            }
            None => Ok(Some(false)),
        }
    }

    /// Opens the source once and reads until it ends or breaks.
    fn attempt(&mut self, course: &mut Course, token: &Cancel) -> Result<(), Stop> {
        let known = self.shared.validator.lock().clone();
        let request = Request {
            url: &self.offer.url,
            offset: if course.asks_whole() { 0 } else { self.offset },
            size: self.offer.size,
            validator: known.as_ref(),
        };
        let asked = Instant::now();
        let opened = self.source.open(&request, token);
        // Waiting for an answer is waiting for the server, too.
        self.judge_speed(course.waited(0, asked.elapsed()))?;
        let Opened { mut body, start, validator } = opened?;
        let mut skip = self.offset.checked_sub(start).ok_or(FetchError::Range)?;
        course.answered();
        if skip > 0 {
            crate::log!(Info, "fetch", "server starts at byte {start}: {skip} bytes skipped");
        }
        if validator.is_some() {
            *self.shared.validator.lock() = validator;
        }
        let mut limiter = self.rate_limit.map(Limiter::new);
        let mut first = true;
        while self.offset < self.offer.size {
            let Some(mut buffer) = self.pipe.buffer(token).map_err(|_| Failure::NoMemory)? else {
                return Err(Stop::Broken(FetchError::Net(NetError::Cancelled)));
            };
            // A full pipe is the caller's doing: time spent waiting for room is not held against the server.
            let asked = Instant::now();
            let read = self.read(&mut *body, &mut buffer, skip, limiter.as_ref());
            let filled = read.as_ref().copied().unwrap_or(0);
            if let Err(stop) =
                self.keep_pace(filled, asked, &mut limiter, course, token).and(read.map_err(Stop::from))
            {
                // The next attempt needs it.
                self.pipe.recycle(buffer);
                return Err(stop);
            }
            let fresh = drop_front(&mut buffer, filled, &mut skip);
            if fresh == 0 {
                self.pipe.recycle(buffer);
                continue;
            }
            self.offset += fresh as u64;
            let joined = course.progressed(fresh as u64, std::mem::take(&mut first));
            self.shared.joined.store(joined, Ordering::Relaxed);
            self.pipe.push(buffer, fresh);
        }
        Ok(())
    }

    /// Reads no more than the image still has, whatever the server sends: at least one byte.
    fn read(
        &self,
        body: &mut dyn Body,
        buffer: &mut [u8],
        skip: u64,
        limiter: Option<&Limiter>,
    ) -> Result<usize, FetchError> {
        let wanted = (self.offer.size - self.offset).saturating_add(skip);
        let room = buffer.len().min(usize::try_from(wanted).unwrap_or(usize::MAX));
        let room = limiter.map_or(room, |limiter| room.min(limiter.portion()));
        let room = buffer.get_mut(..room).unwrap_or_default();
        let mut filled = body.read(room)?;
        if filled == 0 {
            return Err(FetchError::Truncated);
        }
        // While the caller is busy with earlier bytes, a fuller slot saves it a wake-up; a caller that waits gets at
        // once what there is, unless that is hardly anything.
        let mut began = None;
        loop {
            if self.pipe.is_awaited()
                && (filled >= FEW || began.get_or_insert_with(Instant::now).elapsed() >= SHORTLY)
            {
                break;
            }
            match body.read_more(room.get_mut(filled..).unwrap_or_default()) {
                0 => break,
                more => filled += more,
            }
        }
        Ok(filled)
    }

    /// Whether bytes come fast enough; an error when they have been too slow for too long.
    fn judge_speed(&self, speed: Speed) -> Result<bool, Failure> {
        if speed == Speed::Enough {
            return Ok(true);
        }
        crate::log!(Warning, "fetch", "bytes come slower than allowed at byte {}", self.offset);
        if speed == Speed::Hopeless { Err(Failure::TooSlow) } else { Ok(false) }
    }

    /// Waits as the limit asks for, and judges the speed.
    fn keep_pace(
        &self,
        bytes: usize,
        asked: Instant,
        limiter: &mut Option<Limiter>,
        course: &mut Course,
        token: &Cancel,
    ) -> Result<(), Stop> {
        let waited = asked.elapsed();
        if let Some(limiter) = limiter {
            // Ended early, the next attempt goes on from here; these bytes still count.
            token.sleep(limiter.wait(bytes, system::now()));
        }
        if self.judge_speed(course.waited(bytes, waited))? || bytes == 0 {
            return Ok(());
        }
        // Another connection may do better.
        Err(Stop::Broken(FetchError::Net(NetError::Timeout)))
    }
}

/// Moves what comes after the first `skip` of `filled` bytes to the buffer's front; returns how many bytes that are.
fn drop_front(buffer: &mut [u8], filled: usize, skip: &mut u64) -> usize {
    let dropped = usize::try_from(*skip).unwrap_or(usize::MAX).min(filled);
    *skip -= dropped as u64;
    buffer.copy_within(dropped..filled, 0);
    filled - dropped
}
