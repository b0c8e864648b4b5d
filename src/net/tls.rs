// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS 1.2 and 1.3 over any [`Stream`], with rustls and its ring provider.

mod config;
mod trust;

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use otakit_core::net::NetError;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConnection, Error};

use super::{Roots, SLICE, Stream, trace};
use crate::cancel::CancellationToken;

/// Ciphertext taken from the stream below at once. Most of the largest TLS record; more brings little.
const INCOMING: usize = 12 * 1024;
/// The most plaintext that is encrypted before it is written out.
const OUTGOING: usize = 32 * 1024;

/// Makes a TLS client connection on `tcp`: handshake, certificate chain up to `roots`, name (or IP address) `host`.
///
/// Blocks until done, for `timeout` at most; a cancel is seen within [`SLICE`]. The peer's end without TLS's own
/// closing message comes out of the stream as [`NetError::Broken`]: the data may have been cut short.
pub fn connect(
    tcp: Box<dyn Stream>,
    host: &str,
    roots: &Arc<Roots>,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<Box<dyn Stream>, NetError> {
    let deadline = Deadline::after(timeout);
    let config = config::client_config(roots)?;
    let Ok(name) = ServerName::try_from(host.to_owned()) else {
        trace::reason(format_args!("'{}' is not a name that a certificate can have", host.escape_default()));
        return Err(NetError::Connect);
    };
    let mut tls = ClientConnection::new(config, name).map_err(|error| refusal(&error))?;
    tls.set_buffer_limit(Some(OUTGOING));
    let mut incoming = Vec::new();
    incoming.try_reserve_exact(INCOMING).map_err(|_| NetError::Resources)?;
    incoming.resize(INCOMING, 0);
    let mut stream = TlsStream { tcp, tls, incoming, pending: 0..0, outgoing: Vec::new(), usable: false };
    stream.handshake(deadline, cancel)?;
    Ok(Box::new(stream))
}

#[derive(Clone, Copy)]
struct Deadline {
    began: Instant,
    timeout: Duration,
}

impl Deadline {
    fn after(timeout: Duration) -> Self {
        Self { began: Instant::now(), timeout }
    }

    fn left(self) -> Duration {
        self.timeout.saturating_sub(self.began.elapsed())
    }
}

struct TlsStream {
    tcp: Box<dyn Stream>,
    tls: ClientConnection,
    /// Ciphertext from the stream below, of which `pending` was not taken by TLS yet.
    incoming: Vec<u8>,
    pending: std::ops::Range<usize>,
    /// Ciphertext on its way out; empty between calls.
    outgoing: Vec<u8>,
    /// Whether a closing message would still make sense to the peer.
    usable: bool,
}

impl TlsStream {
    fn handshake(&mut self, deadline: Deadline, cancel: &CancellationToken) -> Result<(), NetError> {
        loop {
            if cancel.is_cancelled() {
                return Err(NetError::Cancelled);
            }
            self.flush(deadline.left())?;
            if !self.tls.is_handshaking() {
                self.usable = true;
                return Ok(());
            }
            if self.pending.is_empty() {
                let left = deadline.left();
                if left.is_zero() {
                    trace::reason("no answer to the TLS handshake; does this port speak TLS?");
                    return Err(NetError::Timeout);
                }
                match self.fill(left.min(SLICE)) {
                    Err(NetError::Closed) => {
                        trace::reason(
                            "the server closed it during the TLS handshake; does this port speak TLS?",
                        );
                        return Err(NetError::Broken);
                    }
                    other => other?,
                };
            }
            self.process()?;
        }
    }

    /// Writes out what TLS wants to send.
    fn flush(&mut self, timeout: Duration) -> Result<(), NetError> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.outgoing).map_err(|_| NetError::Tls)?;
        }
        if self.outgoing.is_empty() {
            return Ok(());
        }
        let outcome = self.tcp.write_all(&self.outgoing, timeout);
        self.outgoing.clear();
        self.usable &= outcome.is_ok();
        outcome
    }

    /// Reads ciphertext once. `pending` must be empty.
    fn fill(&mut self, timeout: Duration) -> Result<usize, NetError> {
        let n = self.tcp.read(&mut self.incoming, timeout)?;
        self.pending = 0..n;
        Ok(n)
    }

    /// Gives some pending ciphertext to TLS. No plaintext may be waiting: its buffer is bounded.
    fn process(&mut self) -> Result<(), NetError> {
        let mut ciphertext = self.incoming.get(self.pending.clone()).unwrap_or_default();
        if ciphertext.is_empty() {
            return Ok(());
        }
        let taken = self.tls.read_tls(&mut ciphertext).map_err(|_| NetError::Tls)?;
        self.pending.start += taken;
        match self.tls.process_new_packets() {
            // The peer said goodbye: what may follow is not part of the stream.
            Ok(_) if taken == 0 => self.pending = 0..0,
            Ok(_) => {}
            Err(error) => {
                // Tell the peer why, if that is possible at once; the connection is over either way.
                let _ = self.flush(SLICE);
                self.usable = false;
                return Err(refusal(&error));
            }
        }
        Ok(())
    }

    /// Plaintext that is there already: `None` when ciphertext has to come first.
    fn take_plaintext(&mut self, buf: &mut [u8]) -> Result<Option<usize>, NetError> {
        match self.tls.reader().read(buf) {
            Ok(0) => Err(NetError::Closed),
            Ok(n) => Ok(Some(n)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(_) => Err(NetError::Broken),
        }
    }
}

impl Stream for TlsStream {
    fn read(&mut self, buf: &mut [u8], timeout: Duration) -> Result<usize, NetError> {
        if buf.is_empty() {
            return Ok(0);
        }
        let deadline = Deadline::after(timeout);
        let mut asked = false;
        loop {
            if let Some(n) = self.take_plaintext(buf)? {
                return Ok(n);
            }
            if self.pending.is_empty() {
                let left = deadline.left();
                // The stream below is asked at least once, also with no time to wait.
                if asked && left.is_zero() {
                    return Ok(0);
                }
                asked = true;
                match self.fill(left) {
                    Ok(0) => return Ok(0),
                    Ok(_) => {}
                    // Without a closing message before, somebody may have cut the data short.
                    Err(error) => {
                        self.usable = false;
                        return Err(if error == NetError::Closed { NetError::Broken } else { error });
                    }
                }
            }
            self.process()?;
            // Rarely, TLS itself has to answer (new keys).
            self.flush(deadline.left().max(SLICE)).map_err(|_| NetError::Broken)?;
        }
    }

    fn write_all(&mut self, buf: &[u8], timeout: Duration) -> Result<(), NetError> {
        let deadline = Deadline::after(timeout);
        let mut rest = buf;
        while !rest.is_empty() {
            let n = self.tls.writer().write(rest).map_err(|_| NetError::Tls)?;
            rest = rest.get(n..).filter(|_| n > 0).ok_or(NetError::Tls)?;
            self.flush(deadline.left())?;
        }
        Ok(())
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        if self.usable {
            self.tls.send_close_notify();
            // Best effort: the peer may be gone.
            let _ = self.flush(SLICE);
        }
    }
}

/// Whether the TLS layer can do something with a certificate that is given as trusted.
pub(super) fn can_trust(der: &[u8]) -> bool {
    let der = rustls::pki_types::CertificateDer::from(der);
    !trust::Trust::is_authority(&der) || rustls::RootCertStore::empty().add(der).is_ok()
}

/// Keeps the reason why the peer is not to be trusted, or why TLS failed, and says which of the two it was.
///
/// A verdict of ours ends it: who the peer is, or that it cannot speak with us. What bytes on their way suffer does not,
/// nor does one alert: it is what a server says, too, that only starts or stops.
fn refusal(error: &Error) -> NetError {
    match error {
        Error::InvalidCertificate(reason) => refused(reason),
        Error::NoCertificatesPresented => {
            trace::reason("the server shows none");
            NetError::Certificate
        }
        Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            trace::reason("the server does not answer with TLS; is this a port for plain text?");
            NetError::Tls
        }
        Error::PeerIncompatible(_) | Error::AlertReceived(AlertDescription::CertificateRequired) => {
            trace::reason(error);
            NetError::TlsRefused
        }
        Error::AlertReceived(
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity
            | AlertDescription::UnrecognisedName
            | AlertDescription::NoApplicationProtocol,
        ) => {
            trace::reason(error);
            NetError::TlsAlert
        }
        other => {
            trace::reason(other);
            NetError::Tls
        }
    }
}

fn refused(reason: &CertificateError) -> NetError {
    match reason {
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let now = now.map_or(0, |now| now.as_secs());
            if now < BUILT {
                trace::reason(format_args!(
                    "this device's clock says {now} s after 1970, this library is from {BUILT}"
                ));
                return NetError::Clock;
            }
            trace::reason(explain(reason));
            NetError::Certificate
        }
        // What a flipped bit makes of a good one.
        CertificateError::BadEncoding | CertificateError::BadSignature => {
            trace::reason(explain(reason));
            NetError::CertificateDamaged
        }
        reason => {
            trace::reason(explain(reason));
            NetError::Certificate
        }
    }
}

/// The time cannot be before this, in seconds since 1970: when these sources were written, or when they were packed.
const BUILT: u64 = match option_env!("SOURCE_DATE_EPOCH") {
    Some(digits) if number(digits) > WRITTEN => number(digits),
    _ => WRITTEN,
};
/// 2026-11-28.
const WRITTEN: u64 = 1_795_824_000;

const fn number(digits: &str) -> u64 {
    let (mut rest, mut value) = (digits.as_bytes(), 0_u64);
    while let [digit @ b'0'..=b'9', more @ ..] = rest {
        value = value.saturating_mul(10).saturating_add((*digit - b'0') as u64);
        rest = more;
    }
    value
}

fn explain(reason: &CertificateError) -> String {
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired (or this device's clock is wrong)".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet: is this device's clock set?".into()
        }
        CertificateError::UnknownIssuer => "unknown issuer: no trusted authority has signed it; give its authority (pub_key, otakit_set_https_ca)".into(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not made for servers (key usage, extended key usage)".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it belongs to another host".into()
        }
        CertificateError::Other(other) if other.to_string().contains("UnsupportedCertVersion") => {
            "it is of X.509 version 1; make one of version 3 (with extensions)".into()
        }
        CertificateError::Other(other) if other.to_string().contains("MaximumPathDepthExceeded") => {
            "more than 6 certificates between it and a trusted authority; use a shorter chain".into()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
