// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who listens to what, as the gate has seen it; and pushes that wait until somebody does.
//!
//! A broker drops what nobody has subscribed. A device that is on line but has not subscribed yet would miss its offer.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;
use rumqttd::protocol::matches;
use tokio::sync::mpsc;

use super::Outgoing;

/// The filters of all clients, and what waits for them.
#[derive(Debug)]
pub struct Subscriptions {
    out: mpsc::UnboundedSender<Outgoing>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    clients: HashMap<String, HashSet<String>>,
    /// By topic: of two pushes that nobody has heard the later one counts.
    held: HashMap<String, Outgoing>,
}

impl Subscriptions {
    /// What is released goes to `out`.
    pub(super) fn new(out: mpsc::UnboundedSender<Outgoing>) -> Self {
        Self { out, state: Mutex::default() }
    }

    /// Publishes a push, now or once somebody has subscribed its topic. A session that the broker keeps counts, its client
    /// on line or not.
    pub(super) fn push(&self, message: Outgoing) {
        let mut state = self.state.lock();
        let heard = state.clients.values().flatten().any(|filter| matches(&message.topic, filter));
        if heard {
            // Without a receiver the process is ending.
            let _ = self.out.send(message);
        } else {
            state.held.insert(message.topic.clone(), message);
        }
    }

    /// A client signed in; with a clean session the broker has forgotten what it listened to.
    pub fn connected(&self, client: &str, clean: bool) {
        if clean {
            self.state.lock().clients.remove(client);
        }
    }

    /// The broker has confirmed these.
    pub fn subscribed(&self, client: &str, filters: Vec<String>) {
        let mut state = self.state.lock();
        let (due, held) = std::mem::take(&mut state.held)
            .into_iter()
            .partition(|(topic, _)| filters.iter().any(|filter| matches(topic, filter)));
        state.held = held;
        state.clients.entry(client.to_owned()).or_default().extend(filters);
        let due: HashMap<String, Outgoing> = due;
        for message in due.into_values() {
            let _ = self.out.send(message);
        }
    }

    /// The client listens to these no longer.
    pub fn unsubscribed(&self, client: &str, filters: &[String]) {
        if let Some(known) = self.state.lock().clients.get_mut(client) {
            known.retain(|filter| !filters.contains(filter));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, payload: &str) -> Outgoing {
        Outgoing { topic: topic.into(), payload: payload.into(), at_least_once: true }
    }

    #[test]
    fn pushes_wait_for_their_listener() {
        let (out, mut sent) = mpsc::unbounded_channel();
        let known = Subscriptions::new(out);
        known.push(message("/up/a", "1"));
        known.push(message("/up/a", "2"));
        known.push(message("/up/b", "3"));
        known.subscribed("x", vec!["/other".into()]);
        assert!(sent.try_recv().is_err(), "nobody listens");
        known.subscribed("x", vec!["/up/a".into()]);
        assert_eq!(sent.try_recv().unwrap().payload, b"2", "the later one");
        assert!(sent.try_recv().is_err());
        known.push(message("/up/a", "4"));
        assert_eq!(sent.try_recv().unwrap().payload, b"4");
        known.unsubscribed("x", &["/up/a".into()]);
        known.push(message("/up/a", "5"));
        assert!(sent.try_recv().is_err());
        known.subscribed("y", vec!["/up/+".into()]);
        let mut rest = [sent.try_recv().unwrap().payload, sent.try_recv().unwrap().payload];
        rest.sort();
        assert_eq!(rest, [b"3", b"5"]);
    }

    #[test]
    fn a_clean_session_is_a_new_one() {
        let (out, mut sent) = mpsc::unbounded_channel();
        let known = Subscriptions::new(out);
        known.subscribed("x", vec!["/up/a".into()]);
        known.connected("x", false);
        known.push(message("/up/a", "kept by the broker"));
        assert!(sent.try_recv().is_ok());
        known.connected("x", true);
        known.push(message("/up/a", "held"));
        assert!(sent.try_recv().is_err());
    }
}
