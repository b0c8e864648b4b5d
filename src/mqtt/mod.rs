// SPDX-License-Identifier: MIT OR Apache-2.0
//! An MQTT 3.1.1 client: QoS 0 and 1 out, QoS 0 to 2 in.
//!
//! ```text
//! callers ── publish, subscribe ──► Outbox ──► I/O thread ◄──► net::Stream
//! callers ◄── yield_for: handlers ── Inbox ◄──     │
//!                                              Session, Keepalive, Backoff (pure)
//! ```
//!
//! Each client has one thread, which alone uses the stream. Handlers run only in threads that call
//! [`Client::yield_for`], with no lock held. Queues are bounded on both sides: a server that sends faster than the
//! application yields is made to wait by TCP, an application that publishes faster than the network takes waits
//! for at most `request_timeout`.
//!
//! A QoS 1 or 2 message is acknowledged after its handlers have run. A lost link is connected again for as long as
//! the client lives; all filters are subscribed again and unacknowledged QoS 1 messages are repeated. A filter that the
//! server granted once and now refuses, or does not answer to, is asked for again with growing pauses.

mod client;
mod clock;
mod decode;
mod dispatch;
mod encode;
mod error;
mod event;
mod forks;
mod inbox;
mod io;
mod life;
mod options;
mod outbox;
mod registry;
mod renewals;
mod session;
mod shared;
pub mod topic;
mod unclaimed;

pub use client::Client;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use decode::decode_all;
pub use error::{ConnectError, MqttError};
pub use event::{Event, Handler, Message, Subscription};
pub use options::Options;
pub use session::MAX_UNACKNOWLEDGED;

#[cfg(test)]
pub(crate) mod tests;
