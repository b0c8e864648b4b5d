// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages that came before anybody subscribed to exactly their topic in this process: a persistent session delivers at
//! once what the server has kept for it. A filter with wildcards is that of a listener, which takes nothing away.

use super::decode::Publish;

/// Topics of which a message is kept.
const MOST: usize = 4;

/// Filters that are remembered as having been subscribed to.
const MOST_FILTERS: usize = 64;

/// The newest message of each of a few topics, until the first subscription to it. What comes once that has ended is
/// nobody's.
#[derive(Default)]
pub(super) struct Unclaimed {
    messages: Vec<Kept>,
    /// What was subscribed to.
    filters: Vec<String>,
}

struct Kept {
    publish: Publish,
    /// A handler has had it.
    heard: bool,
}

impl Unclaimed {
    /// Keeps a message, in place of an older one of its topic; `heard` when a handler gets it now. The topic of a message that
    /// nobody has had and nobody will.
    pub(super) fn keep(&mut self, publish: &Publish, heard: bool) -> Option<String> {
        if self.filters.contains(&publish.topic) {
            return None;
        }
        let older = self.messages.iter().position(|kept| kept.publish.topic == publish.topic);
        let place = older.or_else(|| (self.messages.len() >= MOST).then_some(0));
        let lost = place.map(|place| self.messages.remove(place)).filter(|kept| !kept.heard);
        // It was acknowledged when it came.
        let (topic, payload) = (publish.topic.clone(), publish.payload.clone());
        let Publish { dup, retain, wire_len, .. } = *publish;
        let publish = Publish { topic, payload, qos: 0, dup, retain, id: 0, wire_len };
        self.messages.push(Kept { publish, heard });
        lost.map(|kept| kept.publish.topic)
    }

    /// Gives out what a subscription to `filter` asks for.
    pub(super) fn claim(&mut self, filter: &str) -> Option<Publish> {
        if !filter.contains(['+', '#']) && !self.filters.iter().any(|known| known == filter) {
            if self.filters.len() >= MOST_FILTERS {
                self.filters.remove(0);
            }
            self.filters.push(filter.to_owned());
        }
        let place = self.messages.iter().position(|kept| kept.publish.topic == filter)?;
        Some(self.messages.remove(place).publish)
    }

    /// The topics of what nobody has had: the client ends.
    pub(super) fn end(&mut self) -> Vec<String> {
        let messages = std::mem::take(&mut self.messages);
        messages.into_iter().filter(|kept| !kept.heard).map(|kept| kept.publish.topic).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, payload: &str) -> Publish {
        let (topic, payload) = (topic.to_owned(), payload.as_bytes().to_vec());
        Publish { topic, payload, qos: 1, dup: false, retain: false, id: 7, wire_len: 20 }
    }

    fn claimed(unclaimed: &mut Unclaimed, filter: &str) -> Option<(String, u8)> {
        let text = |payload| String::from_utf8(payload).unwrap();
        unclaimed.claim(filter).map(|kept| (text(kept.payload), kept.qos))
    }

    #[test]
    fn the_newest_of_each_topic_is_given_out_once() {
        let mut unclaimed = Unclaimed::default();
        assert_eq!(unclaimed.keep(&message("/a", "1"), false), None);
        assert_eq!(unclaimed.keep(&message("/b", "2"), true), None);
        assert_eq!(unclaimed.keep(&message("/a", "3"), true), Some("/a".into()));
        assert_eq!(unclaimed.keep(&message("/a", "4"), false), None, "a handler has had the one before");
        assert_eq!(claimed(&mut unclaimed, "/c"), None);
        assert_eq!(claimed(&mut unclaimed, "/+"), None, "a listener takes nothing away");
        assert_eq!(claimed(&mut unclaimed, "/a"), Some(("4".into(), 0)));
        assert_eq!(claimed(&mut unclaimed, "/a"), None);
        assert_eq!(claimed(&mut unclaimed, "/b"), Some(("2".into(), 0)));
    }

    #[test]
    fn what_comes_after_a_subscription_is_not_kept() {
        let mut unclaimed = Unclaimed::default();
        for filter in ["/a/b", "/c/+"] {
            assert_eq!(claimed(&mut unclaimed, filter), None);
        }
        unclaimed.keep(&message("/a/b", "late"), false);
        unclaimed.keep(&message("/c/d", "early"), false);
        assert_eq!(claimed(&mut unclaimed, "/a/b"), None);
        assert_eq!(claimed(&mut unclaimed, "/c/d"), Some(("early".into(), 0)));
        for n in 0..100 {
            unclaimed.claim(&format!("/{n}"));
        }
        assert_eq!(unclaimed.filters.len(), MOST_FILTERS);
    }

    #[test]
    fn few_are_kept_and_what_is_lost_is_named() {
        let mut unclaimed = Unclaimed::default();
        let lost: Vec<_> =
            (0..10).filter_map(|n| unclaimed.keep(&message(&format!("/{n}"), "x"), n % 2 == 1)).collect();
        assert_eq!(lost, ["/0", "/2", "/4"]);
        assert_eq!(unclaimed.end(), ["/6", "/8"]);
        assert_eq!(unclaimed.end(), [""; 0]);
    }
}
