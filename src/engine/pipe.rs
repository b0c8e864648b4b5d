// SPDX-License-Identifier: MIT OR Apache-2.0
//! A bounded pipe of recycled slots between the thread that fetches and the thread that takes the bytes.
//!
//! Memory is bounded by the number of slots; a full pipe makes the fetching thread wait, and with it the server.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::cancel::CancellationToken;

/// A filled part of the image.
#[derive(Debug)]
pub struct Slot {
    buffer: Vec<u8>,
    filled: usize,
    taken: usize,
}

impl Slot {
    /// The bytes not taken yet.
    pub fn rest(&self) -> &[u8] {
        self.buffer.get(self.taken..self.filled).unwrap_or_default()
    }

    /// Marks `n` bytes as taken.
    pub fn take(&mut self, n: usize) {
        self.taken = self.taken.saturating_add(n).min(self.filled);
    }
}

/// What [`Pipe::pop`] came back with.
#[derive(Debug)]
pub enum Popped<E> {
    /// The next bytes.
    Slot(Slot),
    /// Nothing more will come: all is there, or this went wrong.
    End(Result<(), E>),
    /// Nothing came in time.
    TimedOut,
}

/// The pipe. Shared by one fetching and one taking thread.
#[derive(Debug)]
pub struct Pipe<E> {
    state: Mutex<State<E>>,
    readable: Condvar,
    writable: Condvar,
    slots: usize,
    slot_size: usize,
    /// Whether the taking thread waits.
    awaited: AtomicBool,
}

#[derive(Debug)]
struct State<E> {
    ready: VecDeque<Slot>,
    free: Vec<Vec<u8>>,
    /// Slots that may still be allocated.
    spare: usize,
    end: Option<Result<(), E>>,
    closed: bool,
}

impl<E: Clone> Pipe<E> {
    /// A pipe of at most `slots` slots (at least 2) of `slot_size` bytes (at least 1); allocated when first needed.
    pub fn new(slots: usize, slot_size: usize) -> Self {
        let state =
            State { ready: VecDeque::new(), free: Vec::new(), spare: slots.max(2), end: None, closed: false };
        Self {
            state: Mutex::new(state),
            readable: Condvar::new(),
            writable: Condvar::new(),
            slots: slots.max(2),
            slot_size: slot_size.max(1),
            awaited: AtomicBool::new(false),
        }
    }

    /// An empty buffer to fill, waiting until one is free. `Ok(None)` when the taker has gone or `stop` is set; `Err` when
    /// there is no memory for it.
    pub fn buffer(
        &self,
        stop: &CancellationToken,
    ) -> Result<Option<Vec<u8>>, std::collections::TryReserveError> {
        let mut state = self.state.lock();
        loop {
            if state.closed || stop.is_cancelled() {
                return Ok(None);
            }
            if let Some(buffer) = state.free.pop() {
                return Ok(Some(buffer));
            }
            if state.spare > 0 {
                state.spare -= 1;
                drop(state);
                let mut buffer = Vec::new();
                buffer.try_reserve_exact(self.slot_size)?;
                buffer.resize(self.slot_size, 0);
                return Ok(Some(buffer));
            }
            self.writable.wait(&mut state);
        }
    }

    /// Hands on a buffer whose first `filled` bytes are the next of the image.
    pub fn push(&self, buffer: Vec<u8>, filled: usize) {
        let filled = filled.min(buffer.len());
        self.state.lock().ready.push_back(Slot { buffer, filled, taken: 0 });
        self.readable.notify_one();
    }

    /// Gives back a buffer that was not filled, or a slot whose bytes are taken.
    pub fn recycle(&self, buffer: Vec<u8>) {
        let mut state = self.state.lock();
        state.free.push(buffer);
        // A thread that waits for room is woken when half of the pipe is free: waking it costs as much as filling a
        // slot does.
        if state.free.len() >= self.slots / 2 || state.ready.is_empty() {
            drop(state);
            self.writable.notify_one();
        }
    }

    /// Lets a thread that waits for room look at its `stop`.
    pub fn wake(&self) {
        // Whoever is about to wait holds this lock, and has seen the stop or will be woken.
        drop(self.state.lock());
        self.writable.notify_all();
    }

    /// Whether the taking thread waits for bytes.
    pub fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed)
    }

    /// Gives back a slot.
    pub fn recycle_slot(&self, slot: Slot) {
        self.recycle(slot.buffer);
    }

    /// Nothing more will be pushed. The first end counts.
    pub fn finish(&self, end: Result<(), E>) {
        self.state.lock().end.get_or_insert(end);
        self.readable.notify_all();
    }

    /// The next bytes, or the end once all bytes are taken; waits until `deadline`.
    pub fn pop(&self, deadline: Instant) -> Popped<E> {
        let mut state = self.state.lock();
        loop {
            if let Some(slot) = state.ready.pop_front() {
                return Popped::Slot(slot);
            }
            if let Some(end) = &state.end {
                return Popped::End(end.clone());
            }
            self.awaited.store(true, Ordering::Relaxed);
            let timed_out = self.readable.wait_until(&mut state, deadline).timed_out();
            self.awaited.store(false, Ordering::Relaxed);
            // What came at the last moment still counts.
            if timed_out && state.ready.is_empty() && state.end.is_none() {
                return Popped::TimedOut;
            }
        }
    }

    /// The taker goes: frees what is queued and wakes the fetching thread, which then ends.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.ready.clear();
        state.free.clear();
        self.writable.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn bytes_keep_their_order_through_few_slots() {
        let pipe = Arc::new(Pipe::<()>::new(2, 3));
        let writer = {
            let pipe = pipe.clone();
            std::thread::spawn(move || {
                for n in 0..1000u32 {
                    let mut buffer = pipe.buffer(&CancellationToken::new()).unwrap().unwrap();
                    buffer[0] = (n % 251) as u8;
                    pipe.push(buffer, 1);
                }
                pipe.finish(Ok(()));
            })
        };
        for n in 0..1000u32 {
            let Popped::Slot(slot) = pipe.pop(soon()) else { panic!("slot {n} missing") };
            assert_eq!(slot.rest(), [(n % 251) as u8]);
            pipe.recycle_slot(slot);
        }
        assert!(matches!(pipe.pop(soon()), Popped::End(Ok(()))));
        writer.join().unwrap();
    }

    #[test]
    fn a_partly_taken_slot_yields_its_rest() {
        let pipe = Pipe::<()>::new(2, 4);
        let mut buffer = pipe.buffer(&CancellationToken::new()).unwrap().unwrap();
        buffer.copy_from_slice(b"abcd");
        pipe.push(buffer, 3);
        let Popped::Slot(mut slot) = pipe.pop(soon()) else { panic!() };
        slot.take(2);
        assert_eq!(slot.rest(), b"c");
        slot.take(9);
        assert_eq!(slot.rest(), b"");
    }

    #[test]
    fn close_wakes_the_writer_and_an_end_does_not_overtake_bytes() {
        let pipe = Arc::new(Pipe::<u8>::new(2, 1));
        let (a, b) = (
            pipe.buffer(&CancellationToken::new()).unwrap().unwrap(),
            pipe.buffer(&CancellationToken::new()).unwrap().unwrap(),
        );
        let blocked = {
            let pipe = pipe.clone();
            std::thread::spawn(move || pipe.buffer(&CancellationToken::new()).unwrap().is_none())
        };
        pipe.push(a, 1);
        pipe.finish(Err(7));
        pipe.finish(Ok(()));
        assert!(matches!(pipe.pop(soon()), Popped::Slot(_)));
        assert!(matches!(pipe.pop(soon()), Popped::End(Err(7))));
        pipe.close();
        assert!(blocked.join().unwrap());
        drop(b);
    }

    #[test]
    fn who_waits_for_room_can_be_stopped() {
        let pipe = Arc::new(Pipe::<()>::new(2, 1));
        let full = [
            pipe.buffer(&CancellationToken::new()).unwrap(),
            pipe.buffer(&CancellationToken::new()).unwrap(),
        ];
        let stop = CancellationToken::new();
        let blocked = {
            let (pipe, stop) = (pipe.clone(), stop.clone());
            std::thread::spawn(move || pipe.buffer(&stop).unwrap().is_none())
        };
        stop.cancel();
        pipe.wake();
        assert!(blocked.join().unwrap());
        drop(full);
    }

    #[test]
    fn an_empty_pipe_times_out() {
        assert!(matches!(Pipe::<()>::new(2, 1).pop(Instant::now()), Popped::TimedOut));
    }
}
