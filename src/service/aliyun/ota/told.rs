// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cloud is told of a download, and when it is true.
//!
//! The vendor's own loop reports a failed download whenever no bytes came in time. A download that goes on has not
//! failed: such a report is held back until the download has really failed or is given up, and dropped when bytes come. A
//! report of 100 % is held back until every byte has come and the digest is right.
//!
//! ```text
//! -2, 100 ──► held ──► not so: dropped
//!                 └──► so: owed ──► sent, as soon as there is a link
//! ```

use std::time::{Duration, Instant};

use otakit_core::phase::Phase;
use otakit_core::platform::aliyun::report;
use otakit_core::platform::aliyun::topics::Topic;

use super::{Content, Ota, OtaError, State};

/// Longest progress report, in bytes: what the reference's buffer holds.
const MAX_REPORT: usize = 255;
/// The step that says that the download failed.
const FETCH_FAILED: i32 = -2;
/// The step that says that all is done.
const DONE: i32 = 100;

/// A program that has not fetched for so long is not fetching, whatever the session waits for.
const QUIET: Duration = Duration::from_secs(10);
/// How long after a failed try the next one is made, where nothing says that the link is back.
const AGAIN: Duration = Duration::from_millis(200);

/// What was told of the download at hand.
#[derive(Default)]
pub struct Told {
    /// Whether the verdict was asked for.
    verdict: bool,
    /// The payload of a failure that has not happened yet.
    failure: Option<String>,
    /// Whether such a failure was sent after all: the application's own next report of it says nothing new.
    failed: bool,
    /// The payload of a completion that is not known yet.
    done: Option<String>,
    /// The newest payload that was accepted, is so, and is not sent.
    owed: Option<String>,
    /// When it was tried last.
    tried: Option<Instant>,
    /// When the application last fetched.
    fetched: Option<Instant>,
}

impl Told {
    /// Whether this is the first time that the verdict is asked for.
    pub fn first_verdict(&mut self) -> bool {
        !std::mem::replace(&mut self.verdict, true)
    }

    /// The application has fetched; `came`: bytes; `over`: the last of them. Bytes say that nothing has failed, whatever was
    /// true before them.
    pub fn fetched(&mut self, now: Instant, came: bool, over: bool) {
        self.fetched = Some(now);
        if came {
            self.failure = None;
        }
        // Once it is over, what is owed may be the verdict already: another thread may have asked for it.
        if came && !over {
            (self.owed, self.failed) = (None, false);
        }
    }

    /// Whether the application fetches, or did so a moment ago.
    fn is_fetched(&self, now: Instant) -> bool {
        self.fetched.is_some_and(|last| now.saturating_duration_since(last) < QUIET)
    }

    /// Something is so, and to be sent.
    fn owe(&mut self, payload: String) {
        (self.owed, self.tried) = (Some(payload), None);
    }

    /// What was held back is so now, or never will be. `valid`: the verdict, once the download has ended; `live`: somebody
    /// fetches.
    fn judge(&mut self, valid: Option<bool>, live: bool) {
        match valid {
            Some(true) => {
                self.failure = None;
                if let Some(done) = self.done.take() {
                    self.owe(done);
                }
                return;
            }
            Some(false) => self.done = None,
            None if live => return,
            None => {}
        }
        if let Some(failure) = self.failure.take() {
            self.failed = true;
            self.owe(failure);
        }
    }

    /// Takes what is to be sent now. `at_once`: however recently it was tried.
    fn take_owed(&mut self, now: Instant, at_once: bool) -> Option<String> {
        let rests = self.tried.is_some_and(|last| now.saturating_duration_since(last) < AGAIN);
        if rests && !at_once {
            return None;
        }
        let owed = self.owed.take()?;
        self.tried = Some(now);
        Some(owed)
    }
}

/// What becomes of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Send,
    Hold,
    Drop,
}

/// `valid`: the verdict, once the download has ended; `live`: somebody fetches.
fn fate(step: i32, phase: Phase, valid: Option<bool>, failed: bool, live: bool) -> Fate {
    match (step, phase) {
        (DONE, Phase::Fetching) => Fate::Hold,
        (FETCH_FAILED, Phase::Fetching) if live => Fate::Hold,
        (FETCH_FAILED, Phase::Finished) if failed => Fate::Drop,
        (DONE, Phase::Finished) if valid == Some(false) => Fate::Drop,
        _ => Fate::Send,
    }
}

impl Ota {
    /// Reports progress in percent (0..=100) or a failure (-4..=-1), with a text. A report that is not true yet is held
    /// back, which is `Ok` too.
    pub fn report_progress(&self, step: i32, text: &str) -> Result<(), OtaError> {
        if !(-4..=100).contains(&step) {
            return Err(self.note(OtaError::Invalid));
        }
        let payload = report::progress(step, text);
        if payload.len() > MAX_REPORT {
            return Err(self.note(OtaError::TooLong));
        }
        // What was to be told before comes before it.
        self.settle(true);
        let fate = {
            let mut state = self.state.lock();
            // Without an offer, or with a configuration, there is no firmware whose state could be told wrongly.
            let fate = match state.content {
                Some(Content::Firmware(_)) => {
                    let live = self.is_live(&state, Instant::now());
                    fate(step, self.session.phase(), self.session.verdict(), state.told.failed, live)
                }
                _ => Fate::Send,
            };
            match fate {
                Fate::Hold if step == DONE => state.told.done = Some(payload.clone()),
                Fate::Hold => state.told.failure = Some(payload.clone()),
                Fate::Drop if step == FETCH_FAILED => state.told.failed = false,
                Fate::Drop | Fate::Send => {}
            }
            fate
        };
        match fate {
            Fate::Send => self.send(Topic::Progress, 0, &payload),
            Fate::Hold | Fate::Drop => {
                crate::log!(Info, "ota", "{}: step {step} is not reported: it is not so", self.device());
                Ok(())
            }
        }
    }

    /// Tells the cloud how the update ended: now, or as soon as there is a link.
    pub fn tell(&self, step: i32) {
        self.state.lock().told.owe(report::progress(step, ""));
        self.settle(true);
    }

    /// Sends what was held back and is so now, and what could not be sent before. `at_once`: without a rest after a try
    /// that failed.
    pub fn settle(&self, at_once: bool) {
        let owed = {
            let mut state = self.state.lock();
            let now = Instant::now();
            let live = self.is_live(&state, now);
            state.told.judge(self.session.verdict(), live);
            state.told.take_owed(now, at_once)
        };
        if let Some(payload) = owed
            && self.say(Topic::Progress, 0, &payload).is_err()
        {
            // A newer one may have come meanwhile.
            self.state.lock().told.owed.get_or_insert(payload);
        }
    }

    /// Ends the download. What was held back of its failure is true now.
    pub fn cancel(&self) {
        self.session.cancel();
        self.settle(true);
    }

    fn is_live(&self, state: &State, now: Instant) -> bool {
        self.session.is_read() || state.told.is_fetched(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_so_is_told() {
        for step in -4..=100 {
            for live in [false, true] {
                let fate = |phase, valid, failed| fate(step, phase, valid, failed, live);
                assert_eq!(fate(Phase::Idle, None, false), Fate::Send, "{step}: no download");
                let held = step == 100 || (step == -2 && live);
                let fetching = if held { Fate::Hold } else { Fate::Send };
                assert_eq!(fate(Phase::Fetching, None, false), fetching, "{step}");
                let wrong = if step == 100 { Fate::Drop } else { Fate::Send };
                assert_eq!(fate(Phase::Finished, Some(false), false), wrong, "{step}");
                let again = if matches!(step, -2 | 100) { Fate::Drop } else { Fate::Send };
                assert_eq!(fate(Phase::Finished, Some(false), true), again, "{step}: told already");
                assert_eq!(fate(Phase::Finished, Some(true), false), Fate::Send, "{step}");
            }
        }
    }

    #[test]
    fn who_does_not_fetch_any_more_has_given_up() {
        let (mut told, now) = (Told::default(), Instant::now());
        assert!(!told.is_fetched(now), "nobody has begun");
        told.fetched(now, false, false);
        told.failure = Some("-2".to_owned());
        let late = now + QUIET;
        assert!(told.is_fetched(late - AGAIN) && !told.is_fetched(late));
        told.judge(None, true);
        assert_eq!(told.take_owed(late, true), None);
        told.judge(None, false);
        assert_eq!(told.take_owed(late, false).as_deref(), Some("-2"));
        assert!(told.failed && told.failure.is_none());
    }

    #[test]
    fn the_newest_is_owed_and_tried_now_and_then() {
        let (mut told, now) = (Told::default(), Instant::now());
        told.owe("1".to_owned());
        told.owe("2".to_owned());
        assert_eq!(told.take_owed(now, false).as_deref(), Some("2"));
        // It could not be sent.
        told.owed = Some("2".to_owned());
        assert_eq!(told.take_owed(now, false), None);
        assert_eq!(told.take_owed(now + AGAIN, false).as_deref(), Some("2"));
        told.owed = Some("2".to_owned());
        assert_eq!(told.take_owed(now, true).as_deref(), Some("2"));
        told.owe("3".to_owned());
        assert_eq!(told.take_owed(now, false).as_deref(), Some("3"), "a new one does not wait");
        told.owe("4".to_owned());
        told.fetched(now, true, true);
        assert_eq!(told.take_owed(now, true).as_deref(), Some("4"), "the last bytes: it may be the verdict");
        told.owe("5".to_owned());
        told.fetched(now, true, false);
        assert_eq!(told.take_owed(now, true), None, "bytes came: it is not so any more");
    }
}
