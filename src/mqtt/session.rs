// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client remembers across connections: packet ids, what is unacknowledged, what was received once. Pure:
//! time comes in as an argument, packets go out as bytes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::encode;

/// QoS 1 messages that may be unacknowledged at once.
pub const MAX_UNACKNOWLEDGED: usize = 20;
/// Subscribe and unsubscribe requests that may be unanswered at once.
pub(super) const MAX_REQUESTS: usize = 1024;
/// Inbound QoS 2 packet ids that are remembered.
const MAX_INBOUND_QOS2: usize = 256;

/// SUBSCRIBE or UNSUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Subscribe { filter: String, qos: u8 },
    Unsubscribe { filter: String },
}

/// A request without an answer yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub id: u16,
    pub request: Request,
    /// Made by the client itself: nobody is told how it ends.
    pub silent: bool,
    sent: Instant,
}

struct Unacknowledged {
    id: u16,
    packet: Bytes,
    sent: Instant,
}

/// What is to be done about an inbound QoS 2 PUBLISH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Qos2 {
    /// First seen: hand it on; [`Session::qos2_handled`] gives the answer later.
    New,
    /// A repetition of one that was handled: answer with PUBREC.
    Answer,
    /// A repetition of one that is not handled yet: the answer comes later.
    Wait,
}

struct Inbound2 {
    id: u16,
    handled: bool,
}

/// See the module.
pub(super) struct Session {
    next_id: u16,
    resend_after: Duration,
    unacknowledged: Vec<Unacknowledged>,
    requests: Vec<Pending>,
    inbound2: VecDeque<Inbound2>,
    /// Grows when the server does not know our session: packet ids of before mean nothing then.
    epoch: u32,
}

impl Session {
    pub(super) fn new(resend_after: Duration) -> Self {
        Self {
            next_id: 1,
            resend_after,
            unacknowledged: Vec::new(),
            requests: Vec::new(),
            inbound2: VecDeque::new(),
            epoch: 0,
        }
    }

    fn take_id(&mut self) -> u16 {
        // Ends: far fewer ids can be in use than there are.
        loop {
            let id = self.next_id;
            self.next_id = if id == u16::MAX { 1 } else { id + 1 };
            let in_use =
                self.unacknowledged.iter().any(|p| p.id == id) || self.requests.iter().any(|p| p.id == id);
            if !in_use {
                return id;
            }
        }
    }

    // ---- QoS 1 out ----

    /// Whether another QoS 1 message may be sent.
    pub(super) fn may_publish(&self) -> bool {
        self.unacknowledged.len() < MAX_UNACKNOWLEDGED
    }

    /// A new QoS 1 message: its packet id and the packet, or `None` when it cannot be encoded.
    pub(super) fn publish(
        &mut self,
        topic: &str,
        retain: bool,
        payload: &[u8],
        now: Instant,
    ) -> Option<(u16, Bytes)> {
        let id = self.take_id();
        let packet = encode::publish(topic, 1, retain, id, payload)?;
        self.unacknowledged.push(Unacknowledged { id, packet: packet.clone(), sent: now });
        Some((id, packet))
    }

    /// PUBACK came. Whether the id was waiting for it.
    pub(super) fn acknowledged(&mut self, id: u16) -> bool {
        let before = self.unacknowledged.len();
        self.unacknowledged.retain(|p| p.id != id);
        self.unacknowledged.len() < before
    }

    /// Messages whose acknowledgement is overdue, marked as repetitions.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Bytes> {
        let after = self.resend_after;
        let late = |p: &&mut Unacknowledged| now.saturating_duration_since(p.sent) >= after;
        self.unacknowledged.iter_mut().filter(late).map(|p| again(p, now)).collect()
    }

    // ---- requests ----

    /// Whether another request may be sent.
    pub(super) fn may_request(&self) -> bool {
        self.requests.len() < MAX_REQUESTS
    }

    /// A new request: its packet id and the packet, or `None` when it cannot be encoded.
    pub(super) fn request(&mut self, request: Request, silent: bool, now: Instant) -> Option<(u16, Bytes)> {
        let id = self.take_id();
        let packet = encode(id, &request)?;
        self.requests.push(Pending { id, request, silent, sent: now });
        Some((id, packet))
    }

    /// Remembers a request of the client's own for the next connection.
    pub(super) fn request_later(&mut self, request: Request, now: Instant) {
        if self.may_request() && !self.requests.iter().any(|p| p.request == request) {
            self.request(request, true, now);
        }
    }

    /// SUBACK (`subscribe`) or UNSUBACK came: the request that it answers.
    pub(super) fn answered(&mut self, id: u16, subscribe: bool) -> Option<Pending> {
        let fits = |p: &Pending| p.id == id && matches!(p.request, Request::Subscribe { .. }) == subscribe;
        let index = self.requests.iter().position(fits)?;
        Some(self.requests.remove(index))
    }

    /// Removes the requests whose answer is overdue.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<Pending> {
        let after = self.resend_after;
        self.requests.extract_if(.., |p| now.saturating_duration_since(p.sent) >= after).collect()
    }

    // ---- QoS 2 in ----

    /// A QoS 2 PUBLISH came.
    pub(super) fn qos2_published(&mut self, id: u16) -> Qos2 {
        match self.inbound2.iter().find(|p| p.id == id) {
            Some(Inbound2 { handled: true, .. }) => Qos2::Answer,
            Some(_) => Qos2::Wait,
            None => {
                if self.inbound2.len() >= MAX_INBOUND_QOS2 {
                    // The server ignores the flow; a repetition of the oldest would be taken for new.
                    self.inbound2.pop_front();
                }
                self.inbound2.push_back(Inbound2 { id, handled: false });
                Qos2::New
            }
        }
    }

    /// The handlers of a QoS 2 message have run. Whether PUBREC is to be sent.
    pub(super) fn qos2_handled(&mut self, id: u16, epoch: u32) -> bool {
        if epoch != self.epoch {
            return false;
        }
        let entry = self.inbound2.iter_mut().find(|p| p.id == id);
        entry.map(|p| p.handled = true).is_some()
    }

    /// PUBREL came; it is always answered with PUBCOMP.
    pub(super) fn qos2_released(&mut self, id: u16) {
        self.inbound2.retain(|p| p.id != id);
    }

    /// Tells messages of different server sessions apart.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    // ---- connections ----

    /// A connection is up. `filters` are to be subscribed; `first`: the answers are news for the application.
    /// Returns all that is to be sent, in order.
    pub(super) fn connected(
        &mut self,
        session_present: bool,
        filters: &[(String, u8)],
        first: bool,
        now: Instant,
    ) -> Vec<Bytes> {
        if !session_present {
            self.epoch = self.epoch.wrapping_add(1);
            self.inbound2.clear();
        }
        // Requests that the last connection left open keep their ids: somebody may be waiting for them.
        let wanted = |filter: &String| filters.iter().any(|(f, _)| f == filter);
        self.requests.retain(|p| match &p.request {
            Request::Subscribe { filter, .. } => wanted(filter),
            Request::Unsubscribe { filter } => !wanted(filter),
        });
        let subscribes = |p: &Pending| matches!(p.request, Request::Subscribe { .. });
        let (subscribe, mut requests): (Vec<_>, Vec<_>) = self.requests.drain(..).partition(subscribes);
        requests.extend(subscribe);
        self.requests = requests;
        let mut packets = Vec::new();
        for pending in &mut self.requests {
            pending.sent = now;
            packets.extend(encode(pending.id, &pending.request));
        }
        for (filter, qos) in filters {
            let same =
                |p: &Pending| matches!(&p.request, Request::Subscribe { filter: f, .. } if f == filter);
            if !self.requests.iter().any(same) {
                let request = Request::Subscribe { filter: filter.clone(), qos: *qos };
                packets.extend(self.request(request, !first, now).map(|(_, packet)| packet));
            }
        }
        packets.extend(self.unacknowledged.iter_mut().map(|p| again(p, now)));
        packets
    }
}

fn again(message: &mut Unacknowledged, now: Instant) -> Bytes {
    message.sent = now;
    encode::as_duplicate(&message.packet)
}

fn encode(id: u16, request: &Request) -> Option<Bytes> {
    match request {
        Request::Subscribe { filter, qos } => encode::subscribe(id, filter, *qos),
        Request::Unsubscribe { filter } => encode::unsubscribe(id, filter),
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
