// SPDX-License-Identifier: MIT OR Apache-2.0
//! Subscriptions that the server has to grant and does not: it did so before a reconnect, or they are the library's own.
//! Asked for again, less and less often.
//! Pure: time comes in as an argument.

use std::time::{Duration, Instant};

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Default)]
pub(super) struct Renewals {
    entries: Vec<Entry>,
}

struct Entry {
    filter: String,
    qos: u8,
    /// When to ask again; `None` while an answer is awaited.
    due: Option<Instant>,
    wait: Duration,
}

impl Renewals {
    /// Whether nothing is missing.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The server refused the filter, or did not answer.
    pub(super) fn lost(&mut self, filter: &str, qos: u8, now: Instant) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.filter == filter) {
            // Somebody else may ask too, and be refused: only an answer that was awaited here makes the waits longer.
            if entry.due.is_none() {
                entry.wait = (entry.wait * 2).min(LONGEST_WAIT);
            }
            (entry.qos, entry.due) = (qos, now.checked_add(entry.wait));
        } else {
            let due = now.checked_add(FIRST_WAIT);
            self.entries.push(Entry { filter: filter.to_owned(), qos, due, wait: FIRST_WAIT });
        }
    }

    /// The server granted the filter. Whether it was missing.
    pub(super) fn granted(&mut self, filter: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.filter != filter);
        self.entries.len() < before
    }

    /// Forgets the filters that are not wanted any more.
    pub(super) fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.entries.retain(|entry| wanted(&entry.filter));
    }

    /// The filters to ask for now. Each counts as asked for.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(String, u8)> {
        let late = |entry: &&mut Entry| entry.due.is_some_and(|due| due <= now);
        let ask = |entry: &mut Entry| {
            entry.due = None;
            (entry.filter.clone(), entry.qos)
        };
        self.entries.iter_mut().filter(late).map(ask).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asked_for_again_after_waits_that_double_up_to_a_minute() {
        let mut renewals = Renewals::default();
        let mut now = Instant::now();
        assert!(renewals.is_empty() && !renewals.granted("/a"));
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            renewals.lost("/a", 1, now);
            let wait = Duration::from_secs(seconds);
            assert_eq!(renewals.due(now + wait - Duration::from_millis(1)), []);
            now += wait;
            assert_eq!(renewals.due(now), [("/a".to_owned(), 1)]);
            assert_eq!(renewals.due(now + LONGEST_WAIT), [], "an answer is awaited");
        }
        renewals.lost("/c", 1, now);
        for _ in 0..50 {
            renewals.lost("/c", 1, now);
        }
        assert_eq!(renewals.due(now + FIRST_WAIT), [("/c".to_owned(), 1)], "others that ask do no harm");
        renewals.granted("/c");
        renewals.lost("/b", 0, now);
        renewals.retain(|filter| filter == "/a");
        assert!(!renewals.is_empty() && renewals.granted("/a") && renewals.is_empty());
    }
}
