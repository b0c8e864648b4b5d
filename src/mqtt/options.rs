// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client is made from.

use std::time::Duration;

use crate::net::Target;

/// The longest keep-alive that CONNECT carries, in seconds.
const MAX_KEEPALIVE_ON_WIRE: u64 = 1200;

/// How a client signs in and what it may use. Strings hold at most 65535 bytes.
#[derive(Clone)]
pub struct Options {
    /// The server.
    pub target: Target,
    /// Client identifier.
    pub client_id: String,
    /// User name; empty for none, and then no password is sent either.
    pub username: String,
    /// Password; empty for none.
    pub password: String,
    /// Asks the server to forget the previous session.
    pub clean_session: bool,
    /// Time between two PINGREQ, counted from the connection or the last PINGREQ whatever else is sent. The link
    /// counts as lost after three times this without a byte. Zero: no keep-alive. CONNECT carries twice this,
    /// 1..=1200 s.
    pub keepalive: Duration,
    /// How long CONNACK is waited for and how long a write may take. An unacknowledged QoS 1 message is sent again
    /// after twice this.
    pub request_timeout: Duration,
    /// Largest PUBLISH accepted, whole packet, in bytes. A handler can allow more, see `Handler::max_payload`.
    pub max_packet_in: usize,
    /// Largest packet sent, in bytes.
    pub max_packet_out: usize,
    /// Of which topics a message that nobody has subscribed to yet waits for its first subscription.
    pub kept: fn(&str) -> bool,
}

impl Options {
    /// The keep-alive field of CONNECT, in seconds.
    pub(super) fn keepalive_on_wire(&self) -> u16 {
        if self.keepalive.is_zero() {
            return 0;
        }
        let seconds = self.keepalive.saturating_mul(2).as_secs().clamp(1, MAX_KEEPALIVE_ON_WIRE);
        u16::try_from(seconds).unwrap_or(u16::MAX)
    }

    /// Bytes that may wait for being sent before a publisher has to wait.
    pub(super) fn out_bound(&self) -> usize {
        self.max_packet_out.saturating_mul(2).max(16 * 1024)
    }
}
