// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where an answer is handed over: one thread has asked the platform and waits, the answer arrives on another.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::cancel::Cancel;

/// How often a waiting thread looks whether it was cancelled.
const SLICE: Duration = Duration::from_millis(50);

/// Holds one answer for whoever waits for it.
pub struct Desk<T> {
    /// Open when not `None`.
    waiting: Mutex<Option<Option<T>>>,
    came: Condvar,
}

impl<T> Default for Desk<T> {
    fn default() -> Self {
        Self { waiting: Mutex::new(None), came: Condvar::new() }
    }
}

impl<T> Desk<T> {
    /// Takes an answer for whoever waits for one; gives it back when nobody does.
    pub fn deliver(&self, answer: T) -> Option<T> {
        let mut waiting = self.waiting.lock();
        match waiting.as_mut() {
            Some(place) => {
                *place = Some(answer);
                self.came.notify_all();
                None
            }
            None => Some(answer),
        }
    }

    /// From now on answers are taken.
    pub fn open(&self) {
        *self.waiting.lock() = Some(None);
    }

    /// From now on they are not.
    pub fn close(&self) {
        *self.waiting.lock() = None;
    }

    /// The answer, waited for at most `limit`.
    pub fn wait(&self, limit: Duration, cancel: &Cancel) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut waiting = self.waiting.lock();
        while !cancel.is_cancelled() && Instant::now() < deadline {
            if let Some(answer) = waiting.as_mut().and_then(Option::take) {
                return Some(answer);
            }
            self.came.wait_for(&mut waiting, SLICE);
        }
        None
    }
}
