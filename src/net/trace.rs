// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a failure is told with: where the connection went, which addresses were tried, and what came back.
//!
//! These words are kept per thread. One thread at a time uses a connection, and the thread whose call fails is the one
//! that reports it, so they need no way of their own through every error type. They never hold a query string, a user
//! name or a password.

use std::cell::RefCell;
use std::fmt::{self, Write as _};

use super::{Security, Target};

/// Addresses of one connection attempt that are kept.
const MAX_TRIED: usize = 16;

#[derive(Default)]
struct Trace {
    /// `host:port (TLS)`.
    place: String,
    /// What was asked for there: a path.
    resource: String,
    /// Addresses that did not answer, each with the system's reason.
    refused: Vec<String>,
    /// The address that is connected.
    connected: Option<String>,
    /// What the system, the TLS layer or the peer said.
    reason: Option<String>,
    /// What helps, where more is known about it than the error says.
    remedy: Option<&'static str>,
}

thread_local! {
    static TRACE: RefCell<Trace> = RefCell::default();
}

/// The words of something that uses its thread for a while only.
#[derive(Default)]
pub struct Kept(Trace);

impl Kept {
    /// Puts these words in place of the thread's, and those here. Done twice, each has its own again.
    pub fn swap(&mut self) {
        let _ = TRACE.try_with(|kept| std::mem::swap(&mut *kept.borrow_mut(), &mut self.0));
    }
}

/// Changes or reads this thread's trace. A thread that ends, in an `atexit` handler, has none any more: its failures are told
/// without.
fn with<T>(act: impl FnOnce(&mut Trace) -> T) -> T {
    let mut trace = TRACE.try_with(RefCell::take).unwrap_or_default();
    let outcome = act(&mut trace);
    let _ = TRACE.try_with(|kept| kept.replace(trace));
    outcome
}

/// A connection to `target` is about to be made on this thread.
pub fn connecting(target: &Target) {
    let trace = Trace { place: target.to_string(), ..Trace::default() };
    with(|kept| *kept = trace);
}

/// What is asked for over that connection: a path, of which the query string is left out.
pub fn resource(path: &str) {
    let path = path.split('?').next().unwrap_or_default().to_owned();
    with(|trace| trace.resource = path);
}

/// What was to be fetched has no usable URL: no connection is made. `place` is what may be shown of it.
pub fn unreadable(place: &str) {
    let trace =
        Trace { reason: Some(place.to_owned()).filter(|place| !place.is_empty()), ..Trace::default() };
    with(|kept| *kept = trace);
}

/// An address of the host was tried; `failure` is the system's reason, `None` when it is connected.
pub fn tried(address: &str, failure: Option<&dyn fmt::Display>) {
    with(|trace| match failure {
        None => trace.connected = Some(address.to_owned()),
        Some(failure) if trace.refused.len() < MAX_TRIED => {
            trace.refused.push(format!("{address} {failure}"))
        }
        Some(_) => {}
    });
}

/// What came back, in the words of the system, the TLS layer or the peer. The last one counts.
pub fn reason(text: impl fmt::Display) {
    with(|trace| trace.reason = Some(text.to_string()));
}

/// What to do about this failure: told in place of what goes for every error of its kind.
pub fn remedy(text: &'static str) {
    TRACE.with_borrow_mut(|trace| trace.remedy = Some(text));
}

/// An error that is about the connection made last on this thread: where it went, the error, what came back, what helps.
pub fn told(error: &impl fmt::Display, advice: Option<&str>) -> String {
    with(|trace| {
        let mut text = String::new();
        // Writing into a String cannot fail.
        if !trace.place.is_empty() {
            let _ = write!(text, "{}", trace.place);
            if let Some(address) = trace.connected.as_ref().filter(|it| !trace.place.starts_with(it.as_str()))
            {
                let _ = write!(text, " at {address}");
            }
            if !trace.resource.is_empty() {
                let _ = write!(text, ", {}", trace.resource);
            }
            text.push_str(": ");
        }
        let _ = write!(text, "{error}");
        let tried = trace.connected.is_none() && !trace.refused.is_empty();
        let reason = if tried { Some(trace.refused.join(", ")) } else { trace.reason.clone() };
        if let Some(reason) = reason.filter(|reason| !text.ends_with(reason.as_str())) {
            let _ = write!(text, ": {reason}");
        }
        if let Some(advice) = trace.remedy.or(advice) {
            let _ = write!(text, "; {advice}");
        }
        text
    })
}

impl fmt::Display for Target {
    /// `host:port (TLS)` or `host:port (TCP)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.security {
            Security::Plain => "TCP",
            Security::Tls(_) => "TLS",
        };
        if self.host.contains(':') {
            write!(f, "[{}]:{} ({kind})", self.host, self.port)
        } else {
            write!(f, "{}:{} ({kind})", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use otakit_core::net::NetError;

    use super::*;

    fn target(host: &str, port: u16) -> Target {
        Target { host: host.into(), port, security: Security::Plain }
    }

    #[test]
    fn a_failure_names_place_address_reason_and_remedy() {
        connecting(&target("localhost", 1883));
        tried("127.0.0.1:1883", Some(&"Connection refused"));
        tried("[::1]:1883", Some(&"Network is unreachable"));
        assert_eq!(
            told(&NetError::Connect, Some("start it")),
            "localhost:1883 (TCP): cannot connect: 127.0.0.1:1883 Connection refused, [::1]:1883 Network is \
             unreachable; start it"
        );
        tried("127.0.0.1:1883", None);
        resource("/a/b?Signature=secret");
        reason("reset");
        assert_eq!(
            told(&NetError::Broken, None),
            "localhost:1883 (TCP) at 127.0.0.1:1883, /a/b: connection broken: reset"
        );
        remedy("close some files");
        assert!(told(&NetError::Connect, Some("start it")).ends_with("; close some files"));
        connecting(&target("::1", 80));
        assert_eq!(told(&NetError::Timeout, None), "[::1]:80 (TCP): timed out");
        tried("x", Some(&"y"));
        for _ in 0..100 {
            tried("x", Some(&"y"));
        }
        assert!(told(&NetError::Connect, None).len() < 200);
    }

    #[test]
    fn other_threads_have_their_own_words() {
        connecting(&target("here", 1));
        let there = std::thread::spawn(|| told(&NetError::Timeout, None)).join().unwrap();
        assert_eq!(there, "timed out");
        assert_eq!(told(&NetError::Timeout, None), "here:1 (TCP): timed out");
    }
}
