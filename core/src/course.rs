// SPDX-License-Identifier: MIT OR Apache-2.0
//! The course of a transfer over its attempts: what a failure calls for, and how the image is asked for next.
//!
//! Times are handed in as time since any fixed moment, the same for all calls.

use core::time::Duration;

use crate::fetch::{Class, FetchError};
use crate::net::NetError;
use crate::pace::{Floor, Meter};
use crate::retry::{Decision, Kind, Retries, RetryPolicy};

/// Partial answers in a row that bring nothing before the image is asked for from its first byte.
const USELESS: u32 = 3;
/// Times in a row that a floor may be missed before the transfer is given up.
pub const SLOW_WINDOWS: u32 = 3;

/// What is known of the attempts so far.
#[derive(Debug)]
pub struct Course {
    retries: Retries,
    /// The speed of the transfer, over all attempts.
    meter: Option<Meter>,
    /// Times in a row that it was too low.
    slow: u32,
    /// Whether an answer was the image that was asked for.
    seen: bool,
    /// Partial answers in a row that brought nothing.
    useless: u32,
    /// Whether a refusal is believed.
    doubt: Doubt,
    /// Answers that brought bytes.
    answers: u32,
}

/// What is held of an answer that ends a transfer which had worked until then. It may be somebody else's, or mean the
/// `Range` and `If-Range` alone: so it counts only when the same is said to a request without them, as the one that worked
/// was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// The next one will be doubted.
    Fresh,
    /// One was: the image is asked for from its first byte until bytes come, that is refused too, or so many answers more
    /// brought nothing.
    Asking(u32),
    /// Asking so did not help. The next one is believed at once.
    Settled,
}

/// How fast the bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// Fast enough, or it is too early to tell.
    Enough,
    /// Below the floor over a window: another connection may do better.
    TooLow,
    /// Below it too many times in a row: the transfer is given up.
    Hopeless,
}

impl Course {
    /// A transfer from `offset` on. Bytes in front of that came from an earlier answer.
    pub fn new(offset: u64, floor: Option<Floor>) -> Self {
        let resumed = offset > 0;
        Self {
            retries: Retries::default(),
            meter: floor.map(Meter::new),
            slow: 0,
            seen: resumed,
            useless: 0,
            doubt: Doubt::Fresh,
            answers: u32::from(resumed),
        }
    }

    /// Whether the image is asked for from its first byte, since parts of it are not to be had.
    pub fn asks_whole(&self) -> bool {
        self.useless >= USELESS || self.is_asking()
    }

    fn is_asking(&self) -> bool {
        matches!(self.doubt, Doubt::Asking(_))
    }

    /// An answer is the image that was asked for.
    pub fn answered(&mut self) {
        self.seen = true;
    }

    /// New bytes came, the first ones of their answer if `first`. Returns whether bytes of several answers are put
    /// together.
    pub fn progressed(&mut self, bytes: u64, first: bool) -> bool {
        self.answers += u32::from(first);
        self.retries.progressed(bytes);
        self.doubt = Doubt::Fresh;
        if self.useless < USELESS {
            self.useless = 0;
        }
        self.answers > 1
    }

    /// What failed so far says nothing any more: the transfer rested.
    pub fn rested(&mut self) {
        self.retries = Retries::default();
    }

    /// The URL was refused, and somebody is asked for another one.
    pub fn refused(&mut self, now: Duration) {
        self.retries.refused(now);
    }

    /// An attempt to get bytes behind those at hand failed and brought none.
    pub fn fell_through(&mut self, error: &FetchError) {
        if !is_answer(error) {
            return;
        }
        let (ends, whole) = (self.meaning(error).ends(), self.asks_whole());
        match self.doubt {
            Doubt::Fresh if ends && !whole => {
                self.doubt = Doubt::Asking(USELESS);
                self.retries.other_way();
            }
            Doubt::Asking(left) if ends || left <= 1 => self.doubt = Doubt::Settled,
            Doubt::Asking(left) => self.doubt = Doubt::Asking(left - 1),
            _ if whole || ends || says_later(error) => {}
            _ => {
                self.useless += 1;
                if self.asks_whole() {
                    // Another way to ask: what failed before it says nothing of it.
                    self.retries = Retries::default();
                }
            }
        }
    }

    /// Decides on a failure. `renewed`: somebody was asked for a fresh URL. `dice` is uniform in 0..=`u32::MAX`.
    pub fn failed(
        &mut self,
        error: &FetchError,
        renewed: bool,
        retry_policy: &RetryPolicy,
        now: Duration,
        dice: u32,
    ) -> Decision {
        let class = if renewed { Class::Transient(None) } else { self.class(error) };
        let kind = match error {
            _ if renewed => Kind::Expired,
            FetchError::Protocol | FetchError::Net(NetError::CertificateDamaged | NetError::TlsAlert) => {
                Kind::Hopeless
            }
            _ => Kind::Other,
        };
        self.retries.failed(class, kind, retry_policy, now, dice)
    }

    /// What a failure calls for now: one that is in doubt calls for another request to the same URL.
    pub fn class(&self, error: &FetchError) -> Class {
        match self.meaning(error) {
            class if class.ends() && is_answer(error) && self.is_asking() => Class::Transient(None),
            class => class,
        }
    }

    /// What a failure calls for if it is believed. Once the right image was seen there, an answer that is not it is somebody
    /// else's: a login page of the network, a cache that is being filled.
    fn meaning(&self, error: &FetchError) -> Class {
        match error {
            FetchError::Length { .. }
            | FetchError::Encoding
            | FetchError::Redirect
            | FetchError::InsecureRedirect
                if self.seen =>
            {
                Class::Transient(None)
            }
            error => error.class(),
        }
    }

    /// Takes note of bytes that were waited for that long.
    pub fn waited(&mut self, bytes: usize, time: Duration) -> Speed {
        match self.meter.as_mut().and_then(|meter| meter.keeps_up(bytes, time)) {
            None => Speed::Enough,
            Some(true) => {
                self.slow = 0;
                Speed::Enough
            }
            Some(false) => {
                self.slow += 1;
                if self.slow >= SLOW_WINDOWS { Speed::Hopeless } else { Speed::TooLow }
            }
        }
    }
}

/// Whether somebody answered, and the answer was not the image.
fn is_answer(error: &FetchError) -> bool {
    matches!(
        error,
        FetchError::Status { .. }
            | FetchError::Redirect
            | FetchError::InsecureRedirect
            | FetchError::Forbidden
            | FetchError::Length { .. }
            | FetchError::Range
            | FetchError::Encoding
            | FetchError::Truncated
            | FetchError::Protocol
    )
}

/// Whether the server only asks for retry_policy: that says nothing of how it was asked.
fn says_later(error: &FetchError) -> bool {
    matches!(error, FetchError::Status { status: 408 | 425 | 429 | 502..=504 | 507..=599, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn refusal(status: u16) -> FetchError {
        FetchError::Status { status, retry_after: None }
    }

    fn failed(course: &mut Course, error: &FetchError) -> Decision {
        course.failed(error, false, &RetryPolicy::default(), NOW, 0)
    }

    #[test]
    fn a_page_of_somebody_else_is_passed_over_once_the_image_was_seen() {
        for page in [
            FetchError::Length { announced: 7 },
            FetchError::Encoding,
            FetchError::Redirect,
            FetchError::InsecureRedirect,
        ] {
            let mut course = Course::new(0, None);
            assert_eq!(failed(&mut course, &page), Decision::GiveUp, "{page}");
            course.answered();
            assert_eq!(failed(&mut course, &page), Decision::Retry(Duration::ZERO), "{page}");
            assert_eq!(failed(&mut Course::new(1, None), &page), Decision::Retry(Duration::ZERO), "{page}");
        }
    }

    #[test]
    fn parts_that_are_not_to_be_had_are_not_asked_for_a_fourth_time() {
        let mut course = Course::new(9, None);
        for n in 0..3 {
            assert!(!course.asks_whole(), "{n}");
            // A connection that breaks says nothing of parts.
            course.fell_through(&FetchError::Net(NetError::Broken));
            course.fell_through(&FetchError::Range);
        }
        assert!(course.asks_whole());
        course.progressed(1, true);
        assert!(course.asks_whole(), "it stays so");
        let mut course = Course::new(9, None);
        for _ in 0..9 {
            course.fell_through(&FetchError::Truncated);
            course.progressed(1, true);
        }
        assert!(!course.asks_whole());
    }

    #[test]
    fn what_ends_a_transfer_that_worked_must_be_said_without_a_range_too() {
        let refusals = [400, 401, 403, 404, 405, 410, 412, 431].map(refusal);
        for refusal in refusals.into_iter().chain([FetchError::Forbidden]) {
            let mut course = Course::new(9, None);
            let mut fell = |error: &FetchError| {
                course.fell_through(error);
                (course.asks_whole(), course.class(error).ends())
            };
            assert_eq!(fell(&refusal), (true, false), "{refusal}");
            // A connection that breaks is no answer.
            assert_eq!(fell(&FetchError::Net(NetError::Broken)), (true, false));
            assert_eq!(fell(&refusal), (false, true), "{refusal}");
            // A fresh URL is asked for the part again, and believed when it refuses.
            assert_eq!(fell(&refusal), (false, true), "{refusal}");
            assert_eq!(failed(&mut course, &refusal), Decision::GiveUp, "{refusal}");
            // Bytes tell that the refusal was wrong: the next one is doubted again.
            course.progressed(1, true);
            course.fell_through(&refusal);
            assert!(course.asks_whole(), "{refusal}");
            course.progressed(1, true);
            assert!(!course.asks_whole(), "{refusal}");
        }
    }

    #[test]
    fn what_says_nothing_of_parts_raises_no_doubt() {
        let mut course = Course::new(9, None);
        for error in [refusal(503), refusal(429), FetchError::Net(NetError::Timeout), FetchError::Changed] {
            for _ in 0..9 {
                course.fell_through(&error);
                assert!(!course.asks_whole(), "{error}");
            }
        }
    }

    #[test]
    fn a_whole_that_does_not_come_either_ends_the_doubt() {
        // A whole that breaks off before anything new does not keep the refusal from counting.
        let mut course = Course::new(9, None);
        course.fell_through(&refusal(403));
        for _ in 0..USELESS {
            assert!(course.asks_whole());
            course.fell_through(&FetchError::Truncated);
        }
        assert!(!course.asks_whole());
        course.fell_through(&refusal(403));
        assert_eq!(course.class(&refusal(403)), Class::Expired);
        let mut course = Course::new(9, None);
        course.fell_through(&refusal(404));
        let certificate = FetchError::Net(NetError::Certificate);
        assert_eq!(failed(&mut course, &certificate), Decision::GiveUp);
    }

    #[test]
    fn doubts_do_not_keep_a_transfer_alive_for_ever() {
        let gone = refusal(404);
        let (mut course, mut tries) = (Course::new(9, None), 0);
        loop {
            course.fell_through(&gone);
            if failed(&mut course, &gone) == Decision::GiveUp {
                break;
            }
            tries += 1;
            // Each time the whole image is answered, and a byte of it is new.
            course.progressed(1, true);
        }
        assert_eq!(tries, 47);
    }

    #[test]
    fn an_image_of_two_answers_is_joined() {
        let mut course = Course::new(0, None);
        assert_eq!(
            [(true, false), (false, false), (true, true)]
                .map(|(first, joined)| course.progressed(1, first) == joined),
            [true; 3]
        );
        assert!(Course::new(5, None).progressed(1, true));
    }

    #[test]
    fn a_fresh_url_is_a_reason_to_try_again_for_a_while() {
        let gone = FetchError::Status { status: 403, retry_after: None };
        let mut course = Course::new(0, None);
        assert_eq!(failed(&mut course, &gone), Decision::GiveUp);
        let again = |course: &mut Course, now| course.failed(&gone, true, &RetryPolicy::default(), now, 0);
        assert_eq!(again(&mut course, NOW), Decision::Retry(Duration::ZERO));
        assert_eq!(again(&mut course, Duration::from_secs(60)), Decision::GiveUp);
    }

    #[test]
    fn what_looks_final_is_tried_three_times_and_a_verdict_once() {
        for (error, tries) in [
            (NetError::TlsAlert, 3),
            (NetError::CertificateDamaged, 3),
            (NetError::TlsRefused, 1),
            (NetError::Certificate, 1),
        ] {
            let mut course = Course::new(0, None);
            let mut ends = || failed(&mut course, &FetchError::Net(error)) == Decision::GiveUp;
            assert_eq!((1..).find(|_| ends()), Some(tries), "{error:?}");
        }
    }

    #[test]
    fn a_floor_may_be_missed_twice_in_a_row() {
        let second = Duration::from_secs(1);
        let mut course = Course::new(0, Some(Floor { rate: 100, window: second }));
        let speeds = [0, 0, 100, 0, 0, 0].map(|bytes| course.waited(bytes, second));
        let (low, enough) = (Speed::TooLow, Speed::Enough);
        assert_eq!(speeds, [low, low, enough, low, low, Speed::Hopeless]);
        assert_eq!(Course::new(0, None).waited(0, second), Speed::Enough);
    }
}
