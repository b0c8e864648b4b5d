// SPDX-License-Identifier: MIT OR Apache-2.0
//! MQTT: the server inside or a broker elsewhere, behind the same two ends: [`Publisher`] and a queue of [`Event`]s.

pub mod external;
pub mod hub;

use std::sync::Arc;

use tokio::sync::mpsc;

pub use hub::Event;
use hub::Hub;

use crate::data::model::DeviceKey;

/// Events that may wait for the service; then devices wait.
pub const QUEUE: usize = 1024;

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

/// Publishes; cheap to clone, never blocks.
#[derive(Clone, Debug)]
pub enum Publisher {
    /// The server inside.
    Hub(Arc<Hub>),
    /// A broker elsewhere.
    Broker(mpsc::UnboundedSender<Outgoing>),
}

impl Publisher {
    /// Sends an answer; the session of a device that has just gone keeps it.
    pub fn publish(&self, message: Outgoing) {
        match self {
            Self::Hub(hub) => {
                hub.deliver(&message.topic, &message.payload, u8::from(message.at_least_once), true);
            }
            // Without a receiver the process is ending.
            Self::Broker(out) => drop(out.send(message)),
        }
    }

    /// Sends what the cloud has to say of itself. `false`: nobody is there to hear it, and nothing is kept of it. Who listens
    /// to a broker elsewhere is not known.
    pub fn push(&self, message: Outgoing) -> bool {
        match self {
            Self::Hub(hub) => {
                hub.deliver(&message.topic, &message.payload, u8::from(message.at_least_once), false)
            }
            Self::Broker(out) => out.send(message).is_ok(),
        }
    }

    /// The connection of who listens to a topic now; 0 where that is not known.
    pub fn listener(&self, topic: &str) -> Option<u64> {
        match self {
            Self::Hub(hub) => hub.listener(topic),
            Self::Broker(_) => Some(0),
        }
    }

    /// Closes the connection of a device that may not have it any longer, and forgets its session. With a broker elsewhere that
    /// is the broker's affair.
    pub fn revoke(&self, device: &DeviceKey) {
        if let Self::Hub(hub) = self {
            hub.revoke(device);
        }
    }

    /// Whether two clients use a device's identity; not known with a broker elsewhere.
    pub fn is_contested(&self, device: &DeviceKey) -> bool {
        match self {
            Self::Hub(hub) => hub.is_contested(device),
            Self::Broker(_) => false,
        }
    }
}
