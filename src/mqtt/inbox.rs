// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events on their way from the I/O thread to the thread that yields. Bounded: when full, nothing is read.

use std::collections::VecDeque;

use super::decode::Publish;

/// Messages (and notes about dropped ones) that may wait.
const MAX_MESSAGES: usize = 64;
/// Bytes that waiting messages may hold, in units of the largest message allowed.
const MAX_LARGEST: usize = 4;
/// Messages and their bytes that may wait while a caller waits for an answer, which may be behind them.
const MAX_MESSAGES_BEFORE_ANSWER: usize = 8192;
const MAX_BYTES_BEFORE_ANSWER: usize = 4 * 1024 * 1024;
/// Answers that may wait. They are small, and bounded by what the application asked for.
const MAX_ANSWERS: usize = 4096;

/// An owned `Event`.
#[derive(Debug)]
pub(super) enum Incoming {
    Disconnected,
    Reconnected,
    SubscribeOk(u16),
    SubscribeRefused(u16),
    SubscribeTimeout(u16),
    UnsubscribeOk(u16),
    UnsubscribeTimeout(u16),
    PublishOk(u16),
    Overflow { topic: String, text: String },
    Message(Box<Delivery>),
}

/// A message and where its acknowledgement belongs.
#[derive(Debug)]
pub(super) struct Delivery {
    pub publish: Publish,
    /// The connection it came over: QoS 1 is acknowledged on that one only.
    pub link: u32,
    /// The server session it belongs to, for QoS 2.
    pub epoch: u32,
    /// It is for the subscription with this serial alone: it came before that was made.
    pub only: Option<u64>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Inbox {
    queue: VecDeque<Incoming>,
    messages: usize,
    bytes: usize,
}

impl Inbox {
    /// Whether another packet may be read; `largest` is the largest one allowed, in bytes. `awaited`: somebody waits for
    /// an answer.
    pub(super) fn has_room(&self, largest: usize, awaited: bool) -> bool {
        let bytes = largest.max(1).saturating_mul(MAX_LARGEST);
        let (messages, bytes) = if awaited {
            (MAX_MESSAGES_BEFORE_ANSWER, bytes.max(MAX_BYTES_BEFORE_ANSWER))
        } else {
            (MAX_MESSAGES, bytes)
        };
        self.messages < messages && self.bytes < bytes && self.queue.len() - self.messages < MAX_ANSWERS
    }

    pub(super) fn push(&mut self, incoming: Incoming) {
        // An outage that nobody heard of yet goes on: without this, events would pile up while nobody yields.
        let goes_on = matches!(incoming, Incoming::Disconnected)
            && matches!(self.queue.back(), Some(Incoming::Reconnected));
        if goes_on {
            self.queue.pop_back();
            if matches!(self.queue.back(), Some(Incoming::Disconnected)) {
                return;
            }
        }
        self.messages += counted(&incoming);
        self.bytes += size(&incoming);
        self.queue.push_back(incoming);
    }

    pub(super) fn pop(&mut self) -> Option<Incoming> {
        let incoming = self.queue.pop_front()?;
        self.messages -= counted(&incoming);
        self.bytes -= size(&incoming);
        Some(incoming)
    }
}

fn counted(incoming: &Incoming) -> usize {
    usize::from(matches!(incoming, Incoming::Message(_) | Incoming::Overflow { .. }))
}

fn size(incoming: &Incoming) -> usize {
    match incoming {
        Incoming::Message(delivery) => delivery.publish.wire_len,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(wire_len: usize) -> Incoming {
        let (topic, payload) = (String::from("/a"), Vec::new());
        let publish = Publish { topic, payload, qos: 0, dup: false, retain: false, id: 0, wire_len };
        Incoming::Message(Box::new(Delivery { publish, link: 0, epoch: 0, only: None }))
    }

    #[test]
    fn bounded_by_count_and_by_bytes() {
        let mut inbox = Inbox::default();
        for _ in 0..MAX_MESSAGES {
            assert!(inbox.has_room(1000, false));
            inbox.push(message(10));
        }
        assert!(!inbox.has_room(1000, false));
        assert!(inbox.has_room(1000, true), "the answer may be behind them");
        inbox.pop();
        assert!(inbox.has_room(1000, false));
        assert!(!inbox.has_room(100, false) && inbox.has_room(100, true));
        inbox.push(message(MAX_BYTES_BEFORE_ANSWER));
        assert!(!inbox.has_room(100, true));
        while inbox.pop().is_some() {}
        for _ in 0..MAX_MESSAGES_BEFORE_ANSWER {
            assert!(inbox.has_room(1, true));
            inbox.push(message(0));
        }
        assert!(!inbox.has_room(1, true));
        while inbox.pop().is_some() {}
        assert!(inbox.has_room(1, false));
        assert_eq!((inbox.messages, inbox.bytes), (0, 0));
    }

    #[test]
    fn an_answer_behind_a_large_backlog_is_read() {
        let mut inbox = Inbox::default();
        for n in 0..4000 {
            assert!(inbox.has_room(1024, true), "{n}");
            inbox.push(message(1024));
        }
    }

    #[test]
    fn bounded_by_answers() {
        let mut inbox = Inbox::default();
        for _ in 0..MAX_ANSWERS {
            assert!(inbox.has_room(1, false));
            inbox.push(Incoming::PublishOk(1));
        }
        assert!(!inbox.has_room(1, false) && !inbox.has_room(1, true));
    }

    #[test]
    fn outages_that_nobody_heard_of_become_one() {
        let mut inbox = Inbox::default();
        for _ in 0..10 {
            inbox.push(Incoming::Disconnected);
            inbox.push(Incoming::Reconnected);
        }
        assert_eq!(inbox.queue.len(), 2);
        inbox.push(Incoming::SubscribeOk(1));
        inbox.push(Incoming::Disconnected);
        assert_eq!(inbox.queue.len(), 4);
        assert!(matches!(inbox.pop(), Some(Incoming::Disconnected)));
        assert!(matches!(inbox.pop(), Some(Incoming::Reconnected)));
    }
}
