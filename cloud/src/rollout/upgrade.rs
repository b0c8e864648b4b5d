// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of one device's update: a table, without a clock and without a database.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far an update has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "UpdateState")]
pub enum State {
    /// It waits for its device, or for its turn.
    Queued,
    /// The device was given the offer and has not answered.
    Pushed,
    /// The device reported a percentage.
    Downloading,
    /// The device has all of it.
    Installing,
    /// The device reported the new version.
    Succeeded,
    /// The device reported a failure, or runs something else.
    Failed,
    /// The device did not come to an end in time.
    TimedOut,
    /// Somebody has called it off.
    Cancelled,
    /// A newer order took its place.
    Superseded,
    /// There was nothing to do for this device.
    Skipped,
}

/// What happens to an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The device was given the offer.
    Given,
    /// The device reports a percentage below 100.
    Part,
    /// The device reports 100 %.
    Whole,
    /// The device reports a failure.
    Broken,
    /// The device reports the version that it was to get.
    Arrived,
    /// The device reports a version that is neither the old nor the new one.
    Strayed,
    /// Somebody calls it off.
    Cancel,
    /// A newer order takes its place.
    Replace,
    /// Its time is over.
    Expire,
    /// It is tried again.
    Retry,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Pushed,
        Self::Downloading,
        Self::Installing,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelled,
        Self::Superseded,
        Self::Skipped,
    ];

    /// Whether nothing more is expected of the update.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Pushed | Self::Downloading | Self::Installing)
    }

    /// Whether the device is at work on it.
    pub fn is_at_work(self) -> bool {
        matches!(self, Self::Downloading | Self::Installing)
    }

    /// The name, as in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Pushed => "pushed",
            Self::Downloading => "downloading",
            Self::Installing => "installing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
            Self::Skipped => "skipped",
        }
    }

    /// The state of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The state that an event leads to; `None`: it changes nothing.
    pub fn after(self, event: Event) -> Option<Self> {
        use State::{
            Cancelled, Downloading, Failed, Installing, Pushed, Queued, Skipped, Succeeded, Superseded,
            TimedOut,
        };
        match (self, event) {
            // What a device really runs counts, whatever was thought of it before.
            (Succeeded | Superseded | Skipped, _) => None,
            (_, Event::Arrived) => Some(Succeeded),
            // Who is retried by hand was given up, or called off, before.
            (Failed | TimedOut | Cancelled, Event::Retry) => Some(Queued),
            // A device that goes on by itself after it has told of a failure.
            (Failed, Event::Part) => Some(Downloading),
            (Failed, Event::Whole) => Some(Installing),
            (Failed, Event::Broken) => Some(Failed),
            (Failed | TimedOut | Cancelled, _)
            | (Queued | Pushed | Downloading | Installing, Event::Retry) => None,
            // Given again: the device came back without it.
            (Queued | Pushed | Downloading | Installing, Event::Given) => Some(Pushed),
            (Queued | Pushed | Downloading | Installing, Event::Part) => Some(Downloading),
            (Queued | Pushed | Downloading | Installing, Event::Whole) => Some(Installing),
            (Queued | Pushed | Downloading | Installing, Event::Broken) => Some(Failed),
            (Downloading | Installing, Event::Strayed) => Some(Failed),
            (Queued | Pushed, Event::Strayed) => None,
            (Queued | Pushed | Downloading | Installing, Event::Cancel) => Some(Cancelled),
            (Queued | Pushed | Downloading | Installing, Event::Replace) => Some(Superseded),
            (Queued, Event::Expire) => None,
            (Pushed | Downloading | Installing, Event::Expire) => Some(TimedOut),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [Event; 10] = [
        Event::Given,
        Event::Part,
        Event::Whole,
        Event::Broken,
        Event::Arrived,
        Event::Strayed,
        Event::Cancel,
        Event::Replace,
        Event::Expire,
        Event::Retry,
    ];

    /// Each row: a state, then where the events lead to in the order of `EVENTS`; `-`: nowhere.
    const TABLE: &str = "
        queued      pushed downloading installing  failed succeeded -      cancelled superseded -         -
        pushed      pushed downloading installing  failed succeeded -      cancelled superseded timed_out -
        downloading pushed downloading installing  failed succeeded failed cancelled superseded timed_out -
        installing  pushed downloading installing  failed succeeded failed cancelled superseded timed_out -
        succeeded   -      -           -           -      -         -      -         -          -         -
        failed      -      downloading installing  failed succeeded -      -         -          -         queued
        timed_out   -      -           -           -      succeeded -      -         -          -         queued
        cancelled   -      -           -           -      succeeded -      -         -          -         queued
        superseded  -      -           -           -      -         -      -         -          -         -
        skipped     -      -           -           -      -         -      -         -          -         -";

    #[test]
    fn the_table() {
        let rows: Vec<Vec<&str>> = TABLE
            .lines()
            .map(|l| l.split_whitespace().collect())
            .filter(|r: &Vec<&str>| !r.is_empty())
            .collect();
        assert_eq!(rows.len(), State::ALL.len());
        for row in rows {
            let state = State::named(row[0]).unwrap();
            for (event, wanted) in EVENTS.into_iter().zip(&row[1..]) {
                let next = state.after(event).map_or("-", State::name);
                assert_eq!(next, *wanted, "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn what_has_succeeded_stays_so() {
        for event in EVENTS {
            assert_eq!(State::Succeeded.after(event), None);
        }
    }

    #[test]
    fn names() {
        for state in State::ALL {
            assert_eq!(State::named(state.name()), Some(state));
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.name()));
        }
        assert_eq!(State::named("x"), None);
    }
}
