// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the callers' threads and the I/O thread share: one lock, never held over a handler, the network or a log
//! line.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::decode::{self, Dropped, Inbound, Publish, Why};
use super::encode;
use super::error::{ConnectError, MqttError};
use super::event::{Handler, Subscription};
use super::forks;
use super::inbox::{Delivery, Inbox, Incoming};
use super::options::Options;
use super::outbox::Outbox;
use super::registry::Registry;
use super::renewals::Renewals;
use super::session::{Pending, Qos2, Request, Session};
use super::unclaimed::Unclaimed;
use crate::cancel::CancellationToken;
use crate::log;
use crate::thread;

pub(super) struct Shared {
    pub options: Options,
    /// Ends the I/O thread at once.
    pub cancel: CancellationToken,
    state: Arc<Mutex<State>>,
    /// Something for those who yield.
    pub events: Condvar,
    /// Something for those who wait in any other call.
    pub changed: Condvar,
    /// Something for the I/O thread while it is not reading.
    pub io: Condvar,
}

pub(super) struct State {
    pub phase: Phase,
    /// Counts the connections.
    link: u32,
    pub closing: Option<Instant>,
    pub session: Session,
    pub registry: Registry,
    pub default_handler: Option<Arc<dyn Handler>>,
    pub inbox: Inbox,
    pub out: Outbox,
    /// The thread that runs a handler now.
    pub dispatcher: Option<thread::Id>,
    /// How deep it stood when it began.
    pub dispatch_depth: usize,
    /// Whether a yield inside a handler was told of.
    pub told_reentrant: bool,
    /// Subscriptions that somebody waits for, with their end.
    pub waits: Vec<(u16, Option<Answer>)>,
    /// Filters that the server does not grant on this connection, of those that it has to.
    pub renewals: Renewals,
    /// Messages that wait for their first subscription.
    pub unclaimed: Unclaimed,
}

/// What a child of a fork takes over.
struct Inherited {
    default_handler: Option<Arc<dyn Handler>>,
    link: u32,
    closing: Option<Instant>,
    registry: Registry,
    inbox: Inbox,
    unclaimed: Unclaimed,
    session: Session,
}

/// Where the I/O thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Connecting for the first time.
    Starting,
    /// Connected.
    Up,
    /// Connection lost, or not made yet again.
    Down,
    /// The first connection did not come about; the thread has ended.
    Failed(ConnectError),
    /// The thread has ended.
    Ended,
}

/// How a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Granted,
    Refused,
    Overdue,
}

impl Shared {
    pub(super) fn new(
        options: Options,
        default_handler: Option<Arc<dyn Handler>>,
        early: Vec<Subscription>,
    ) -> Self {
        let mut registry = Registry::default();
        for Subscription { filter, qos, handler } in early {
            registry.add(&filter, known_qos(qos), handler);
        }
        let state = State {
            phase: Phase::Starting,
            link: 0,
            closing: None,
            session: Session::new(options.request_timeout.saturating_mul(2)),
            registry,
            default_handler,
            inbox: Inbox::default(),
            out: Outbox::default(),
            dispatcher: None,
            dispatch_depth: 0,
            told_reentrant: false,
            waits: Vec::new(),
            renewals: Renewals::default(),
            unclaimed: Unclaimed::default(),
        };
        let state = Arc::new(Mutex::new(state));
        forks::register(&state);
        Self {
            options,
            cancel: CancellationToken::new(),
            state,
            events: Condvar::new(),
            changed: Condvar::new(),
            io: Condvar::new(),
        }
    }

    /// In a child of a fork: the same client with a lost link, for a thread of its own. What was queued is handed over; what
    /// runs or waits in threads of the parent is not. `None` when another thread was using the state as the process forked.
    pub(super) fn inherit(&self) -> Option<Self> {
        let fresh = Session::new(self.options.request_timeout.saturating_mul(2));
        forks::inherited(&self.state, |state| Inherited {
            default_handler: state.default_handler.take(),
            link: state.link,
            closing: state.closing,
            registry: std::mem::take(&mut state.registry),
            inbox: std::mem::take(&mut state.inbox),
            unclaimed: std::mem::take(&mut state.unclaimed),
            session: std::mem::replace(&mut state.session, fresh),
        })
        .map(|old| {
            let shared = Self::new(self.options.clone(), old.default_handler, Vec::new());
            let mut next = shared.lock();
            (next.phase, next.link, next.closing) = (Phase::Down, old.link, old.closing);
            (next.registry, next.inbox, next.unclaimed) = (old.registry, old.inbox, old.unclaimed);
            next.session = old.session;
            next.inbox.push(Incoming::Disconnected);
            drop(next);
            shared
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(super) fn wake_all(&self) {
        self.events.notify_all();
        self.changed.notify_all();
        self.io.notify_all();
    }

    /// A connection is up: everything that the server must know again goes out first.
    pub(super) fn link_up(&self, session_present: bool) {
        let mut state = self.lock();
        let first = state.phase == Phase::Starting;
        state.phase = Phase::Up;
        state.link = state.link.wrapping_add(1);
        state.out.clear();
        state.renewals = Renewals::default();
        let filters = state.registry.filters();
        for packet in state.session.connected(session_present, &filters, first, Instant::now()) {
            state.out.push(packet);
        }
        if !first {
            state.inbox.push(Incoming::Reconnected);
        }
        drop(state);
        self.wake_all();
    }

    /// The connection is gone.
    pub(super) fn link_down(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Up {
            state.phase = Phase::Down;
            state.out.clear();
            state.inbox.push(Incoming::Disconnected);
        }
        drop(state);
        self.wake_all();
    }

    /// The I/O thread ends.
    pub(super) fn ended(&self, error: Option<ConnectError>) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Failed(_)) {
            state.phase = error.map_or(Phase::Ended, Phase::Failed);
        }
        let lost = state.unclaimed.end();
        drop(state);
        self.wake_all();
        for topic in lost {
            let target = &self.options.target;
            log!(Warning, "mqtt", "{target}: a message on {topic} was for a subscriber that never came");
        }
    }

    /// The largest packet that may come in on a topic, in bytes.
    pub(super) fn limit_for(&self, topic: &str) -> usize {
        self.lock().registry.limit_for(topic, self.options.max_packet_in)
    }

    /// Handles a received packet. `Err`: the server broke the protocol.
    pub(super) fn receive(&self, packet: Inbound) -> Result<(), decode::Malformed> {
        let note = self.lock().receive(packet, self.options.max_packet_in)?;
        self.events.notify_all();
        self.changed.notify_all();
        if let Some(note) = note {
            log!(Warning, "mqtt", "{note}");
        }
        Ok(())
    }

    /// Queues again what was not acknowledged in time, and gives up on requests.
    pub(super) fn resend(&self, now: Instant) {
        let mut state = self.lock();
        // A queue that does not drain would only grow.
        if !state.out.is_idle() {
            return;
        }
        for packet in state.session.due(now) {
            state.out.push(packet);
        }
        let overdue = state.session.overdue(now);
        let some = !overdue.is_empty();
        for pending in overdue {
            state.give_up(pending);
        }
        state.renew(now);
        drop(state);
        if some {
            self.events.notify_all();
            self.changed.notify_all();
            log!(Warning, "mqtt", "a subscription request got no answer");
        }
    }

    /// The handlers of a message have run: sends the acknowledgement.
    pub(super) fn acknowledge(&self, qos: u8, id: u16, link: u32, epoch: u32) {
        let mut state = self.lock();
        let packet = match qos {
            1 if link == state.link => encode::puback(id),
            2 if state.session.qos2_handled(id, epoch) => encode::pubrec(id),
            _ => return,
        };
        if state.phase == Phase::Up {
            state.out.push(packet);
        }
        drop(state);
        self.io.notify_all();
    }
}

/// QoS of a subscription: what MQTT does not know counts as 0.
pub(super) fn known_qos(qos: u8) -> u8 {
    if qos > 2 { 0 } else { qos }
}

impl State {
    /// Fails unless packets can be queued now.
    pub(super) fn check_up(&self) -> Result<(), MqttError> {
        self.check_open()?;
        if self.phase == Phase::Up { Ok(()) } else { Err(MqttError::NotConnected) }
    }

    /// Whether messages of every granted filter can come now.
    pub(super) fn is_whole(&self) -> bool {
        self.check_up().is_ok() && self.renewals.is_empty()
    }

    /// Fails when the client has ended.
    pub(super) fn check_open(&self) -> Result<(), MqttError> {
        let ended = matches!(self.phase, Phase::Ended | Phase::Failed(_));
        if ended || self.closing.is_some() { Err(MqttError::Closed) } else { Ok(()) }
    }

    /// Whether the I/O thread has ended.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended | Phase::Failed(_))
    }

    /// Whether the I/O thread may read on.
    pub(super) fn may_read(&self, max_packet_in: usize) -> bool {
        let awaited = self.waits.iter().any(|(_, answer)| answer.is_none());
        self.inbox.has_room(self.registry.largest(max_packet_in), awaited)
    }

    fn receive(&mut self, packet: Inbound, limit: usize) -> Result<Option<String>, decode::Malformed> {
        match packet {
            Inbound::ConnAck { .. } => return Err(decode::Malformed::SecondConnack),
            Inbound::Publish(publish) => self.published(publish),
            Inbound::Dropped(dropped) => return Ok(Some(self.dropped(dropped, limit))),
            Inbound::PubAck(id) => {
                if self.session.acknowledged(id) {
                    self.inbox.push(Incoming::PublishOk(id));
                }
            }
            Inbound::PubRel(id) => {
                self.session.qos2_released(id);
                self.out.push(encode::pubcomp(id));
            }
            Inbound::SubAck { id, granted } => {
                if let Some(pending) = self.session.answered(id, true) {
                    return Ok(self.subscribed(pending, granted));
                }
            }
            Inbound::UnsubAck(id) => {
                if self.session.answered(id, false).is_some_and(|pending| !pending.silent) {
                    self.inbox.push(Incoming::UnsubscribeOk(id));
                }
            }
            Inbound::PingResp | Inbound::Ignored => {}
        }
        Ok(None)
    }

    /// Adds a subscription, and hands it what has waited for it.
    pub(super) fn add_handler(&mut self, filter: &str, qos: u8, handler: Arc<dyn Handler>) {
        let serial = self.registry.add(filter, qos, handler);
        if let Some(publish) = self.unclaimed.claim(filter) {
            let (link, epoch) = (self.link, self.session.epoch());
            let delivery = Delivery { publish, link, epoch, only: Some(serial) };
            self.inbox.push(Incoming::Message(Box::new(delivery)));
        }
    }

    fn published(&mut self, publish: Publish) {
        if publish.qos == 2 {
            match self.session.qos2_published(publish.id) {
                Qos2::New => {}
                Qos2::Answer => return self.out.push(encode::pubrec(publish.id)),
                Qos2::Wait => return,
            }
        }
        let delivery = Delivery { publish, link: self.link, epoch: self.session.epoch(), only: None };
        self.inbox.push(Incoming::Message(Box::new(delivery)));
    }

    /// Acknowledges a message that was not kept, so that it does not come for ever. Returns the log line.
    fn dropped(&mut self, dropped: Dropped, limit: usize) -> String {
        let Dropped { qos, id, wire_len, why } = dropped;
        let mut news = true;
        if qos == 1 {
            self.out.push(encode::puback(id));
        } else if qos == 2 {
            news = self.session.qos2_published(id) == Qos2::New;
            if self.session.qos2_handled(id, self.session.epoch()) {
                self.out.push(encode::pubrec(id));
            }
        }
        let Why::TooLarge(topic) = why else {
            return format!("message dropped: {wire_len} bytes with an unusable topic");
        };
        let topic = topic.as_deref().unwrap_or("(topic too long)");
        let limit = self.registry.limit_for(topic, limit);
        let text =
            format!("message dropped: {wire_len} bytes on {}, {limit} allowed", topic.escape_default());
        if news {
            self.inbox.push(Incoming::Overflow { topic: topic.to_owned(), text: text.clone() });
        }
        text
    }

    fn subscribed(&mut self, pending: Pending, granted: bool) -> Option<String> {
        self.settle(pending.id, if granted { Answer::Granted } else { Answer::Refused });
        let Request::Subscribe { filter, qos } = pending.request else { return None };
        let news = if granted {
            self.registry.grant(&filter);
            self.renewals.granted(&filter)
        } else {
            self.lost(&filter, qos)
        };
        // What the client itself asks for after a reconnect is granted in silence, unless it had been refused before.
        if news || !pending.silent {
            let event = if granted { Incoming::SubscribeOk } else { Incoming::SubscribeRefused };
            self.inbox.push(event(pending.id));
        }
        let retried = if news { ", asked for again later" } else { "" };
        (!granted).then(|| format!("subscription refused by the server (SUBACK 0x80): {filter}{retried}; check the topic, and the device's rights to it"))
    }

    /// A filter is not granted on this connection. Whether it is asked for again.
    fn lost(&mut self, filter: &str, qos: u8) -> bool {
        let owed = self.registry.is_owed(filter);
        if owed {
            self.renewals.lost(filter, qos, Instant::now());
        }
        owed
    }

    /// Nobody misses what nobody wants any more.
    pub(super) fn forget_unwanted(&mut self) {
        let registry = &self.registry;
        self.renewals.retain(|filter| registry.contains(filter));
    }

    /// Asks again for the filters whose time has come.
    fn renew(&mut self, now: Instant) {
        if self.renewals.is_empty() || self.phase != Phase::Up {
            return;
        }
        for (filter, qos) in self.renewals.due(now) {
            if self.session.may_request() {
                // It cannot be too large: it was sent before.
                let _ = self.send_request(Request::Subscribe { filter, qos }, true);
            }
        }
    }

    fn give_up(&mut self, pending: Pending) {
        self.settle(pending.id, Answer::Overdue);
        match &pending.request {
            Request::Subscribe { filter, qos } => {
                if self.lost(filter, *qos) || !pending.silent {
                    self.inbox.push(Incoming::SubscribeTimeout(pending.id));
                }
            }
            Request::Unsubscribe { .. } if pending.silent => {}
            Request::Unsubscribe { .. } => self.inbox.push(Incoming::UnsubscribeTimeout(pending.id)),
        }
    }

    fn settle(&mut self, id: u16, answer: Answer) {
        for wait in self.waits.iter_mut().filter(|(waiting, _)| *waiting == id) {
            wait.1 = Some(answer);
        }
    }

    /// Queues a request. The caller made sure that it may.
    pub(super) fn send_request(&mut self, request: Request, silent: bool) -> Result<u16, MqttError> {
        let (id, packet) =
            self.session.request(request, silent, Instant::now()).ok_or(MqttError::TooLarge)?;
        self.out.push(packet);
        Ok(id)
    }

    /// Queues a QoS 0 or 1 message. The caller made sure that it may.
    pub(super) fn send_publish(
        &mut self,
        topic: &str,
        qos: u8,
        retain: bool,
        payload: &[u8],
    ) -> Result<u16, MqttError> {
        let made: Option<(u16, Bytes)> = if qos == 0 {
            encode::publish(topic, 0, retain, 0, payload).map(|packet| (0, packet))
        } else {
            self.session.publish(topic, retain, payload, Instant::now())
        };
        let (id, packet) = made.ok_or(MqttError::TooLarge)?;
        self.out.push(packet);
        Ok(id)
    }
}
