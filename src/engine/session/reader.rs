// SPDX-License-Identifier: MIT OR Apache-2.0
//! Takes bytes out of the pipe into the caller's buffer, hashing them on the way, on the caller's thread.

use std::sync::Arc;
use std::time::Instant;

use crate::digest::Hasher;
use crate::engine::Failure;
use crate::engine::pipe::{Pipe, Popped, Slot};

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
    pub pipe: Arc<Pipe<Failure>>,
    /// The slot being taken from.
    pub slot: Option<Slot>,
    /// The digests of the bytes handed out.
    pub hasher: Hasher,
}

impl Reader {
    /// Copies and hashes bytes until `out` is full, the image is complete or time is over. Bytes that came before a
    /// failure are handed out first; the failure then meets the next call.
    pub fn fill(&mut self, out: &mut [u8], deadline: Instant) -> Result<usize, Failure> {
        let mut filled = 0;
        while self.fetched < self.size {
            let Some(room) = out.get_mut(filled..).filter(|room| !room.is_empty()) else { break };
            let slot = match &mut self.slot {
                Some(slot) => slot,
                None => match self.pipe.pop(deadline) {
                    Popped::Slot(slot) => self.slot.insert(slot),
                    Popped::TimedOut => break,
                    Popped::End(_) if filled > 0 => break,
                    Popped::End(Err(failure)) => return Err(failure),
                    Popped::End(Ok(())) => return Err(Failure::Internal),
                },
            };
            let taken = copy_front(slot.rest(), room);
            filled += taken;
            self.fetched += taken as u64;
            slot.take(taken);
            self.hasher.update(room.get(..taken).unwrap_or_default());
            if slot.rest().is_empty()
                && let Some(slot) = self.slot.take()
            {
                self.pipe.recycle_slot(slot);
            }
        }
        Ok(filled)
    }
}

fn copy_front(from: &[u8], to: &mut [u8]) -> usize {
    let n = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..n), to.get_mut(..n)) {
        to.copy_from_slice(from);
    }
    n
}
