// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images over HTTP and HTTPS: one GET, resumed by `Range` and `If-Range`, every answer checked.

mod agent;
pub(crate) mod answer;
pub mod call;
#[cfg(any(feature = "haas", feature = "quectel"))]
mod size;
pub mod slice;

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ureq::http::HeaderMap;

use super::url::Url;
use super::{Body, FetchError, Opened, Request, Source};
use crate::cancel::Cancel;
use crate::net::{Dial, NetError, Roots, SLICE, Security, Stream, Target};
use agent::{Fault, Handover};
use answer::{Answer, Expectation};

/// Redirects followed for one GET.
pub const MAX_REDIRECTS: usize = 8;

/// Time limits of one GET.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the start of a connection attempt to its end, name resolution and TLS included.
    pub connect: Duration,
    /// From the request to the end of the answer's header.
    pub answer: Duration,
    /// Longest silence while the body comes.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            stall: Duration::from_secs(30),
        }
    }
}

/// Judges where a redirect leads.
pub type Guard = Box<dyn Fn(&Url) -> bool + Send + Sync>;

/// Fetches over HTTP. One instance serves any number of transfers.
pub struct HttpSource {
    dial: Arc<dyn Dial>,
    roots: Arc<Roots>,
    limits: Limits,
    guard: Guard,
}

impl HttpSource {
    /// `roots` are trusted for https; `guard` must allow each redirect.
    pub fn new(dial: Arc<dyn Dial>, roots: Arc<Roots>, limits: Limits, guard: Guard) -> Self {
        Self { dial, roots, limits, guard }
    }

    /// One request, no redirect followed. The fault cell tells what the connection died of.
    fn get(&self, url: &Url, request: &Request<'_>, cancel: &Cancel) -> Result<Exchange, FetchError> {
        let security = if url.secure { Security::Tls(self.roots.clone()) } else { Security::Plain };
        let target = Target { host: url.host.clone(), port: url.port, security };
        let fault = Fault::default();
        let handover = Handover::default();
        let agent = agent::agent(
            self.dial.clone(),
            target,
            self.limits,
            None,
            cancel.clone(),
            fault.clone(),
            handover.clone(),
        );
        let mut get = agent.get(url.to_string()).header("Accept", ACCEPT);
        if let Some(userinfo) = &url.userinfo {
            get = get.header("Authorization", format!("Basic {}", BASE64_STANDARD.encode(userinfo)));
        }
        if request.offset > 0 {
            get = get.header("Range", format!("bytes={}-", request.offset));
            if let Some(validator) = request.validator {
                get = get.header("If-Range", validator.as_str());
            }
        }
        let response = get.call().map_err(|error| fault.or(&error))?;
        Ok(Exchange { response, fault, handover })
    }
}

/// What Link Kit's own client sends, so that a server sees no difference.
const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

struct Exchange {
    response: ureq::http::Response<ureq::Body>,
    fault: Fault,
    handover: Handover,
}

impl Source for HttpSource {
    fn open(&self, request: &Request<'_>, cancel: &Cancel) -> Result<Opened, FetchError> {
        let mut url = Url::parse(request.url).map_err(FetchError::Url)?;
        for _ in 0..=MAX_REDIRECTS {
            let Exchange { response, fault, handover } = self.get(&url, request, cancel)?;
            let expected = Expectation { offset: request.offset, size: request.size };
            match answer::judge(response.status().as_u16(), response.headers(), &expected)? {
                Answer::Redirect(location) => {
                    let next = url.join(&location).map_err(|_| FetchError::Redirect)?;
                    if url.secure && !next.secure {
                        return Err(FetchError::InsecureRedirect);
                    }
                    if !(self.guard)(&next) {
                        return Err(FetchError::Forbidden);
                    }
                    crate::log!(Info, "fetch", "redirected to {}", next.authority());
                    url = next;
                }
                Answer::Complete => return Ok(nothing_left(request, response.headers())),
                Answer::Bytes { start } => {
                    let validator = answer::validator(response.headers());
                    if answer::is_counted(response.headers()) {
                        handover.want();
                    }
                    let reader = Box::new(response.into_body().into_reader());
                    let left = request.size.saturating_sub(start);
                    let (from, cancel) = (From::Ureq { reader, handover }, cancel.clone());
                    let stall = self.limits.stall;
                    let body = Box::new(HttpBody { from, fault, left, failed: None, stall, cancel });
                    return Ok(Opened { body, start, validator });
                }
            }
        }
        Err(FetchError::Redirect)
    }
}

/// 416 to a request for the byte after the last one: the image is complete already.
fn nothing_left(request: &Request<'_>, headers: &HeaderMap) -> Opened {
    Opened { body: Box::new(Empty), start: request.offset, validator: answer::validator(headers) }
}

struct Empty;

impl Body for Empty {
    fn read(&mut self, _: &mut [u8]) -> Result<usize, FetchError> {
        Ok(0)
    }
}

/// How long [`Body::read_more`] waits: some networks take 0 for "for ever".
const HARDLY: Duration = Duration::from_millis(1);

struct HttpBody {
    from: From,
    fault: Fault,
    /// Bytes that the image still lacks.
    left: u64,
    /// What [`Body::read_more`] came upon.
    failed: Option<FetchError>,
    stall: Duration,
    cancel: Cancel,
}

/// Who reads the body.
enum From {
    /// ureq: a chunked one, one that ends with the connection, and the front of a counted one.
    Ureq { reader: Box<dyn Read + Send>, handover: Handover },
    /// We do: the rest of a counted one.
    Stream(Box<dyn Stream>),
}

impl Body for HttpBody {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, FetchError> {
        if self.left == 0 || buf.is_empty() {
            return Ok(0);
        }
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if let From::Ureq { reader, handover } = &mut self.from {
            match (reader.read(buf), handover.take()) {
                (Err(_), Some(stream)) => self.from = From::Stream(stream),
                (Ok(0), _) => return Err(FetchError::Truncated),
                (Ok(n), _) => return Ok(self.count(n)),
                (Err(error), None) => return Err(broken(&self.fault, &error)),
            }
        }
        let deadline = Instant::now() + self.stall;
        loop {
            if self.cancel.is_cancelled() {
                return Err(FetchError::Net(NetError::Cancelled));
            }
            match self.read_stream(buf, SLICE)? {
                0 if Instant::now() >= deadline => return Err(FetchError::Net(NetError::Timeout)),
                0 => {}
                n => return Ok(n),
            }
        }
    }

    fn read_more(&mut self, buf: &mut [u8]) -> usize {
        if self.left == 0 || self.failed.is_some() || self.cancel.is_cancelled() {
            return 0;
        }
        // What came before a failure is worth having: the failure waits for the next `read`.
        self.read_stream(buf, HARDLY).unwrap_or_else(|error| {
            self.failed = Some(error);
            0
        })
    }
}

impl HttpBody {
    fn count(&mut self, n: usize) -> usize {
        self.left = self.left.saturating_sub(n as u64);
        n
    }

    fn read_stream(&mut self, buf: &mut [u8], timeout: Duration) -> Result<usize, FetchError> {
        let From::Stream(stream) = &mut self.from else { return Ok(0) };
        let room = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        match stream.read(buf.get_mut(..room).unwrap_or_default(), timeout) {
            Ok(n) => Ok(self.count(n)),
            // A connection that ends in mid-body is a short body, however politely it ends.
            Err(NetError::Closed) => Err(FetchError::Truncated),
            Err(error) => Err(FetchError::Net(error)),
        }
    }
}

/// What a failed read of a body amounts to.
fn broken(fault: &Fault, error: &std::io::Error) -> FetchError {
    match fault.take() {
        // A connection that ends in mid-body is a short body, however politely it ends.
        Some(NetError::Closed) => FetchError::Truncated,
        Some(fault) => FetchError::Net(fault),
        None => match error.kind() {
            std::io::ErrorKind::UnexpectedEof => FetchError::Truncated,
            std::io::ErrorKind::TimedOut => FetchError::Net(NetError::Timeout),
            _ => FetchError::Protocol,
        },
    }
}
