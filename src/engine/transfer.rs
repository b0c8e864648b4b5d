// SPDX-License-Identifier: MIT OR Apache-2.0
//! One transfer, step by step: opens the source, reads, and goes on where it broke. It starts no thread and decides nothing
//! by itself about how long a step may take: that is up to the driver, `threaded` or `polled`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use otakit_core::course::{Course, SLOW_WINDOWS, Speed};
use otakit_core::failure::Failure;
use otakit_core::fetch::{Class, FetchError, Validator};
use otakit_core::net::NetError;
use otakit_core::offer::Offer;
use otakit_core::pace::{Floor, Limiter};
use otakit_core::retry::{Decision, RetryPolicy};
use parking_lot::{Condvar, Mutex};

use crate::cancel::CancellationToken;
use crate::engine::Policy;
use crate::fetch::{Body, Opened, Opening, Request, Source};
use crate::net::trace;
use crate::system;

/// A slot with fewer bytes than this is filled further while a caller waits, for …
const FEW: usize = 1024;
/// … at most so long: many tiny pieces must not cost a wake-up each.
const SHORTLY: Duration = Duration::from_millis(4);

/// Gets a fresh offer of an image whose URL is no longer good. Called by whoever drives the transfer; must return soon
/// after `cancel` is set.
pub trait Renew: Send + Sync {
    /// Asks, or goes on waiting for about `wait`; who cannot ask in steps waits for as long as it needs. `None` while it is
    /// not known, and then called again; else the fresh offer, or that none came.
    fn renew(&self, offer: &Offer, wait: Duration, cancel: &CancellationToken) -> Option<Option<Offer>>;

    /// The answer is no longer waited for, though it did not come.
    fn stop(&self) {}
}

/// What the driver of a transfer and the session share.
#[derive(Default)]
pub struct Shared {
    /// What the server said of the image's identity.
    pub validator: Mutex<Option<Validator>>,
    /// Whether the transfer rests.
    paused: Mutex<bool>,
    /// Told of an end of the rest.
    changed: Condvar,
    /// Ends the attempt under way.
    attempt: Mutex<CancellationToken>,
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
    fn begin(&self, cancel: &CancellationToken) -> CancellationToken {
        let token = CancellationToken::new();
        *self.attempt.lock() = token.clone();
        if cancel.is_cancelled() || *self.paused.lock() {
            token.cancel();
        }
        token
    }

    /// Whether the transfer rests.
    fn is_paused(&self) -> bool {
        *self.paused.lock()
    }

    /// Waits while the transfer rests.
    pub fn rest(&self, cancel: &CancellationToken) -> Result<(), Failure> {
        let mut paused = self.paused.lock();
        while *paused && !cancel.is_cancelled() {
            self.changed.wait(&mut paused);
        }
        if cancel.is_cancelled() { Err(Failure::Cancelled) } else { Ok(()) }
    }
}

/// One transfer, as its driver owns it.
pub struct Transfer {
    /// What to fetch, from where, and how.
    plan: Plan,
    /// First byte that is not there yet.
    offset: u64,
    course: Course,
    state: State,
    /// Ends the attempt under way.
    token: CancellationToken,
    /// Where the attempt under way began.
    begun: u64,
    /// The words for what fails, while another transfer may use this thread.
    words: trace::Kept,
}

/// What a transfer is made from.
pub struct Plan {
    /// Where the bytes come from.
    pub source: Arc<dyn Source>,
    /// What to fetch.
    pub offer: Offer,
    /// Ends the transfer early.
    pub cancel: CancellationToken,
    /// Seen by the session too.
    pub shared: Arc<Shared>,
    /// When to give up.
    pub retry_policy: RetryPolicy,
    /// Most bytes per second.
    pub rate_limit: Option<u64>,
    /// Fewest bytes per second.
    pub floor: Option<Floor>,
    /// What fresh URLs must satisfy.
    pub policy: Policy,
    /// Where fresh URLs come from.
    pub renewal: Option<Arc<dyn Renew>>,
}

/// What a step brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes, at least 1, at the front of the buffer.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// All bytes have come.
    Done,
}

/// Where the transfer stands between two steps.
enum State {
    /// No connection, and nothing to wait for.
    Idle,
    /// The source is being opened, for so long.
    Opening(Box<dyn Opening>, Duration),
    /// Bytes come.
    Reading(Reading),
    /// A fresh URL is asked for after this failure.
    Renewing(FetchError),
    /// The next attempt is due at a time; after so long a wait, for a fresh URL first if the last field says so.
    Waiting { due: Duration, wait: Duration, renew: Option<FetchError> },
}

struct Reading {
    body: Box<dyn Body>,
    /// Bytes at the front of the body that are there already.
    skip: u64,
    limiter: Option<Limiter>,
    /// When the limiter lets the next bytes come.
    due: Duration,
    /// How long bytes have been waited for.
    waited: Duration,
    /// Whether no byte of this answer was of use yet.
    first: bool,
    /// Whether they came fast enough. If not, that ends this answer or the transfer, once they are handed out.
    pace: Result<bool, Failure>,
}

impl Transfer {
    /// Begins at `offset`; nothing is connected yet.
    pub fn new(plan: Plan, offset: u64) -> Self {
        let course = Course::new(offset, plan.floor);
        let token = CancellationToken::new();
        Self { plan, offset, course, state: State::Idle, token, begun: offset, words: trace::Kept::default() }
    }

    /// Ends when the session no longer wants it.
    pub fn cancel(&self) -> &CancellationToken {
        &self.plan.cancel
    }

    /// Ends the attempt under way.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// What the driver shares with the session.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.plan.shared
    }

    /// Whether a step needs a buffer.
    pub fn is_reading(&self) -> bool {
        matches!(self.state, State::Reading(_))
    }

    /// How long there is nothing to do but to wait.
    pub fn is_due_in(&self) -> Duration {
        match &self.state {
            State::Waiting { due, .. } | State::Reading(Reading { due, .. }) => {
                due.saturating_sub(system::now())
            }
            _ => Duration::ZERO,
        }
    }

    /// Lets go of an attempt that was ended.
    pub fn look(&mut self) {
        // What a rest breaks off is nobody's fault; what failed before it may work after it.
        if self.token.is_cancelled() && !matches!(self.state, State::Idle) {
            self.course.rested();
            self.stop_asking();
            self.state = State::Idle;
        }
    }

    fn stop_asking(&self) {
        if let (State::Renewing(_), Some(renewal)) = (&self.state, &self.plan.renewal) {
            renewal.stop();
        }
    }

    /// Does one bounded piece of work, waiting for about `wait`: only a firmware's own connecting takes longer. `is_awaited`
    /// tells whether somebody waits for the bytes now, rather than for a full buffer. After an error there is nothing more
    /// to come.
    pub fn step(
        &mut self,
        buffer: &mut [u8],
        wait: Duration,
        is_awaited: &dyn Fn() -> bool,
    ) -> Result<Step, Failure> {
        self.words.swap();
        let outcome = self.go_on(buffer, wait, is_awaited);
        self.words.swap();
        outcome.map_err(|failure| if self.plan.cancel.is_cancelled() { Failure::Cancelled } else { failure })
    }

    fn go_on(
        &mut self,
        buffer: &mut [u8],
        wait: Duration,
        is_awaited: &dyn Fn() -> bool,
    ) -> Result<Step, Failure> {
        if self.plan.cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        self.look();
        if self.offset >= self.plan.offer.size {
            return Ok(Step::Done);
        }
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => {
                self.begin(wait);
                Ok(Step::Nothing)
            }
            State::Opening(opening, waited) => self.open(opening, waited, wait).map(|()| Step::Nothing),
            State::Reading(reading) => self.read(reading, buffer, wait, is_awaited),
            State::Renewing(error) => self.renew(error, wait).map(|()| Step::Nothing),
            State::Waiting { due, wait: whole, renew } => {
                let left = due.saturating_sub(system::now());
                if !left.is_zero() {
                    self.token.sleep(left.min(wait));
                    self.state = State::Waiting { due, wait: whole, renew };
                    return Ok(Step::Nothing);
                }
                self.judge_speed(whole, 0)?;
                if let Some(error) = renew {
                    self.mend(error)?;
                }
                Ok(Step::Nothing)
            }
        }
    }

    /// Begins an attempt, unless the transfer rests.
    fn begin(&mut self, wait: Duration) {
        if self.plan.shared.is_paused() {
            self.plan.cancel.sleep(wait);
            return;
        }
        self.token = self.plan.shared.begin(&self.plan.cancel);
        self.begun = self.offset;
        let known = self.plan.shared.validator.lock().clone();
        let request = Request {
            url: &self.plan.offer.url,
            offset: if self.course.asks_whole() { 0 } else { self.offset },
            size: self.plan.offer.size,
            validator: known.as_ref(),
        };
        let asked = Instant::now();
        let opening = self.plan.source.open(&request, &self.token);
        self.state = State::Opening(opening, asked.elapsed());
    }

    fn open(
        &mut self,
        mut opening: Box<dyn Opening>,
        waited: Duration,
        wait: Duration,
    ) -> Result<(), Failure> {
        let asked = Instant::now();
        let opened = opening.step(wait);
        let waited = waited + asked.elapsed();
        if let Ok(None) = opened {
            self.state = State::Opening(opening, waited);
            return Ok(());
        }
        // Waiting for an answer is waiting for the server, too.
        self.judge_speed(waited, 0)?;
        let opened = opened.and_then(|opened| {
            let Opened { body, start, validator } = opened.ok_or(FetchError::Protocol)?;
            let skip = self.offset.checked_sub(start).ok_or(FetchError::Range)?;
            Ok((body, start, skip, validator))
        });
        let (body, start, skip, validator) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.broken(error),
        };
        self.course.answered();
        if skip > 0 {
            crate::log!(Info, "fetch", "server starts at byte {start}: {skip} bytes skipped");
        }
        if validator.is_some() {
            *self.plan.shared.validator.lock() = validator;
        }
        self.state = State::Reading(Reading {
            body,
            skip,
            limiter: self.plan.rate_limit.map(Limiter::new),
            due: Duration::ZERO,
            waited: Duration::ZERO,
            first: true,
            pace: Ok(true),
        });
        Ok(())
    }

    /// Reads what is there, judges how fast it came, and sets the time for the next bytes.
    fn read(
        &mut self,
        mut reading: Reading,
        buffer: &mut [u8],
        wait: Duration,
        is_awaited: &dyn Fn() -> bool,
    ) -> Result<Step, Failure> {
        match std::mem::replace(&mut reading.pace, Ok(true)) {
            Ok(true) => {}
            // Another connection may do better.
            Ok(false) => return self.broken(FetchError::Net(NetError::Timeout)).map(|()| Step::Nothing),
            Err(failure) => return Err(failure),
        }
        let left = reading.due.saturating_sub(system::now());
        if !left.is_zero() {
            self.token.sleep(left.min(wait));
            self.state = State::Reading(reading);
            return Ok(Step::Nothing);
        }
        // No more than the image still has, whatever the server sends: at least one byte.
        let wanted = (self.plan.offer.size - self.offset).saturating_add(reading.skip);
        let asked = Instant::now();
        let read = reading.fill(buffer, wanted, wait, is_awaited);
        reading.waited += asked.elapsed();
        let filled = match read {
            Ok(None) => {
                self.state = State::Reading(reading);
                return Ok(Step::Nothing);
            }
            Ok(Some(filled)) => filled,
            Err(error) => {
                self.judge_speed(reading.waited, 0)?;
                return self.broken(error).map(|()| Step::Nothing);
            }
        };
        if let Some(limiter) = &mut reading.limiter {
            let now = system::now();
            reading.due = now + limiter.wait(filled, now);
        }
        reading.pace = self.judge_speed(std::mem::take(&mut reading.waited), filled);
        let fresh = drop_front(buffer, filled, &mut reading.skip);
        if fresh > 0 {
            self.offset += fresh as u64;
            let joined = self.course.progressed(fresh as u64, std::mem::take(&mut reading.first));
            self.plan.shared.joined.store(joined, Ordering::Relaxed);
        }
        self.state = State::Reading(reading);
        Ok(if fresh > 0 { Step::Bytes(fresh) } else { Step::Nothing })
    }

    /// An attempt has failed.
    fn broken(&mut self, error: FetchError) -> Result<(), Failure> {
        if self.token.is_cancelled() {
            self.course.rested();
            return Ok(());
        }
        if self.begun > 0 && self.offset == self.begun {
            self.course.fell_through(&error);
        }
        self.mend(error)
    }

    /// A URL that is no longer good is not asked for again, a fresh one is. RetryPolicy counts every failure, fresh URLs that
    /// are dead included.
    fn mend(&mut self, error: FetchError) -> Result<(), Failure> {
        if self.plan.renewal.is_none() || self.course.class(&error) != Class::Expired {
            return self.decide(error, None);
        }
        let told = trace::told(&error, None);
        crate::log!(Warning, "fetch", "{told}; at byte {}, asking for a fresh URL", self.offset);
        self.course.refused(system::now());
        self.state = State::Renewing(error);
        Ok(())
    }

    fn renew(&mut self, error: FetchError, wait: Duration) -> Result<(), Failure> {
        let answer = match &self.plan.renewal {
            Some(renewal) => renewal.renew(&self.plan.offer, wait, &self.token),
            None => Some(None),
        };
        if self.token.is_cancelled() {
            self.course.rested();
            return Ok(());
        }
        match answer {
            None => {
                self.state = State::Renewing(error);
                Ok(())
            }
            Some(Some(fresh)) if !self.plan.offer.is_renewed_by(&fresh) => Err(Failure::OtherImage),
            Some(Some(fresh)) => {
                self.plan.policy.check(&fresh).map_err(|violation| {
                    *self.plan.shared.told.lock() = Some(self.plan.policy.explain(violation, &fresh));
                    Failure::Policy(violation)
                })?;
                self.plan.offer.url = fresh.url;
                self.decide(error, Some(true))
            }
            Some(None) => self.decide(error, Some(false)),
        }
    }

    /// Waits before the next attempt, or gives up. `renewed`: whether a fresh URL came, if one was asked for.
    fn decide(&mut self, error: FetchError, renewed: Option<bool>) -> Result<(), Failure> {
        let Plan { retry_policy, shared, offer, .. } = &self.plan;
        match self.course.failed(&error, renewed.is_some(), retry_policy, system::now(), system::random_u32())
        {
            Decision::Retry(wait) => {
                crate::log!(
                    Warning,
                    "fetch",
                    "{}; at byte {} of {}, next try in {} ms",
                    trace::told(&error, error.advice()),
                    self.offset,
                    offer.size,
                    wait.as_millis()
                );
                let renew = (renewed == Some(false)).then_some(error);
                self.state = State::Waiting { due: system::now() + wait, wait, renew };
                Ok(())
            }
            Decision::GiveUp => {
                *shared.told.lock() = Some(trace::told(&error, error.advice()));
                Err(Failure::Fetch(error))
            }
        }
    }

    /// Takes note of bytes that were waited for that long. Whether they come fast enough; an error when they have been too
    /// slow for too long.
    fn judge_speed(&mut self, waited: Duration, bytes: usize) -> Result<bool, Failure> {
        let speed = self.course.waited(bytes, waited);
        if speed == Speed::Enough {
            return Ok(true);
        }
        crate::log!(Warning, "fetch", "bytes come slower than allowed at byte {}", self.offset);
        if speed != Speed::Hopeless {
            return Ok(false);
        }
        if let Some(floor) = self.plan.floor {
            *self.plan.shared.told.lock() = Some(format!(
                "{}: fewer than {} bytes per second, {SLOW_WINDOWS} times in a row for {} ms, at byte {} of {}; see \
                 OTAKIT_OPTION_MIN_RATE",
                Failure::TooSlow,
                floor.rate,
                floor.window.as_millis(),
                self.offset,
                self.plan.offer.size
            ));
        }
        Err(Failure::TooSlow)
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.stop_asking();
    }
}

impl Reading {
    /// Reads at most `wanted` bytes into the buffer; `None` when nothing came.
    fn fill(
        &mut self,
        buffer: &mut [u8],
        wanted: u64,
        wait: Duration,
        is_awaited: &dyn Fn() -> bool,
    ) -> Result<Option<usize>, FetchError> {
        let room = buffer.len().min(usize::try_from(wanted).unwrap_or(usize::MAX));
        let room = self.limiter.as_ref().map_or(room, |limiter| room.min(limiter.portion()));
        let room = buffer.get_mut(..room).unwrap_or_default();
        let mut filled = match self.body.read(room, wait)? {
            None => return Ok(None),
            Some(0) => return Err(FetchError::Truncated),
            Some(filled) => filled,
        };
        // While the caller is busy with earlier bytes, a fuller slot saves it a wake-up; a caller that waits gets at
        // once what there is, unless that is hardly anything.
        let mut began = None;
        loop {
            if is_awaited() && (filled >= FEW || began.get_or_insert_with(Instant::now).elapsed() >= SHORTLY)
            {
                break;
            }
            match self.body.read_more(room.get_mut(filled..).unwrap_or_default()) {
                0 => break,
                more => filled += more,
            }
        }
        Ok(Some(filled))
    }
}

/// Moves what comes after the first `skip` of `filled` bytes to the buffer's front; returns how many bytes that are.
fn drop_front(buffer: &mut [u8], filled: usize, skip: &mut u64) -> usize {
    let dropped = usize::try_from(*skip).unwrap_or(usize::MAX).min(filled);
    *skip -= dropped as u64;
    buffer.copy_within(dropped..filled, 0);
    filled - dropped
}
