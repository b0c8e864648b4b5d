// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which handler wants which topics.

use std::sync::Arc;

use super::event::Handler;
use super::topic;

/// The subscriptions of one client, in the order in which they were made.
#[derive(Default)]
pub(super) struct Registry {
    entries: Vec<Entry>,
    last_serial: u64,
}

struct Entry {
    /// Never used twice: tells whether an entry that was seen earlier is still there.
    serial: u64,
    filter: String,
    qos: u8,
    handler: Arc<dyn Handler>,
    /// Whether the server has granted the filter once.
    granted: bool,
}

/// A handler that wants a message.
pub(super) struct Taker {
    pub serial: u64,
    pub handler: Arc<dyn Handler>,
}

impl Registry {
    /// Adds a subscription, or renews it when the same handler has the same filter. The server knows one QoS per
    /// filter, the latest. Returns its serial.
    pub(super) fn add(&mut self, filter: &str, qos: u8, handler: Arc<dyn Handler>) -> u64 {
        let mut known = None;
        for entry in self.entries.iter_mut().filter(|e| e.filter == filter) {
            entry.qos = qos;
            known = known.or_else(|| entry.handler.same_as(&*handler).then_some(entry.serial));
        }
        known.unwrap_or_else(|| {
            self.last_serial += 1;
            let serial = self.last_serial;
            let granted = self.was_granted(filter);
            self.entries.push(Entry { serial, filter: filter.to_owned(), qos, handler, granted });
            serial
        })
    }

    /// The server has granted exactly this filter.
    pub(super) fn grant(&mut self, filter: &str) {
        for entry in self.entries.iter_mut().filter(|entry| entry.filter == filter) {
            entry.granted = true;
        }
    }

    /// Whether exactly this filter is asked for until the server grants it: it did so once, or somebody insists.
    pub(super) fn is_owed(&self, filter: &str) -> bool {
        let owed = |entry: &Entry| entry.filter == filter && (entry.granted || entry.handler.insists());
        self.entries.iter().any(owed)
    }

    /// Whether the server has granted exactly this filter once, and somebody still wants it.
    fn was_granted(&self, filter: &str) -> bool {
        self.entries.iter().any(|entry| entry.filter == filter && entry.granted)
    }

    /// Removes all handlers of exactly this filter and returns them, to be dropped without a lock.
    pub(super) fn remove(&mut self, filter: &str) -> Vec<Arc<dyn Handler>> {
        self.remove_where(|entry| entry.filter == filter)
    }

    /// Removes one handler of exactly this filter. The second value says whether it was there and the last one.
    pub(super) fn remove_one(
        &mut self,
        filter: &str,
        handler: &dyn Handler,
    ) -> (Vec<Arc<dyn Handler>>, bool) {
        let removed = self.remove_where(|entry| entry.filter == filter && entry.handler.same_as(handler));
        let last = !removed.is_empty() && !self.contains(filter);
        (removed, last)
    }

    fn remove_where(&mut self, mut which: impl FnMut(&Entry) -> bool) -> Vec<Arc<dyn Handler>> {
        let (gone, kept) = std::mem::take(&mut self.entries).into_iter().partition(|entry| which(entry));
        self.entries = kept;
        let gone: Vec<Entry> = gone;
        gone.into_iter().map(|entry| entry.handler).collect()
    }

    /// Whether somebody wants exactly this filter.
    pub(super) fn contains(&self, filter: &str) -> bool {
        self.entries.iter().any(|entry| entry.filter == filter)
    }

    /// Whether the entry with this serial is still there.
    pub(super) fn is_current(&self, serial: u64) -> bool {
        self.entries.iter().any(|entry| entry.serial == serial)
    }

    /// Every filter once, with its QoS, in the order of its first subscription.
    pub(super) fn filters(&self) -> Vec<(String, u8)> {
        let mut filters: Vec<(String, u8)> = Vec::new();
        for entry in &self.entries {
            if !filters.iter().any(|(filter, _)| *filter == entry.filter) {
                filters.push((entry.filter.clone(), entry.qos));
            }
        }
        filters
    }

    /// Handlers for a message of `wire_len` bytes, `limit` being what they accept if they do not say.
    pub(super) fn takers(&self, topic: &str, wire_len: usize, limit: usize) -> Vec<Taker> {
        let wants = |entry: &&Entry| {
            wire_len <= allowed(&*entry.handler, topic.len(), limit) && topic::matches(&entry.filter, topic)
        };
        let taker = |entry: &Entry| Taker { serial: entry.serial, handler: Arc::clone(&entry.handler) };
        self.entries.iter().filter(wants).map(taker).collect()
    }

    /// The largest packet that anybody accepts on this topic, at least `limit`.
    pub(super) fn limit_for(&self, topic: &str, limit: usize) -> usize {
        let matching = self.entries.iter().filter(|entry| topic::matches(&entry.filter, topic));
        matching.map(|entry| allowed(&*entry.handler, topic.len(), limit)).fold(limit, usize::max)
    }

    /// The largest packet that anybody accepts on any topic, at least `limit`.
    pub(super) fn largest(&self, limit: usize) -> usize {
        self.entries
            .iter()
            .map(|entry| allowed(&*entry.handler, topic::MAX_LEN, limit))
            .fold(limit, usize::max)
    }
}

/// Bytes of a PUBLISH beside topic and payload, at most: its type, its length, the topic's length, the packet id.
const PUBLISH_HEAD: usize = 1 + 4 + 2 + 2;

fn allowed(handler: &dyn Handler, topic_len: usize, limit: usize) -> usize {
    handler.max_payload().map_or(limit, |payload| payload.saturating_add(PUBLISH_HEAD + topic_len).max(limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::event::Event;

    struct Named(usize, Option<usize>);

    impl Handler for Named {
        fn on_event(&self, _: &Event<'_>) {}
        fn identity(&self) -> (usize, usize) {
            (self.0, 0)
        }
        fn max_payload(&self) -> Option<usize> {
            self.1
        }
    }

    fn named(name: usize) -> Arc<dyn Handler> {
        Arc::new(Named(name, None))
    }

    fn names(registry: &Registry, topic: &str) -> Vec<usize> {
        registry.takers(topic, 10, 100).iter().map(|t| t.handler.identity().0).collect()
    }

    #[test]
    fn all_matching_handlers_in_order_and_one_per_identity() {
        let mut registry = Registry::default();
        registry.add("/a/+", 0, named(1));
        registry.add("/a/b", 1, named(2));
        registry.add("/a/b", 0, named(3));
        registry.add("/a/b", 1, named(2));
        assert_eq!(names(&registry, "/a/b"), [1, 2, 3]);
        assert_eq!(names(&registry, "/a/c"), [1]);
        assert_eq!(registry.filters(), [("/a/+".to_owned(), 0), ("/a/b".to_owned(), 1)]);
    }

    #[test]
    fn removal_takes_exactly_the_filter() {
        let mut registry = Registry::default();
        for (filter, name) in [("/a/+", 1), ("/a/b", 2), ("/a/b", 3), ("/a/b/c", 4), ("/a/#", 5)] {
            registry.add(filter, 0, named(name));
        }
        let serial = registry.takers("/a/b", 1, 1).get(1).unwrap().serial;
        assert!(registry.is_current(serial));
        assert_eq!(registry.remove("/a/b").len(), 2);
        assert!(!registry.is_current(serial));
        assert_eq!(names(&registry, "/a/b"), [1, 5]);
        assert_eq!(names(&registry, "/a/b/c"), [4, 5]);
        assert!(registry.remove("/a/b").is_empty());
    }

    #[test]
    fn removing_one_handler_tells_when_the_filter_is_free() {
        let mut registry = Registry::default();
        registry.add("/a", 0, named(1));
        registry.add("/a", 0, named(2));
        assert!(!registry.remove_one("/a", &Named(9, None)).1);
        assert!(!registry.remove_one("/a", &Named(1, None)).1);
        assert!(registry.remove_one("/a", &Named(2, None)).1);
        assert!(!registry.remove_one("/a", &Named(2, None)).1);
    }

    #[test]
    fn larger_packets_go_to_those_who_take_them() {
        let mut registry = Registry::default();
        registry.add("/o", 0, named(1));
        registry.add("/o", 0, Arc::new(Named(2, Some(5000))));
        registry.add("/p", 0, Arc::new(Named(3, Some(10))));
        assert_eq!(registry.limit_for("/o", 100), 5011, "a payload of 5000 bytes");
        assert_eq!(registry.limit_for("/p", 100), 100);
        assert_eq!(registry.limit_for("/q", 100), 100);
        assert_eq!(registry.largest(100), 5009 + topic::MAX_LEN);
        assert_eq!(registry.takers("/o", 100, 100).len(), 2);
        assert_eq!(registry.takers("/o", 101, 100).len(), 1);
        assert_eq!(registry.takers("/o", 5012, 100).len(), 0);
    }
}
