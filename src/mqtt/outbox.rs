// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets on their way from the callers to the I/O thread, in order.

use std::collections::VecDeque;

use bytes::Bytes;

/// Small packets are written together, up to about this many bytes.
const BATCH: usize = 16 * 1024;

/// See the module.
#[derive(Default)]
pub(super) struct Outbox {
    queue: VecDeque<Bytes>,
    /// Bytes queued and being written.
    bytes: usize,
    writing: usize,
}

impl Outbox {
    /// Whether a packet of `len` bytes may be added when at most `bound` bytes may wait.
    pub(super) fn has_room(&self, len: usize, bound: usize) -> bool {
        self.bytes == 0 || self.bytes.saturating_add(len) <= bound
    }

    pub(super) fn push(&mut self, packet: Bytes) {
        self.bytes += packet.len();
        self.queue.push_back(packet);
    }

    /// Moves whole packets from the front into `batch`. [`Outbox::written`] ends it.
    pub(super) fn take(&mut self, batch: &mut Vec<u8>) {
        batch.clear();
        while let Some(packet) = self.queue.front() {
            if !batch.is_empty() && batch.len() + packet.len() > BATCH {
                break;
            }
            batch.extend_from_slice(packet);
            self.queue.pop_front();
        }
        self.writing = batch.len();
    }

    /// What was taken is written.
    pub(super) fn written(&mut self) {
        self.bytes -= self.writing;
        self.writing = 0;
    }

    pub(super) fn is_idle(&self) -> bool {
        self.bytes == 0
    }

    /// Forgets everything: the connection is gone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_counts_what_is_being_written() {
        let mut out = Outbox::default();
        let mut batch = Vec::new();
        out.push(Bytes::from_static(b"ab"));
        out.push(Bytes::from_static(b"c"));
        out.take(&mut batch);
        assert_eq!(batch, b"abc");
        assert!(!out.is_idle() && !out.has_room(8, 10) && out.has_room(7, 10));
        out.push(Bytes::from_static(b"d"));
        out.written();
        assert!(!out.is_idle());
        out.take(&mut batch);
        assert_eq!(batch, b"d");
        out.written();
        assert!(out.is_idle());
        assert!(out.has_room(1_000_000, 10), "an empty queue takes one packet of any size");
    }

    #[test]
    fn a_batch_ends_at_a_packet() {
        let mut out = Outbox::default();
        let mut batch = Vec::new();
        for _ in 0..3 {
            out.push(Bytes::from(vec![0; BATCH * 2 / 3]));
        }
        for _ in 0..3 {
            out.take(&mut batch);
            assert_eq!(batch.len(), BATCH * 2 / 3);
            out.written();
        }
        out.take(&mut batch);
        assert!(batch.is_empty());
    }
}
