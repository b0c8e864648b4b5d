// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver without a thread: each read does the work of the transfer itself, in the caller's thread and for as long as it
//! may wait. Between two reads nothing moves; the server waits meanwhile.

use std::time::{Duration, Instant};

use otakit_core::failure::Failure;

use super::transfer::{Step, Transfer};
use crate::net::QUIET;

/// Shortest wait for the network: some take 0 for "for ever".
const LEAST: Duration = Duration::from_millis(1);

/// The session's hold on a transfer that runs. The transfer sees by its tokens that it is no longer wanted.
pub struct Line;

/// The reading end, and the transfer.
pub struct Intake {
    transfer: Transfer,
    buffer: Vec<u8>,
    /// The bytes in the buffer that are not taken yet.
    ready: std::ops::Range<usize>,
    slot_size: usize,
    end: Option<Failure>,
}

/// Begins a transfer: nothing happens before the first read. One slot is enough, since nobody fills another meanwhile.
pub fn start(transfer: Transfer, _slots: usize, slot_size: usize) -> (Line, Intake, Result<(), Failure>) {
    (
        Line,
        Intake { transfer, buffer: Vec::new(), ready: 0..0, slot_size: slot_size.max(1), end: None },
        Ok(()),
    )
}

impl Line {
    /// Nobody waits for room here.
    pub fn wake(&self) {}

    /// The transfer ends in the reading end, by its token.
    pub fn close(&self) {}
}

impl Intake {
    /// The next bytes, worked for until `deadline`: `None` when none came. A failure comes behind all bytes, and again each
    /// time.
    pub fn peek(&mut self, deadline: Instant) -> Result<Option<&[u8]>, Failure> {
        while self.ready.is_empty() {
            if let Some(failure) = &self.end {
                return Err(failure.clone());
            }
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now);
            match self.step(left.clamp(LEAST, QUIET)) {
                Ok(Step::Bytes(n)) => self.ready = 0..n.min(self.buffer.len()),
                Ok(Step::Nothing) if Instant::now() >= deadline => return Ok(None),
                Ok(Step::Nothing) => {}
                Ok(Step::Done) => self.end = Some(Failure::Internal),
                Err(failure) => self.end = Some(failure),
            }
        }
        Ok(self.buffer.get(self.ready.clone()))
    }

    fn step(&mut self, wait: Duration) -> Result<Step, Failure> {
        if self.transfer.is_reading() && self.buffer.is_empty() {
            self.buffer.try_reserve_exact(self.slot_size).map_err(|_| Failure::NoMemory)?;
            self.buffer.resize(self.slot_size, 0);
        }
        self.transfer.step(&mut self.buffer, wait, &|| true)
    }

    /// Lets go of an attempt that was ended.
    pub fn look(&mut self) {
        self.transfer.look();
    }

    /// Takes the first `n` bytes of what [`Intake::peek`] gave. `true` when that was all of it.
    pub fn take(&mut self, n: usize) -> bool {
        self.ready.start = self.ready.start.saturating_add(n).min(self.ready.end);
        self.ready.is_empty()
    }
}
