// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where an answer is handed over: one thread has asked the platform and waits, the answer arrives on another.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::cancel::CancellationToken;

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

    /// The answer, waited for at most `limit`.
    pub fn wait(&self, limit: Duration, cancel: &CancellationToken) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut waiting = self.waiting.lock();
        while !cancel.is_cancelled() {
            if let Some(answer) = waiting.as_mut().and_then(Option::take) {
                return Some(answer);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.came.wait_for(&mut waiting, left.min(SLICE));
        }
        None
    }
}

/// A question that is being put, step by step. A link that is down may be back before the time is over, and what the
/// platform says unasked meanwhile is an answer too.
pub struct Question {
    limit: Duration,
    /// When the answer, or the link, must have come.
    deadline: Option<Instant>,
    /// When it is put again; `None` once it was sent.
    again: Option<Instant>,
}

impl Question {
    /// A question that can be put within `limit`, and answered within `limit` from then on.
    pub fn new(limit: Duration) -> Self {
        Self { limit, deadline: None, again: Some(Instant::now()) }
    }

    /// Waits for about `wait`. `put` sends the question, and says whether it could. The answer, or that none came, once that
    /// is known.
    pub fn step<T>(
        &mut self,
        mailbox: &Mailbox<T>,
        wait: Duration,
        cancel: &CancellationToken,
        put: impl FnOnce() -> bool,
    ) -> Option<Option<T>> {
        let now = Instant::now();
        if self.again.is_some_and(|again| now >= again) {
            let is_sent = put();
            self.again = (!is_sent).then(|| now + AGAIN);
            // Its answer has all of the time, whenever the link came back.
            if is_sent || self.deadline.is_none() {
                self.deadline = Some(now + self.limit);
            }
        }
        let deadline = self.deadline.unwrap_or(now);
        let next = self.again.map_or(deadline, |again| again.min(deadline));
        if let Some(answer) = mailbox.wait(wait.min(next.saturating_duration_since(now)), cancel) {
            return Some(Some(answer));
        }
        (Instant::now() >= deadline || cancel.is_cancelled()).then_some(None)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn ask<T>(
        mailbox: &Mailbox<T>,
        limit: Duration,
        cancel: &CancellationToken,
        put: impl Fn() -> bool,
    ) -> Option<T> {
        let mut question = Question::new(limit);
        loop {
            if let Some(answer) = question.step(mailbox, SOON, cancel, &put) {
                return answer;
            }
        }
    }

    const SOON: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn a_question_is_put_until_it_is_sent() {
        let (mailbox, sent, cancel) = (Mailbox::default(), AtomicU32::new(0), CancellationToken::new());
        mailbox.open();
        let answer = ask(&mailbox, LONG, &cancel, || {
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
        assert_eq!(ask(&mailbox, LONG, &CancellationToken::new(), || false), Some(1));
    }

    #[test]
    fn it_ends_with_its_time_and_with_a_cancel() {
        let (mailbox, cancel) = (Mailbox::<()>::default(), CancellationToken::new());
        mailbox.open();
        assert_eq!(ask(&mailbox, SOON, &cancel, || false), None);
        assert_eq!(ask(&mailbox, SOON, &cancel, || true), None);
        cancel.cancel();
        assert_eq!(ask(&mailbox, LONG, &cancel, || false), None);
        assert_eq!(ask(&mailbox, LONG, &cancel, || true), None);
    }
}
