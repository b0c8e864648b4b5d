// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the cloud is told of a download, and when it is true.
//!
//! The vendor's own loop reports a failed download whenever no bytes came in time. A download that goes on has not
//! failed: such a report is held back until the download has really failed or the session ends, and dropped when bytes
//! come. A report of 100 % is held back until every byte has come and the digest is right.

use otakit_core::phase::Phase;
use otakit_core::platform::aliyun::report;
use otakit_core::platform::aliyun::topics::Topic;

use super::{Content, Ota, OtaError};

/// Longest progress report, in bytes: what the reference's buffer holds.
const MAX_REPORT: usize = 255;
/// The step that says that the download failed.
const FETCH_FAILED: i32 = -2;
/// The step that says that all is done.
const DONE: i32 = 100;

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
}

impl Told {
    /// Whether this is the first time that the verdict is asked for.
    pub fn first_verdict(&mut self) -> bool {
        !std::mem::replace(&mut self.verdict, true)
    }
}

/// What becomes of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Send,
    Hold,
    Drop,
}

/// `valid`: the verdict, once the download has ended.
fn fate(step: i32, phase: Phase, valid: Option<bool>, failed: bool) -> Fate {
    match (step, phase) {
        (FETCH_FAILED | DONE, Phase::Fetching) => Fate::Hold,
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
        let (phase, valid) = (self.session.phase(), self.session.verdict());
        let fate = {
            let mut state = self.state.lock();
            // Without an offer, or with a configuration, there is no firmware whose state could be told wrongly.
            let fate = match state.content {
                Some(Content::Firmware(_)) => fate(step, phase, valid, state.told.failed),
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

    /// Bytes came: the download has not failed. With the last of them, completion may be told.
    pub(super) fn data_flows(&self) {
        let valid = self.session.verdict();
        let done = {
            let mut state = self.state.lock();
            state.told.failure = None;
            if valid.is_none() { None } else { state.told.done.take() }
        };
        if let Some(payload) = done.filter(|_| valid == Some(true)) {
            let _ = self.send(Topic::Progress, 0, &payload);
        }
    }

    /// The download has failed or is given up: what was held back is true now.
    pub(super) fn tell_held_failure(&self) {
        let held = {
            let mut state = self.state.lock();
            state.told.done = None;
            let held = state.told.failure.take();
            state.told.failed |= held.is_some();
            held
        };
        if let Some(payload) = held {
            let _ = self.send(Topic::Progress, 0, &payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_so_is_told() {
        for step in -4..=100 {
            assert_eq!(fate(step, Phase::Idle, None, false), Fate::Send, "{step}: no download");
            let held = matches!(step, -2 | 100);
            let fetching = if held { Fate::Hold } else { Fate::Send };
            assert_eq!(fate(step, Phase::Fetching, None, false), fetching, "{step}");
            let wrong = if step == 100 { Fate::Drop } else { Fate::Send };
            assert_eq!(fate(step, Phase::Finished, Some(false), false), wrong, "{step}");
            let again = if held { Fate::Drop } else { Fate::Send };
            assert_eq!(fate(step, Phase::Finished, Some(false), true), again, "{step}: told already");
            assert_eq!(fate(step, Phase::Finished, Some(true), false), Fate::Send, "{step}");
        }
    }
}
