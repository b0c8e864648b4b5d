// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the server keeps of one device: its filters, and the messages that it has not acknowledged.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::outbox::Outbox;
use super::{packet, topic};

/// Messages that may wait for an acknowledgement, or for a device that is off line.
const MAX_MESSAGES: usize = 100;

/// A message to a device.
#[derive(Clone, Debug)]
pub struct Message {
    /// Topic.
    pub topic: Arc<str>,
    /// Payload.
    pub payload: Bytes,
}

/// A session.
#[derive(Debug)]
pub struct Session {
    /// Ends with the connection.
    pub clean: bool,
    /// The number of its connection, or of the last one.
    pub connection: u64,
    /// Ids of messages of QoS 2 from the device that are not finished.
    pub received: HashSet<u16>,
    filters: Vec<(Box<str>, u8)>,
    link: Option<Arc<Outbox>>,
    last_id: u16,
    unacknowledged: VecDeque<(u16, Message)>,
}

impl Session {
    /// Without filters and off line.
    pub fn new() -> Self {
        Self {
            clean: true,
            connection: 0,
            received: HashSet::new(),
            filters: Vec::new(),
            link: None,
            last_id: 0,
            unacknowledged: VecDeque::new(),
        }
    }

    /// Whether its device has a connection.
    pub fn is_online(&self) -> bool {
        self.link.is_some()
    }

    /// All filters.
    pub fn filters(&self) -> impl Iterator<Item = &str> {
        self.filters.iter().map(|(filter, _)| &**filter)
    }

    /// The highest QoS under which it listens to a topic.
    pub fn listens(&self, topic: &str) -> Option<u8> {
        let fitting = self.filters.iter().filter(|(filter, _)| topic::matches(filter, topic));
        fitting.map(|(_, qos)| *qos).max()
    }

    /// Takes a filter; gives the QoS that is granted.
    pub fn subscribe(&mut self, filter: &str, qos: u8) -> u8 {
        let qos = qos.min(1);
        match self.filters.iter_mut().find(|(known, _)| **known == *filter) {
            Some((_, known)) => *known = qos,
            None => self.filters.push((filter.into(), qos)),
        }
        qos
    }

    /// Drops a filter.
    pub fn unsubscribe(&mut self, filter: &str) {
        self.filters.retain(|(known, _)| **known != *filter);
    }

    /// Sends a message if it is listened to; see [`super::Hub::deliver`].
    pub fn deliver(&mut self, message: &Message, qos: u8, keep: bool) -> bool {
        let Some(granted) = self.listens(&message.topic) else {
            return false;
        };
        let at_least_once = qos.min(granted) > 0;
        match &self.link {
            Some(link) if at_least_once => {
                let link = link.clone();
                match self.remember(message) {
                    Some(id) => {
                        link.push(packet::publish_to(&message.topic, &message.payload, Some(id), false))
                    }
                    // It takes messages and acknowledges none.
                    None => link.close(),
                }
                true
            }
            Some(link) => {
                link.push(packet::publish_to(&message.topic, &message.payload, None, false));
                true
            }
            None => {
                if keep && at_least_once && !self.clean {
                    self.remember(message);
                }
                false
            }
        }
    }

    fn remember(&mut self, message: &Message) -> Option<u16> {
        if self.unacknowledged.len() >= MAX_MESSAGES {
            return None;
        }
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if self.unacknowledged.iter().all(|(id, _)| *id != self.last_id) {
                break;
            }
        }
        self.unacknowledged.push_back((self.last_id, message.clone()));
        Some(self.last_id)
    }

    /// The device has acknowledged a message.
    pub fn acknowledged(&mut self, id: u16) {
        self.unacknowledged.retain(|(known, _)| *known != id);
    }

    /// Ends the connection, if there is one.
    pub fn take_link(&mut self) -> bool {
        self.link.take().inspect(|link| link.close()).is_some()
    }

    /// A new connection: what was not acknowledged is sent again.
    pub fn set_link(&mut self, link: Arc<Outbox>) {
        for (id, message) in &self.unacknowledged {
            link.push(packet::publish_to(&message.topic, &message.payload, Some(*id), true));
        }
        self.link = Some(link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str) -> Message {
        Message { topic: topic.into(), payload: Bytes::from_static(b"x") }
    }

    #[test]
    fn messages_wait_and_are_sent_again() {
        let mut session = Session::new();
        session.clean = false;
        assert_eq!(session.subscribe("/a", 2), 1, "QoS 2 is not granted");
        session.subscribe("/b", 0);
        assert!(!session.deliver(&message("/a"), 1, true));
        assert!(!session.deliver(&message("/a"), 1, false), "not to be kept");
        assert!(!session.deliver(&message("/b"), 1, true), "QoS 0 is not kept");
        assert!(!session.deliver(&message("/c"), 1, true));
        assert_eq!(session.unacknowledged.len(), 1);
        session.set_link(Arc::default());
        assert!(session.deliver(&message("/a"), 1, true) && session.deliver(&message("/b"), 1, true));
        assert_eq!(session.unacknowledged.len(), 2);
        session.acknowledged(1);
        session.acknowledged(9);
        assert_eq!(session.unacknowledged.len(), 1);
        session.unsubscribe("/a");
        session.unsubscribe("/never");
        assert!(!session.deliver(&message("/a"), 1, true));
    }

    #[test]
    fn ids_do_not_collide() {
        let mut session = Session::new();
        session.last_id = u16::MAX - 1;
        session.clean = false;
        session.subscribe("/a", 1);
        for _ in 0..MAX_MESSAGES + 5 {
            session.deliver(&message("/a"), 1, true);
        }
        let ids: HashSet<u16> = session.unacknowledged.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), MAX_MESSAGES);
        assert!(!ids.contains(&0));
    }
}
