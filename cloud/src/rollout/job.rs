// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a job, the roll-out of one firmware: a table, without a clock and without a database.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "JobState")]
pub enum State {
    /// Somebody still works on it.
    Draft,
    /// Its firmware is tried on the devices that were chosen for that.
    Verifying,
    /// All of those have it.
    Verified,
    /// One of those does not.
    VerifyFailed,
    /// Somebody has looked at it and agrees.
    Approved,
    /// Devices are updated.
    Running,
    /// Nothing new begins; devices that are at work go on.
    Paused,
    /// Every device has come to an end.
    Done,
    /// Somebody has called it off.
    Cancelled,
}

/// What happens to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The trial begins.
    Verify,
    /// Every device of the trial succeeded.
    Passed,
    /// A device of the trial did not.
    Failed,
    /// Somebody agrees.
    Approve,
    /// It begins.
    Start,
    /// Somebody, or a threshold, stops it.
    Pause,
    /// It goes on.
    Resume,
    /// Every device has come to an end.
    Finish,
    /// Somebody calls it off.
    Cancel,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::Verifying,
        Self::Verified,
        Self::VerifyFailed,
        Self::Approved,
        Self::Running,
        Self::Paused,
        Self::Done,
        Self::Cancelled,
    ];

    /// The name, as in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Verifying => "verifying",
            Self::Verified => "verified",
            Self::VerifyFailed => "verify_failed",
            Self::Approved => "approved",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more happens to it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }

    /// The state that an event leads to; `None`: it is not possible now.
    pub fn after(self, event: Event) -> Option<Self> {
        use State::{Approved, Cancelled, Done, Draft, Paused, Running, Verified, VerifyFailed, Verifying};
        match (self, event) {
            (Draft | Verified | VerifyFailed, Event::Verify) => Some(Verifying),
            (Verifying, Event::Passed) => Some(Verified),
            (Verifying, Event::Failed) => Some(VerifyFailed),
            (Draft | Verified, Event::Approve) => Some(Approved),
            (Approved, Event::Start) => Some(Running),
            (Running, Event::Pause) => Some(Paused),
            (Paused, Event::Resume) => Some(Running),
            (Running, Event::Finish) => Some(Done),
            (Draft | Verifying | Verified | VerifyFailed | Approved | Running | Paused, Event::Cancel) => {
                Some(Cancelled)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [Event; 9] = [
        Event::Verify,
        Event::Passed,
        Event::Failed,
        Event::Approve,
        Event::Start,
        Event::Pause,
        Event::Resume,
        Event::Finish,
        Event::Cancel,
    ];

    /// Each row: a state, then where the events lead to in the order of `EVENTS`; `-`: nowhere.
    const TABLE: &str = "
        draft         verifying -        -             approved -       -      -       -    cancelled
        verifying     -         verified verify_failed -        -       -      -       -    cancelled
        verified      verifying -        -             approved -       -      -       -    cancelled
        verify_failed verifying -        -             -        -       -      -       -    cancelled
        approved      -         -        -             -        running -      -       -    cancelled
        running       -         -        -             -        -       paused -       done cancelled
        paused        -         -        -             -        -       -      running -    cancelled
        done          -         -        -             -        -       -      -       -    -
        cancelled     -         -        -             -        -       -      -       -    -";

    #[test]
    fn the_table() {
        let rows = TABLE.lines().map(|l| l.split_whitespace().collect::<Vec<&str>>());
        let rows: Vec<Vec<&str>> = rows.filter(|row| !row.is_empty()).collect();
        assert_eq!(rows.len(), State::ALL.len());
        for row in rows {
            let state = State::named(row[0]).unwrap();
            for (event, wanted) in EVENTS.into_iter().zip(&row[1..]) {
                assert_eq!(state.after(event).map_or("-", State::name), *wanted, "{state:?} {event:?}");
            }
        }
    }
}
