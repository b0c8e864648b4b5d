// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fetching thread of a transfer: opens the source, fills the pipe, and goes on where a transfer broke.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::pace::{Floor, Limiter, Meter};
use super::pipe::Pipe;
use super::policy::Policy;
use super::retry::{Decision, Patience, Retries};
use super::{Failure, Offer};
use crate::cancel::Cancel;
use crate::fetch::{Class, FetchError, Opened, Request, Source, Validator};
use crate::net::trace;

/// How often a paused transfer looks whether it may go on.
const PAUSE_SLICE: Duration = Duration::from_millis(20);
/// Times in a row that a floor may be missed before the transfer is given up.
const SLOW_WINDOWS: u32 = 3;

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
    pub paused: Mutex<bool>,
    /// The failure that ended the transfer, in full: where it went, what came back, what helps.
    pub told: Mutex<Option<String>>,
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
    Paused,
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
        let thread = crate::thread::named("otakit-fetch");
        thread.spawn(move || self.run()).map(drop).map_err(|_| Failure::Resources)
    }

    fn run(mut self) {
        let pipe = self.pipe.clone();
        // A panic here must not leave the caller waiting for bytes that never come.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.transfer()));
        pipe.finish(outcome.unwrap_or(Err(Failure::Internal)));
    }

    fn transfer(&mut self) -> Result<(), Failure> {
        let mut retries = Retries::default();
        let mut slow = 0;
        while self.offset < self.offer.size {
            let error = match self.attempt(&mut retries, &mut slow) {
                Ok(()) => return Ok(()),
                Err(Stop::Failed(failure)) => return Err(failure),
                Err(Stop::Paused) => {
                    self.rest()?;
                    continue;
                }
                Err(Stop::Broken(error)) => error,
            };
            self.mend(&error, &mut retries)?;
        }
        Ok(())
    }

    /// Waits before the next attempt; a URL that is no longer good is not asked for again, a fresh one is. Patience counts
    /// every failure, fresh URLs that are dead included.
    fn mend(&mut self, error: &FetchError, retries: &mut Retries) -> Result<(), Failure> {
        loop {
            let renewed = self.renew(error)?;
            let class = if renewed.is_some() { Class::Transient(None) } else { error.class() };
            match retries.failed(class, &self.patience, dice()) {
                Decision::Retry(wait) => self.wait(error, wait)?,
                Decision::GiveUp => {
                    *self.shared.told.lock() = Some(trace::told(error, error.advice()));
                    return Err(Failure::Fetch(error.clone()));
                }
            }
            if renewed != Some(false) {
                return Ok(());
            }
        }
    }

    fn wait(&self, error: &FetchError, wait: Duration) -> Result<(), Failure> {
        let told = trace::told(error, error.advice());
        crate::log!(
            Warning,
            "fetch",
            "{told}; at byte {} of {}, next try in {} ms",
            self.offset,
            self.offer.size,
            wait.as_millis()
        );
        if self.cancel.sleep(wait) { Err(Failure::Cancelled) } else { Ok(()) }
    }

    fn rest(&self) -> Result<(), Failure> {
        while *self.shared.paused.lock() {
            if self.cancel.sleep(PAUSE_SLICE) {
                return Err(Failure::Cancelled);
            }
        }
        Ok(())
    }

    /// Asks for a fresh URL when the old one is no longer good. `None` when there is nobody to ask, else whether one came.
    fn renew(&mut self, error: &FetchError) -> Result<Option<bool>, Failure> {
        let Some(renewal) = self.renewal.as_ref().filter(|_| error.class() == Class::Expired) else {
            return Ok(None);
        };
        let told = trace::told(error, None);
        crate::log!(Warning, "fetch", "{told}; at byte {}, asking for a fresh URL", self.offset);
        match renewal.renew(&self.offer, &self.cancel) {
            Some(fresh) if !fresh.is_same_image(&self.offer) => Err(Failure::OtherImage),
            Some(fresh) => {
                self.policy.check(&fresh).map_err(Failure::Policy)?;
                self.offer.url = fresh.url;
                Ok(Some(true))
            }
            None if self.cancel.is_cancelled() => Err(Failure::Cancelled),
            None => Ok(Some(false)),
        }
    }

    /// Opens the source once and reads until it ends or breaks.
    fn attempt(&mut self, retries: &mut Retries, slow: &mut u32) -> Result<(), Stop> {
        let known = self.shared.validator.lock().clone();
        let request = Request {
            url: &self.offer.url,
            offset: self.offset,
            size: self.offer.size,
            validator: known.as_ref(),
        };
        let Opened { mut body, start, validator } = self.source.open(&request, &self.cancel)?;
        let mut skip = self.offset.checked_sub(start).ok_or(FetchError::Range)?;
        if skip > 0 {
            crate::log!(Info, "fetch", "server starts at byte {start}: {skip} bytes skipped");
        }
        if validator.is_some() {
            *self.shared.validator.lock() = validator;
        }
        let mut limiter = self.rate_limit.map(Limiter::new);
        let mut meter = self.floor.map(Meter::new);
        while self.offset < self.offer.size {
            if *self.shared.paused.lock() {
                return Err(Stop::Paused);
            }
            let Some(mut buffer) = self.pipe.buffer().map_err(|_| Failure::NoMemory)? else {
                return Err(Stop::Failed(Failure::Cancelled));
            };
            // A full pipe is the caller's doing: time spent waiting for room is not held against the server.
            let asked = Instant::now();
            let read = self.read(&mut *body, &mut buffer, skip, limiter.as_ref());
            let filled = match read {
                Ok(filled) => filled,
                Err(error) => {
                    self.pipe.recycle(buffer);
                    return Err(error.into());
                }
            };
            if let Err(stop) = self.keep_pace(filled, asked, &mut limiter, &mut meter, slow) {
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
            retries.progressed();
            self.pipe.push(buffer, fresh);
        }
        Ok(())
    }

    /// Reads no more than the image still has, whatever the server sends: at least one byte.
    fn read(
        &self,
        body: &mut dyn crate::fetch::Body,
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
        // once what there is.
        while !self.pipe.is_awaited() {
            match body.read_more(room.get_mut(filled..).unwrap_or_default()) {
                0 => break,
                more => filled += more,
            }
        }
        Ok(filled)
    }

    fn keep_pace(
        &self,
        bytes: usize,
        asked: Instant,
        limiter: &mut Option<Limiter>,
        meter: &mut Option<Meter>,
        slow: &mut u32,
    ) -> Result<(), Stop> {
        let now = Instant::now();
        if let Some(limiter) = limiter
            && self.cancel.sleep(limiter.wait(bytes, now))
        {
            return Err(Stop::Failed(Failure::Cancelled));
        }
        let Some(meter) = meter else { return Ok(()) };
        match meter.keeps_up(bytes, now.saturating_duration_since(asked)) {
            None => return Ok(()),
            Some(true) => {
                *slow = 0;
                return Ok(());
            }
            Some(false) => *slow += 1,
        }
        crate::log!(Warning, "fetch", "bytes come slower than allowed at byte {}", self.offset);
        if *slow >= SLOW_WINDOWS {
            return Err(Stop::Failed(Failure::TooSlow));
        }
        // Another connection may do better.
        Err(Stop::Broken(FetchError::Net(crate::net::NetError::Timeout)))
    }
}

/// Moves what comes after the first `skip` of `filled` bytes to the buffer's front; returns how many bytes that are.
fn drop_front(buffer: &mut [u8], filled: usize, skip: &mut u64) -> usize {
    let dropped = usize::try_from(*skip).unwrap_or(usize::MAX).min(filled);
    *skip -= dropped as u64;
    buffer.copy_within(dropped..filled, 0);
    filled - dropped
}

/// A number that differs from device to device and from call to call; it only spreads retries.
fn dice() -> u32 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u8(0);
    u32::try_from(hasher.finish() & u64::from(u32::MAX)).unwrap_or(0)
}
