// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device's OTA service: binds a platform's messages to an engine session over a signal channel.

pub mod aliyun;
#[cfg(any(feature = "haas", feature = "quectel"))]
pub mod events;
pub mod gate;
#[cfg(feature = "haas")]
pub mod haas;
mod mailbox;
#[cfg(feature = "onenet")]
pub mod onenet;
#[cfg(any(feature = "haas", feature = "quectel"))]
pub mod package;
#[cfg(feature = "quectel")]
pub mod quectel;

use std::fmt;
use std::sync::Arc;

/// The channel on which a device and its cloud talk: MQTT, ours or the host SDK's.
pub trait Signal: Send + Sync {
    /// Sends one message. Does not wait for the network.
    fn publish(&self, topic: &str, qos: u8, payload: &[u8]) -> Result<(), SignalError>;

    /// Wants the messages of a topic. Before a connection exists this is kept until one does.
    fn subscribe(&self, topic: &str, qos: u8, listener: Arc<dyn Listener>) -> Result<(), SignalError>;

    /// Wants them no more: `listener` is not called after this returns, except for a call under way.
    fn unsubscribe(&self, topic: &str, listener: &Arc<dyn Listener>);
}

/// Takes the messages of a topic, on the thread that yields to the channel.
pub trait Listener: Send + Sync {
    /// One message.
    fn on_message(&self, payload: &[u8]);

    /// Whether a subscription that the server refuses is asked for again until it is granted.
    fn insists(&self) -> bool {
        true
    }
}

/// The channel does not work: not connected, full, or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalError;

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("signal channel failed")
    }
}
