// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver with a thread of its own for each transfer: it fills the slots of a bounded [`Pipe`] while the caller takes the
//! bytes of earlier ones.

use std::sync::Arc;
use std::time::Instant;

use otakit_core::failure::Failure;

use super::pipe::{Pipe, Popped, Slot};
use super::transfer::{Step, Transfer};
use crate::net::{QUIET, SLICE};

/// The session's hold on a transfer that runs.
pub struct Line {
    pipe: Arc<Pipe<Failure>>,
}

/// The reading end.
pub struct Intake {
    pipe: Arc<Pipe<Failure>>,
    /// The slot being taken from.
    slot: Option<Slot>,
}

/// Starts the transfer's thread. It ends when the image is complete, the transfer has failed, or the line is closed and the
/// source's current call has returned. [`Failure::Resources`] when there is no thread: the reading end then brings nothing.
pub fn start(transfer: Transfer, slots: usize, slot_size: usize) -> (Line, Intake, Result<(), Failure>) {
    let pipe = Arc::new(Pipe::new(slots, slot_size));
    let line = Line { pipe: pipe.clone() };
    let intake = Intake::of(pipe.clone());
    let cancel = transfer.cancel().clone();
    let started = crate::thread::worker("otakit-fetch", &cancel, move || run(transfer, &pipe));
    (line, intake, started.map_err(|_| Failure::Resources))
}

fn run(mut transfer: Transfer, pipe: &Pipe<Failure>) {
    // A panic here must not leave the caller waiting for bytes that never come.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drive(&mut transfer, pipe)));
    pipe.finish(outcome.unwrap_or(Err(Failure::Internal)));
}

fn drive(transfer: &mut Transfer, pipe: &Pipe<Failure>) -> Result<(), Failure> {
    let mut buffer: Option<Vec<u8>> = None;
    let mut wait = SLICE;
    loop {
        if transfer.is_reading() && buffer.is_none() {
            // A full pipe is the caller's doing: time spent waiting for room is not held against the server.
            buffer = pipe.buffer(transfer.token()).map_err(|_| Failure::NoMemory)?;
        } else if !transfer.is_reading() {
            // The next attempt begins without one: what was taken goes back.
            buffer.take().into_iter().for_each(|buffer| pipe.recycle(buffer));
            transfer.shared().rest(transfer.cancel())?;
            wait = SLICE;
        }
        let room = buffer.as_deref_mut().unwrap_or_default();
        match transfer.step(room, wait.max(transfer.is_due_in()), &|| pipe.is_awaited())? {
            Step::Done => return Ok(()),
            Step::Nothing => wait = (wait * 2).min(QUIET),
            Step::Bytes(n) => {
                wait = SLICE;
                if let Some(buffer) = buffer.take() {
                    pipe.push(buffer, n);
                }
            }
        }
    }
}

impl Line {
    /// Lets a thread that waits for room look whether it is still wanted.
    pub fn wake(&self) {
        self.pipe.wake();
    }

    /// The transfer was cancelled: nothing more is taken.
    pub fn close(&self) {
        self.pipe.finish(Err(Failure::Cancelled));
        self.pipe.close();
    }
}

impl Intake {
    /// The reading end of a pipe.
    pub fn of(pipe: Arc<Pipe<Failure>>) -> Self {
        Self { pipe, slot: None }
    }

    /// The next bytes, waited for until `deadline`: `None` when none came. A failure comes behind all bytes, and again each
    /// time.
    pub fn peek(&mut self, deadline: Instant) -> Result<Option<&[u8]>, Failure> {
        if self.slot.is_none() {
            self.slot = match self.pipe.pop(deadline) {
                Popped::Slot(slot) => Some(slot),
                Popped::TimedOut => None,
                Popped::End(Err(failure)) => return Err(failure),
                Popped::End(Ok(())) => return Err(Failure::Internal),
            };
        }
        Ok(self.slot.as_ref().map(Slot::rest))
    }

    /// The transfer's thread sees by itself that an attempt was ended.
    pub fn look(&mut self) {}

    /// Takes the first `n` bytes of what [`Intake::peek`] gave. `true` when that was all of it.
    pub fn take(&mut self, n: usize) -> bool {
        let Some(slot) = &mut self.slot else { return false };
        slot.take(n);
        let is_empty = slot.rest().is_empty();
        if is_empty && let Some(slot) = self.slot.take() {
            self.pipe.recycle_slot(slot);
        }
        is_empty
    }
}
