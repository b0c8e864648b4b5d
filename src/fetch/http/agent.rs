// SPDX-License-Identifier: MIT OR Apache-2.0
//! Puts `ureq` onto the project's own streams: the firmware's network, our TLS, our time limits, cancellation.
//!
//! ureq's transport traits are outside its promise of stability, hence the exact version in `Cargo.toml`.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ureq::config::{AutoHeaderValue, Config};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Agent, Error, Timeout};

use super::Limits;
use crate::cancel::Cancel;
use crate::fetch::{FetchError, url};
use crate::net::{Dial, NetError, SLICE, Security, Stream, Target};

/// Bytes read from the network at once, and the longest answer header.
const INPUT_BUFFER: usize = 16 * 1024;
/// Room for the request line, whose URL may be [`url::MAX_LEN`] long, and for the longest header line.
const OUTPUT_BUFFER: usize = url::MAX_LEN + 512;

/// Carries a connection's [`NetError`] past ureq, whose own error type has no place for it.
#[derive(Clone, Debug, Default)]
pub struct Fault(Arc<Mutex<Option<NetError>>>);

impl Fault {
    fn set(&self, error: NetError) -> Error {
        *self.0.lock() = Some(error);
        Error::Other(Box::new(error))
    }

    /// The connection's last error, once.
    pub fn take(&self) -> Option<NetError> {
        self.0.lock().take()
    }

    /// The connection's error if there was one, else what ureq's own amounts to.
    pub fn or(&self, error: &Error) -> FetchError {
        if let Some(fault) = self.take() {
            return FetchError::Net(fault);
        }
        crate::log!(Debug, "fetch", "{error}");
        match error {
            Error::Timeout(_) => FetchError::Net(NetError::Timeout),
            Error::Io(_) => FetchError::Net(NetError::Broken),
            _ => FetchError::Protocol,
        }
    }
}

/// Takes a connection out of ureq once the answer's header is read. A body with a known length needs no more protocol:
/// read straight into the pipe's slots, it is copied once less, and ureq's buffers can be freed.
#[derive(Clone, Default)]
pub struct Handover(Arc<Mutex<Handing>>);

#[derive(Default)]
struct Handing {
    wanted: bool,
    stream: Option<Box<dyn Stream>>,
}

impl Handover {
    /// From now on ureq's next wait for input ends in an error, with the connection put here.
    pub fn want(&self) {
        self.0.lock().wanted = true;
    }

    /// The connection, once ureq has used up what it had read of the body.
    pub fn take(&self) -> Option<Box<dyn Stream>> {
        self.0.lock().stream.take()
    }

    fn offer(&self, stream: &mut Option<Box<dyn Stream>>) -> bool {
        let mut handing = self.0.lock();
        if handing.wanted {
            handing.stream = stream.take();
        }
        handing.wanted
    }
}

/// An agent for one exchange with one target; `total` bounds the whole of it, body included.
pub fn agent(
    dial: Arc<dyn Dial>,
    target: Target,
    limits: Limits,
    total: Option<Duration>,
    cancel: Cancel,
    fault: Fault,
    handover: Handover,
) -> Agent {
    let config = Config::builder()
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(AutoHeaderValue::None)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .input_buffer_size(INPUT_BUFFER)
        .output_buffer_size(OUTPUT_BUFFER)
        .max_response_header_size(INPUT_BUFFER)
        .max_idle_connections(0)
        .timeout_recv_response(Some(limits.answer))
        .timeout_global(total)
        .build();
    Agent::with_parts(config, HalConnector { dial, target, limits, cancel, fault, handover }, NoResolver)
}

/// The firmware's network resolves names itself.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &ureq::http::Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

struct HalConnector {
    dial: Arc<dyn Dial>,
    target: Target,
    limits: Limits,
    cancel: Cancel,
    fault: Fault,
    handover: Handover,
}

impl fmt::Debug for HalConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HalConnector").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Connector for HalConnector {
    type Out = HalTransport;

    fn connect(&self, _: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<HalTransport>, Error> {
        let stream = self
            .dial
            .dial(&self.target, self.limits.connect, &self.cancel)
            .map_err(|error| self.fault.set(error))?;
        Ok(Some(HalTransport {
            stream: Mutex::new(Some(stream)),
            buffers: LazyBuffers::new(INPUT_BUFFER, OUTPUT_BUFFER),
            tls: matches!(self.target.security, Security::Tls(_)),
            stall: self.limits.stall,
            cancel: self.cancel.clone(),
            fault: self.fault.clone(),
            handover: self.handover.clone(),
        }))
    }
}

struct HalTransport {
    /// ureq wants transports to be `Sync`; only one thread ever uses this one, so the lock is never waited for.
    /// Empty once handed over.
    stream: Mutex<Option<Box<dyn Stream>>>,
    buffers: LazyBuffers,
    tls: bool,
    stall: Duration,
    cancel: Cancel,
    fault: Fault,
    handover: Handover,
}

impl fmt::Debug for HalTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HalTransport").field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl HalTransport {
    fn limit(&self, timeout: NextTimeout) -> Duration {
        limit(timeout, self.stall)
    }
}

/// How long one wait may take. Until the header is complete its own limit holds, after that the one for silence.
fn limit(timeout: NextTimeout, stall: Duration) -> Duration {
    match (timeout.reason, timeout.not_zero()) {
        (Timeout::RecvResponse, Some(after)) => *after,
        (_, after) => after.map_or(stall, |after| (*after).min(stall)),
    }
}

impl Transport for HalTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let limit = self.limit(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        let stream = self.stream.get_mut().as_mut().ok_or(Error::ConnectionFailed)?;
        stream.write_all(output, limit).map_err(|error| self.fault.set(error))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let deadline = Instant::now() + self.limit(timeout);
        let stream = self.stream.get_mut();
        if self.handover.offer(stream) {
            return Err(Error::ConnectionFailed);
        }
        let stream = stream.as_mut().ok_or(Error::ConnectionFailed)?;
        loop {
            if self.cancel.is_cancelled() {
                return Err(self.fault.set(NetError::Cancelled));
            }
            let input = self.buffers.input_append_buf();
            if input.is_empty() {
                // A header, or a line between chunks, that never ends.
                return Err(Error::LargeResponseHeader(INPUT_BUFFER, INPUT_BUFFER));
            }
            match stream.read(input, SLICE) {
                Ok(0) if Instant::now() >= deadline => return Err(self.fault.set(NetError::Timeout)),
                Ok(0) => {}
                Ok(amount) => {
                    self.buffers.input_appended(amount);
                    return Ok(true);
                }
                // The orderly end is for ureq to judge: it ends a body without a length.
                Err(NetError::Closed) => return Ok(false),
                Err(error) => return Err(self.fault.set(error)),
            }
        }
    }

    fn is_open(&mut self) -> bool {
        false
    }

    fn is_tls(&self) -> bool {
        self.tls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_limited_within_the_body_only() {
        let waits = |reason, after| {
            let after = ureq::unversioned::transport::time::Duration::from_secs(after);
            limit(NextTimeout { after, reason, ..NextTimeout::default() }, Duration::from_secs(4)).as_secs()
        };
        assert_eq!(waits(Timeout::RecvResponse, 30), 30);
        assert_eq!(waits(Timeout::RecvResponse, 1), 1);
        assert_eq!(waits(Timeout::RecvBody, 30), 4);
        assert_eq!(waits(Timeout::SendRequest, 1), 1);
    }
}
