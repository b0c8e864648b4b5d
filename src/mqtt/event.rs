// SPDX-License-Identifier: MIT OR Apache-2.0
//! What handlers are told.

use std::sync::Arc;

/// Something that happened on a client. Borrowed parts are valid during the call only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The link was lost; the client is trying to connect again.
    Disconnected,
    /// The link is back and every filter is subscribed again.
    Reconnected,
    /// The server granted the subscription with this packet id.
    SubscribeOk(u16),
    /// The server refused the subscription with this packet id.
    SubscribeRefused(u16),
    /// The server did not answer the subscription with this packet id.
    SubscribeTimeout(u16),
    /// The server confirmed the unsubscription with this packet id.
    UnsubscribeOk(u16),
    /// The server did not answer the unsubscription with this packet id.
    UnsubscribeTimeout(u16),
    /// The server acknowledged the QoS 1 message with this packet id.
    PublishOk(u16),
    /// A message arrived.
    Message(Message<'a>),
    /// A message on this topic was larger than allowed and was dropped; the text says what and why.
    Overflow {
        /// Its topic, which may be cut out where it is too long itself.
        topic: &'a str,
        /// What and why.
        text: &'a str,
    },
}

/// An application message from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Topic name, at most 65535 bytes, without wildcards or NUL.
    pub topic: &'a str,
    /// Any bytes, perhaps none.
    pub payload: &'a [u8],
    /// 0, 1 or 2.
    pub qos: u8,
    /// The server says that it may have sent this before.
    pub dup: bool,
    /// The server kept this message for new subscribers.
    pub retain: bool,
    /// 0 with QoS 0.
    pub packet_id: u16,
}

/// Receives events, in the thread that calls `Client::yield_for`, with no lock held: every call on the client is
/// allowed inside, except that `yield_for` fails and `subscribe_sync` does not wait.
pub trait Handler: Send + Sync {
    /// Handles one event. A handler of a filter gets [`Event::Message`] only.
    fn on_event(&self, event: &Event<'_>);

    /// Function and context of a C handler: two handlers with the same identity are the same one. Called with the
    /// client's lock held.
    fn identity(&self) -> (usize, usize);

    /// Accepts messages whose payload has up to this many bytes on its filters, even if `Options::max_packet_in` is too
    /// small for them. Called with the client's lock held.
    fn max_payload(&self) -> Option<usize> {
        None
    }

    /// Whether its filters are asked for again until the server grants them, also when it never did: whoever subscribed them
    /// cannot do so himself. Called with the client's lock held.
    fn insists(&self) -> bool {
        false
    }

    /// Whether `other` is the same C function with the same context.
    fn same_as(&self, other: &dyn Handler) -> bool {
        self.identity() == other.identity()
    }
}

/// A subscription made before there is a client.
#[derive(Clone)]
pub struct Subscription {
    /// Topic filter.
    pub filter: String,
    /// Requested QoS; above 2 counts as 0.
    pub qos: u8,
    /// Gets the messages.
    pub handler: Arc<dyn Handler>,
}
