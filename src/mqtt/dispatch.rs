// SPDX-License-Identifier: MIT OR Apache-2.0
//! Running handlers: in the thread that yields, with no lock held.

use super::decode::Publish;
use super::event::{Event, Message};
use super::inbox::{Delivery, Incoming};
use super::shared::Shared;
use crate::log;

/// Runs the handlers of one event. The caller has made itself the dispatcher.
pub(super) fn run(shared: &Shared, incoming: &Incoming) {
    let _turn = Turn { shared };
    let event = match incoming {
        Incoming::Message(delivery) => return deliver(shared, delivery),
        Incoming::Disconnected => Event::Disconnected,
        Incoming::Reconnected => Event::Reconnected,
        Incoming::SubscribeOk(id) => Event::SubscribeOk(*id),
        Incoming::SubscribeRefused(id) => Event::SubscribeRefused(*id),
        Incoming::SubscribeTimeout(id) => Event::SubscribeTimeout(*id),
        Incoming::UnsubscribeOk(id) => Event::UnsubscribeOk(*id),
        Incoming::UnsubscribeTimeout(id) => Event::UnsubscribeTimeout(*id),
        Incoming::PublishOk(id) => Event::PublishOk(*id),
        Incoming::Overflow { topic, text } => Event::Overflow { topic, text },
    };
    call_default(shared, &event);
}

fn call_default(shared: &Shared, event: &Event<'_>) {
    let handler = shared.lock().default_handler.clone();
    if let Some(handler) = handler {
        handler.on_event(event);
    }
}

fn deliver(shared: &Shared, delivery: &Delivery) {
    let Delivery { publish, link, epoch, only } = delivery;
    let limit = shared.options.max_packet_in;
    let event = Event::Message(Message {
        topic: &publish.topic,
        payload: &publish.payload,
        qos: publish.qos,
        dup: publish.dup,
        retain: publish.retain,
        packet_id: publish.id,
    });
    let mut takers = shared.lock().registry.takers(&publish.topic, publish.wire_len, limit);
    if let Some(only) = *only {
        takers.retain(|taker| taker.serial == only);
    } else if publish.wire_len <= limit && (shared.options.kept)(&publish.topic) {
        // Whoever takes it now may be a mere listener.
        keep(shared, publish, !takers.is_empty());
    }
    if only.is_some() || !takers.is_empty() {
        for taker in takers {
            // An earlier handler may have removed this one.
            let current = shared.lock().registry.is_current(taker.serial);
            if current {
                taker.handler.on_event(&event);
            }
        }
    } else if publish.wire_len <= limit {
        call_default(shared, &event);
    } else {
        // Whoever wanted messages of this size is gone.
        let text = "message dropped: larger than allowed";
        call_default(shared, &Event::Overflow { topic: &publish.topic, text });
    }
    shared.acknowledge(publish.qos, publish.id, *link, *epoch);
}

fn keep(shared: &Shared, publish: &Publish, heard: bool) {
    let lost = shared.lock().unclaimed.keep(publish, heard);
    if let Some(topic) = lost {
        let target = &shared.options.target;
        log!(
            Warning,
            "mqtt",
            "{target}: a message on {topic} that waits for its subscriber gives way to a newer one"
        );
    }
}

/// The right to run handlers; given back when dropped, also after a panic in a handler.
struct Turn<'a> {
    shared: &'a Shared,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.shared.lock().dispatcher = None;
        self.shared.events.notify_all();
        self.shared.io.notify_all();
    }
}
