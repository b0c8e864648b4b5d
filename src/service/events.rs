// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happened, kept until the application asks: for programs that must not be called from threads they do not know.
//!
//! A pipe holds one byte exactly while the queue is not empty, so that its end can be waited for together with a
//! program's other descriptors.

use std::collections::VecDeque;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Most events that wait; then the oldest that may be lost goes.
const LIMIT: usize = 256;

/// Events in order. All methods from any thread.
pub struct Events<T> {
    queue: Mutex<VecDeque<(T, bool)>>,
    arrived: Condvar,
    pipe: Option<(PipeReader, PipeWriter)>,
}

impl<T> Events<T> {
    /// An empty queue. Without descriptors left it works, but cannot be polled.
    pub fn new() -> Self {
        let pipe = std::io::pipe().inspect_err(|error| crate::log!(Error, "events", "{error}")).ok();
        Self { queue: Mutex::default(), arrived: Condvar::new(), pipe }
    }

    /// The descriptor that is readable while events wait.
    pub fn readable(&self) -> Option<&PipeReader> {
        self.pipe.as_ref().map(|(reader, _)| reader)
    }

    /// Appends. One that is `passing` (a percentage) gives way to the next passing one when nobody takes them.
    pub fn post(&self, event: T, passing: bool) {
        let mut queue = self.queue.lock();
        if passing && queue.len() > 1 && queue.back().is_some_and(|(_, passing)| *passing) {
            queue.pop_back();
        } else if queue.len() >= LIMIT {
            let oldest = queue.iter().position(|(_, passing)| *passing).unwrap_or(0);
            queue.remove(oldest);
        }
        queue.push_back((event, passing));
        if queue.len() == 1 {
            self.signal(|_, writer| writer.write_all(&[1]));
        }
        drop(queue);
        self.arrived.notify_all();
    }

    /// The oldest event, waited for at most `timeout`.
    pub fn take(&self, timeout: Duration) -> Option<T> {
        let deadline = Instant::now().checked_add(timeout);
        let mut queue = self.queue.lock();
        loop {
            if let Some((event, _)) = queue.pop_front() {
                if queue.is_empty() {
                    self.signal(|reader, _| reader.read_exact(&mut [0]));
                }
                return Some(event);
            }
            match deadline {
                Some(deadline) if self.arrived.wait_until(&mut queue, deadline).timed_out() => {
                    // One may have come in the same instant.
                    if queue.is_empty() {
                        return None;
                    }
                }
                Some(_) => {}
                None => self.arrived.wait(&mut queue),
            }
        }
    }

    /// Drops what waits.
    pub fn clear(&self) {
        while self.take(Duration::ZERO).is_some() {}
    }

    /// The byte is there exactly when it should be, hence neither end ever blocks.
    fn signal(&self, act: impl FnOnce(&mut &PipeReader, &mut &PipeWriter) -> std::io::Result<()>) {
        if let Some((reader, writer)) = &self.pipe
            && let Err(error) = act(&mut &*reader, &mut &*writer)
        {
            crate::log!(Error, "events", "{error}");
        }
    }
}

impl<T> Default for Events<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_passing_ones_give_way() {
        let events = Events::new();
        events.post(0, false);
        for percent in 1..1000 {
            events.post(percent, true);
        }
        events.post(1000, false);
        let taken: Vec<_> = std::iter::from_fn(|| events.take(Duration::ZERO)).collect();
        assert_eq!(taken, [0, 999, 1000]);
        for number in 0..1000 {
            events.post(number, false);
        }
        assert_eq!(events.take(Duration::ZERO), Some(1000 - 256));
        events.clear();
        assert_eq!(events.take(Duration::from_millis(1)), None);
    }

    #[test]
    fn the_pipe_holds_a_byte_while_events_wait() {
        let events = Events::new();
        for _ in 0..3 {
            events.post((), false);
            events.post((), false);
            assert!(events.take(Duration::ZERO).is_some());
            assert!(events.take(Duration::ZERO).is_some());
        }
        events.post((), false);
        let mut byte = [0];
        events.readable().unwrap().read_exact(&mut byte).unwrap();
        assert_eq!(byte, [1]);
    }
}
