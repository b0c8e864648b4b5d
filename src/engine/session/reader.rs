// SPDX-License-Identifier: MIT OR Apache-2.0
//! Takes bytes from the driver and hands them to the caller, hashing them on the way, on the caller's thread.

use std::time::Instant;

use otakit_core::digest::Hasher;
use otakit_core::failure::Failure;

use crate::engine::driver::Intake;

/// Takes the bytes that are handed out, piece by piece and in order.
pub type Put<'a> = &'a mut dyn FnMut(&[u8]);

/// The reading end of one transfer.
pub struct Reader {
    /// Which transfer.
    pub epoch: u64,
    /// When the whole transfer must be over.
    pub deadline: Option<Instant>,
    /// Size of the image in bytes.
    pub size: u64,
    /// Bytes handed out or there before.
    pub fetched: u64,
    /// Where the bytes come from.
    pub intake: Intake,
    /// The digests of the bytes handed out.
    pub hasher: Hasher,
}

impl Reader {
    /// Whether the time for the whole transfer is over and bytes are missing.
    pub fn is_late(&self, now: Instant) -> bool {
        self.fetched < self.size && self.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// Hands out and hashes at most `room` bytes, until that many are handed out, the image is complete or time is over.
    /// Bytes that came before a failure are handed out first; the failure then meets the next call.
    pub fn take(&mut self, room: usize, deadline: Instant, put: Put<'_>) -> Result<usize, Failure> {
        let mut taken = 0;
        while self.fetched < self.size && taken < room {
            let front = match self.intake.peek(deadline) {
                Ok(Some(bytes)) => front(bytes, room - taken),
                Ok(None) => break,
                Err(_) if taken > 0 => break,
                Err(failure) => return Err(failure),
            };
            put(front);
            // After the copy, which has brought the bytes into the processor's cache.
            self.hasher.update(front);
            let n = front.len();
            taken += n;
            self.fetched += n as u64;
            // However much is ready: it must not keep the caller for longer than it wants to wait.
            if self.intake.take(n) && Instant::now() >= deadline {
                break;
            }
        }
        Ok(taken)
    }
}

fn front(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most).unwrap_or(bytes)
}
