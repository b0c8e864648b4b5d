// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages whose answers are waited for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use otakit_core::platform::aliyun::model::Reply;
use parking_lot::Mutex;

/// How many overdue messages are remembered, to recognise their late answers.
const LATE: usize = 64;
/// Most messages waited for at once; the oldest is forgotten, as if it had not been waited for.
const MAX: usize = 256;

/// Who is told when no answer comes.
#[derive(Clone, Debug)]
pub enum Expect {
    /// A report by `devid`.
    Report {
        /// The device.
        devid: i32,
    },
    /// An event by `devid`.
    Event {
        /// The device.
        devid: i32,
        /// The event's name.
        name: String,
    },
    /// A list of the gateway's sub-devices.
    TopoList,
    /// A caller who waits.
    Caller(Slot),
}

/// Where a waiting caller finds the answer.
pub type Slot = Arc<Mutex<Option<Reply>>>;

struct Entry {
    id: u32,
    expect: Expect,
    deadline: Instant,
}

/// What an answer is to.
#[derive(Debug)]
pub enum Match {
    /// A message that was waited for.
    Known(Expect),
    /// One that was given up: the answer comes too late.
    Late,
    /// None that was noted.
    Unknown,
}

/// The messages waited for.
#[derive(Default)]
pub struct Pending {
    entries: VecDeque<Entry>,
    late: VecDeque<u32>,
}

impl Pending {
    /// Notes a message, before it is sent: the answer may be faster than the sender.
    pub fn add(&mut self, id: u32, expect: Expect, deadline: Instant) {
        if self.entries.len() >= MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { id, expect, deadline });
    }

    /// Forgets a message that was not sent.
    pub fn forget(&mut self, id: u32) {
        self.entries.retain(|entry| entry.id != id);
    }

    /// Gives a message up: an answer counts as late from now on.
    pub fn give_up(&mut self, id: u32) {
        self.forget(id);
        self.remember_late(id);
    }

    /// Finds and removes what an answer is to.
    pub fn take(&mut self, id: u32) -> Match {
        if let Some(index) = self.entries.iter().position(|entry| entry.id == id) {
            return self.entries.remove(index).map_or(Match::Unknown, |entry| Match::Known(entry.expect));
        }
        if self.late.contains(&id) { Match::Late } else { Match::Unknown }
    }

    /// Removes and returns what is overdue, except for callers, who look at the clock themselves.
    pub fn overdue(&mut self, now: Instant) -> Vec<(u32, Expect)> {
        let is_over = |entry: &Entry| entry.deadline <= now && !matches!(entry.expect, Expect::Caller(_));
        let (over, kept): (VecDeque<_>, _) = std::mem::take(&mut self.entries).into_iter().partition(is_over);
        self.entries = kept;
        over.into_iter()
            .map(|entry| {
                self.remember_late(entry.id);
                (entry.id, entry.expect)
            })
            .collect()
    }

    fn remember_late(&mut self, id: u32) {
        if self.late.len() >= LATE {
            self.late.pop_front();
        }
        self.late.push_back(id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn answers_find_their_messages_once() {
        let mut pending = Pending::default();
        let now = Instant::now();
        pending.add(7, Expect::Report { devid: 1 }, now + Duration::from_secs(10));
        pending.add(8, Expect::TopoList, now);
        pending.add(9, Expect::Caller(Slot::default()), now);
        assert!(matches!(pending.take(7), Match::Known(Expect::Report { devid: 1 })));
        assert!(matches!(pending.take(7), Match::Unknown));
        let over = pending.overdue(now);
        assert!(matches!(over.as_slice(), [(8, Expect::TopoList)]), "{over:?}");
        assert!(matches!(pending.take(8), Match::Late));
        assert!(pending.overdue(now).is_empty());
        pending.give_up(9);
        assert!(matches!(pending.take(9), Match::Late));
        pending.add(10, Expect::TopoList, now);
        pending.forget(10);
        assert!(matches!(pending.take(10), Match::Unknown));
    }

    #[test]
    fn memory_is_bounded() {
        let mut pending = Pending::default();
        let now = Instant::now();
        for id in 0..1000 {
            pending.add(id, Expect::TopoList, now);
        }
        assert_eq!(pending.entries.len(), MAX);
        assert_eq!(pending.overdue(now).len(), MAX);
        assert_eq!(pending.late.len(), LATE);
        assert!(matches!(pending.take(999), Match::Late));
    }
}
