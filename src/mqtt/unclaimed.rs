// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages that came before anybody subscribed to their topic in this process: a persistent session delivers at once what
//! the server has kept for it.

use super::decode::Publish;
use super::topic;

/// Topics of which a message is kept.
const MOST: usize = 4;

/// Filters that are remembered as having been subscribed to.
const MOST_FILTERS: usize = 64;

/// The newest message of each of a few topics, until the first subscription to it. What comes once that has ended is
/// nobody's.
#[derive(Default)]
pub(super) struct Unclaimed {
    messages: Vec<Publish>,
    /// What was subscribed to.
    filters: Vec<String>,
}

impl Unclaimed {
    /// Keeps a message that nobody took, in place of an older one of its topic.
    pub(super) fn keep(&mut self, publish: &Publish) {
        if self.filters.iter().any(|filter| topic::matches(filter, &publish.topic)) {
            return;
        }
        self.messages.retain(|kept| kept.topic != publish.topic);
        if self.messages.len() >= MOST {
            self.messages.remove(0);
        }
        // It was acknowledged when it came.
        let (topic, payload) = (publish.topic.clone(), publish.payload.clone());
        let Publish { dup, retain, wire_len, .. } = *publish;
        self.messages.push(Publish { topic, payload, qos: 0, dup, retain, id: 0, wire_len });
    }

    /// Gives out what a subscription to `filter` asks for.
    pub(super) fn claim(&mut self, filter: &str) -> Vec<Publish> {
        if !self.filters.iter().any(|known| known == filter) {
            if self.filters.len() >= MOST_FILTERS {
                self.filters.remove(0);
            }
            self.filters.push(filter.to_owned());
        }
        let messages = std::mem::take(&mut self.messages);
        let (claimed, kept) = messages.into_iter().partition(|kept| topic::matches(filter, &kept.topic));
        self.messages = kept;
        claimed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, payload: &str) -> Publish {
        let (topic, payload) = (topic.to_owned(), payload.as_bytes().to_vec());
        Publish { topic, payload, qos: 1, dup: false, retain: false, id: 7, wire_len: 20 }
    }

    fn claimed(unclaimed: &mut Unclaimed, filter: &str) -> Vec<(String, String, u8)> {
        let text = |payload| String::from_utf8(payload).unwrap();
        unclaimed.claim(filter).into_iter().map(|kept| (kept.topic, text(kept.payload), kept.qos)).collect()
    }

    #[test]
    fn the_newest_of_each_topic_is_given_out_once() {
        let mut unclaimed = Unclaimed::default();
        for (topic, payload) in [("/a", "1"), ("/b", "2"), ("/a", "3")] {
            unclaimed.keep(&message(topic, payload));
        }
        assert_eq!(claimed(&mut unclaimed, "/c"), []);
        assert_eq!(claimed(&mut unclaimed, "/a"), [("/a".into(), "3".into(), 0)]);
        assert_eq!(claimed(&mut unclaimed, "/+"), [("/b".into(), "2".into(), 0)]);
        assert_eq!(claimed(&mut unclaimed, "#"), []);
    }

    #[test]
    fn what_comes_after_a_subscription_is_not_kept() {
        let mut unclaimed = Unclaimed::default();
        assert_eq!(claimed(&mut unclaimed, "/a/+"), []);
        unclaimed.keep(&message("/a/b", "late"));
        unclaimed.keep(&message("/b", "early"));
        assert_eq!(claimed(&mut unclaimed, "#"), [("/b".into(), "early".into(), 0)]);
        for n in 0..100 {
            unclaimed.claim(&format!("/{n}"));
        }
        assert_eq!(unclaimed.filters.len(), MOST_FILTERS);
    }

    #[test]
    fn few_are_kept() {
        let mut unclaimed = Unclaimed::default();
        for n in 0..10 {
            unclaimed.keep(&message(&format!("/{n}"), "x"));
        }
        let topics: Vec<_> = claimed(&mut unclaimed, "#").into_iter().map(|(topic, ..)| topic).collect();
        assert_eq!(topics, ["/6", "/7", "/8", "/9"]);
    }
}
