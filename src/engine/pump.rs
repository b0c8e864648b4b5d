// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fetching thread of a transfer: opens the source, fills the pipe, and goes on where a transfer broke.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use super::pipe::Pipe;
use super::retry::{Decision, Patience, Retries};
use super::{Failure, Offer};
use crate::cancel::Cancel;
use crate::fetch::{FetchError, Opened, Request, Source, Validator};

/// Stack of the fetching thread in bytes: a TLS handshake is what needs most of it.
const STACK: usize = 256 * 1024;

/// One transfer, as the fetching thread owns it.
pub struct Pump {
    /// Where the bytes come from.
    pub source: Arc<dyn Source>,
    /// What to fetch.
    pub offer: Offer,
    /// Where the bytes go.
    pub pipe: Arc<Pipe<Failure>>,
    /// Ends the transfer early.
    pub cancel: Cancel,
    /// When to give up.
    pub patience: Patience,
}

impl Pump {
    /// Starts the thread. It ends when the image is complete, the transfer has failed, or the pipe is closed and the
    /// source's current call has returned.
    pub fn start(self) -> Result<(), Failure> {
        let thread = std::thread::Builder::new().name("otakit-fetch".to_owned()).stack_size(STACK);
        thread.spawn(move || self.run()).map(drop).map_err(|_| Failure::Resources)
    }

    fn run(self) {
        // A panic here must not leave the caller waiting for bytes that never come.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.transfer()));
        self.pipe.finish(outcome.unwrap_or(Err(Failure::Internal)));
    }

    fn transfer(&self) -> Result<(), Failure> {
        let mut progress = Progress { offset: 0, validator: None, retries: Retries::default() };
        loop {
            let error = match self.attempt(&mut progress) {
                Ok(()) => return Ok(()),
                Err(Stop::Failed(failure)) => return Err(failure),
                Err(Stop::Broken(error)) => error,
            };
            match progress.retries.failed(error.class(), &self.patience, dice()) {
                Decision::Retry(wait) => self.wait(&error, wait, progress.offset)?,
                Decision::GiveUp => return Err(Failure::Fetch(error)),
            }
        }
    }

    fn wait(&self, error: &FetchError, wait: Duration, offset: u64) -> Result<(), Failure> {
        crate::log!(Info, "fetch", "{error} at byte {offset}, next try in {} ms", wait.as_millis());
        if self.cancel.sleep(wait) { Err(Failure::Cancelled) } else { Ok(()) }
    }

    /// Opens the source once and reads until it ends or breaks.
    fn attempt(&self, progress: &mut Progress) -> Result<(), Stop> {
        let request = Request {
            url: &self.offer.url,
            offset: progress.offset,
            size: self.offer.size,
            validator: progress.validator.as_ref(),
        };
        let Opened { mut body, start, validator } = self.source.open(&request, &self.cancel)?;
        let mut skip = progress.offset.checked_sub(start).ok_or(FetchError::Range)?;
        if skip > 0 {
            crate::log!(Info, "fetch", "server starts at byte {start}: {skip} bytes skipped");
        }
        if validator.is_some() {
            progress.validator = validator;
        }
        while progress.offset < self.offer.size {
            let Some(mut buffer) = self.pipe.buffer().map_err(|_| Failure::NoMemory)? else {
                return Err(Stop::Failed(Failure::Cancelled));
            };
            let wanted = self.offer.size - progress.offset;
            let room = buffer.len().min(usize::try_from(wanted.saturating_add(skip)).unwrap_or(usize::MAX));
            let read = body.read(buffer.get_mut(..room).unwrap_or_default());
            let filled = match read {
                Ok(0) => Err(FetchError::Truncated),
                other => other,
            };
            let filled = match filled {
                Ok(filled) => filled,
                Err(error) => {
                    self.pipe.recycle(buffer);
                    return Err(error.into());
                }
            };
            let fresh = drop_front(&mut buffer, filled, &mut skip);
            if fresh == 0 {
                self.pipe.recycle(buffer);
                continue;
            }
            progress.offset += fresh as u64;
            progress.retries.progressed();
            self.pipe.push(buffer, fresh);
        }
        Ok(())
    }
}

struct Progress {
    /// Bytes handed to the pipe.
    offset: u64,
    validator: Option<Validator>,
    retries: Retries,
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
