// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where an answer is handed over: one thread has asked the platform and waits, the answer arrives on another.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::cancel::Cancel;

/// How often a waiting thread looks whether it was cancelled.
const SLICE: Duration = Duration::from_millis(50);
/// Pause before a question that could not be sent is put again.
const AGAIN: Duration = Duration::from_millis(200);

/// Holds one answer for whoever waits for it.
pub struct Mailbox<T> {
    /// Open when not `None`.
    waiting: Mutex<Option<Option<T>>>,
    came: Condvar,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self { waiting: Mutex::new(None), came: Condvar::new() }
    }
}

impl<T> Mailbox<T> {
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

    /// Puts a question and waits for its answer, each for at most `limit`. `question` says whether it was sent: a link
    /// that is down may be back before the time is over. What the platform says unasked meanwhile is an answer too.
    pub fn ask(&self, limit: Duration, cancel: &Cancel, question: impl Fn() -> bool) -> Option<T> {
        let deadline = Instant::now() + limit;
        while !question() {
            if let Some(answer) = self.wait(AGAIN, cancel) {
                return Some(answer);
            }
            if Instant::now() >= deadline || cancel.is_cancelled() {
                return None;
            }
        }
        self.wait(limit, cancel)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const SOON: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn a_question_is_put_until_it_is_sent() {
        let (mailbox, sent, cancel) = (Mailbox::default(), AtomicU32::new(0), Cancel::new());
        mailbox.open();
        let answer = mailbox.ask(LONG, &cancel, || {
            let is_sent = sent.fetch_add(1, Ordering::Relaxed) == 2;
            if is_sent {
                assert!(mailbox.deliver("answer").is_none());
            }
            is_sent
        });
        assert_eq!((answer, sent.into_inner()), (Some("answer"), 3));
    }

    #[test]
    fn what_is_said_unasked_is_an_answer() {
        let mailbox = Mailbox::default();
        mailbox.open();
        assert!(mailbox.deliver(1).is_none());
        assert_eq!(mailbox.ask(LONG, &Cancel::new(), || false), Some(1));
    }

    #[test]
    fn it_ends_with_its_time_and_with_a_cancel() {
        let (mailbox, cancel) = (Mailbox::<()>::default(), Cancel::new());
        mailbox.open();
        assert_eq!(mailbox.ask(SOON, &cancel, || false), None);
        assert_eq!(mailbox.ask(SOON, &cancel, || true), None);
        cancel.cancel();
        assert_eq!(mailbox.ask(LONG, &cancel, || false), None);
        assert_eq!(mailbox.ask(LONG, &cancel, || true), None);
    }
}
