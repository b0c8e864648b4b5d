// SPDX-License-Identifier: MIT OR Apache-2.0
//! MQTT: an embedded broker or a foreign one, behind the same pair of channels.
//!
//! The embedded broker is rumqttd. It embeds as a library, keeps sessions of clients that connect with
//! clean session 0 (Link Kit's default), takes an asynchronous sign-in check and gives the process a local
//! link. The other candidates: `rmqtt` embeds too, but is the core of a cluster server (hooks, plug-ins,
//! node to node calls), and its releases from 0.19 on need a newer compiler than this project asks for;
//! `ntex-mqtt` is a framework on another runtime that leaves routing and sessions to its user; a broker of
//! our own on a codec would be one more thing to get right. What rumqttd lacks, a CONNACK with a reason
//! when a sign-in fails and a listener on port 0, the [`gate`] in front of it supplies. It delivers with
//! the QoS of the subscription, even where the publisher's was lower.

pub mod embedded;
pub mod external;
pub mod frames;
pub mod gate;
pub mod subscriptions;

use std::sync::Arc;

use subscriptions::Subscriptions;
use tokio::sync::mpsc;

/// A message to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// QoS 1 instead of 0.
    pub at_least_once: bool,
}

/// A message that arrived.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: bytes::Bytes,
}

/// Publishes; cheap to clone, never blocks.
#[derive(Clone, Debug)]
pub struct Publisher {
    out: mpsc::UnboundedSender<Outgoing>,
    /// Of the embedded broker; who listens to a foreign one is not known.
    subscriptions: Option<Arc<Subscriptions>>,
}

impl Publisher {
    /// Hands a message to the broker. Dropped when the broker has gone, which ends the process anyway.
    pub fn publish(&self, message: Outgoing) {
        let _ = self.out.send(message);
    }

    /// As [`Publisher::publish`]; where it is known that nobody listens yet, the message waits until somebody does.
    pub fn push(&self, message: Outgoing) {
        match &self.subscriptions {
            Some(subscriptions) => subscriptions.push(message),
            None => self.publish(message),
        }
    }
}

/// A connection to a broker, embedded or not: subscribed to what was asked for when it was made.
#[derive(Debug)]
pub struct Bus {
    /// The way out.
    pub publisher: Publisher,
    /// The way in; ends when the broker has gone for good.
    pub incoming: mpsc::UnboundedReceiver<Incoming>,
}

/// The two ends that a broker's task works with.
struct Ends {
    outgoing: mpsc::UnboundedReceiver<Outgoing>,
    incoming: mpsc::UnboundedSender<Incoming>,
}

impl Publisher {
    /// From now on pushes wait for who listens, as the gate is to tell the result.
    fn hold(&mut self) -> Arc<Subscriptions> {
        let subscriptions = Arc::new(Subscriptions::new(self.out.clone()));
        self.subscriptions = Some(subscriptions.clone());
        subscriptions
    }
}

fn bus() -> (Bus, Ends) {
    let (to_broker, outgoing) = mpsc::unbounded_channel();
    let (incoming, from_broker) = mpsc::unbounded_channel();
    (
        Bus { publisher: Publisher { out: to_broker, subscriptions: None }, incoming: from_broker },
        Ends { outgoing, incoming },
    )
}
