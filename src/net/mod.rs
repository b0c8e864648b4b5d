// SPDX-License-Identifier: MIT OR Apache-2.0
//! Byte streams to a host and port: what MQTT and HTTP share.
//!
//! Streams come from the firmware's `HAL_TCP_*` (see `hal::tcp`), with TLS on top of it where the target asks
//! for it. One thread at a time uses a stream: a firmware's HAL need not be re-entrant on one connection.

pub mod pem;
#[cfg(feature = "tls")]
pub mod tls;
pub mod trace;
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only the library's own TLS judges certificates"))]
mod x509;

use std::sync::Arc;
use std::time::Duration;

use otakit_core::net::NetError;

use crate::cancel::CancellationToken;

/// The longest single blocking call made on a stream. It bounds how late a cancel or a queued write is seen.
pub const SLICE: Duration = Duration::from_millis(20);

/// The longest single wait for a peer that has been silent for a while: waits grow from [`SLICE`] to this, so that a
/// silent connection costs a few wake-ups a second. How late a thread sees that it is no longer wanted grows with it;
/// callers never wait for that.
pub const QUIET: Duration = Duration::from_millis(160);

/// A connected byte stream.
pub trait Stream: Send {
    /// Reads what is there, up to `buf.len()` bytes, waiting at most `timeout` for the first byte.
    ///
    /// `Ok(0)` means that nothing came in time; the orderly end of the stream is [`NetError::Closed`].
    /// May return with less than was asked for, and may use the whole `timeout` although some bytes came.
    fn read(&mut self, buf: &mut [u8], timeout: Duration) -> Result<usize, NetError>;

    /// Writes all of `buf`, or fails: [`NetError::Timeout`] when `timeout` was not enough (how much was written
    /// is then unknown and the stream must be dropped).
    fn write_all(&mut self, buf: &[u8], timeout: Duration) -> Result<(), NetError>;
}

/// Opens streams. Blocking: call it on a worker thread, never inside a caller's timed call.
pub trait Dial: Send + Sync {
    /// Connects to `target`, TLS handshake included, giving up after `timeout` or when `cancel` is set.
    ///
    /// A firmware's own `HAL_TCP_Establish` cannot be interrupted: the call returns once it does.
    fn dial(
        &self,
        target: &Target,
        timeout: Duration,
        cancel: &CancellationToken,
    ) -> Result<Box<dyn Stream>, NetError>;
}

/// Where to connect to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Host name, IPv4 address, or IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Plain TCP or TLS.
    pub security: Security,
}

/// How a connection is protected.
#[derive(Clone, Debug)]
pub enum Security {
    /// Plain TCP.
    Plain,
    /// TLS 1.2 or 1.3; the peer's certificate is checked against these roots and the host name.
    Tls(Arc<Roots>),
}

/// The certificate authorities that a TLS connection trusts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Roots {
    /// One or several certificates in PEM form, given by the firmware, as [`pem::read`] writes them.
    pub pem: Option<String>,
    /// Whether the built-in public authorities (Mozilla's list) are trusted too.
    pub public: bool,
}
