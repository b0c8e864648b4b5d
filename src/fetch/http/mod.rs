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
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ureq::http::HeaderMap;

use super::url::Url;
use super::{Body, FetchError, Opened, Request, Source};
use crate::cancel::Cancel;
use crate::net::{Dial, NetError, Roots, Security, Target};
use agent::Fault;
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
        let agent = agent::agent(self.dial.clone(), target, self.limits, None, cancel.clone(), fault.clone());
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
        Ok(Exchange { response, fault })
    }
}

/// What Link Kit's own client sends, so that a server sees no difference.
const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

struct Exchange {
    response: ureq::http::Response<ureq::Body>,
    fault: Fault,
}

impl Source for HttpSource {
    fn open(&self, request: &Request<'_>, cancel: &Cancel) -> Result<Opened, FetchError> {
        let mut url = Url::parse(request.url).map_err(FetchError::Url)?;
        for _ in 0..=MAX_REDIRECTS {
            let Exchange { response, fault } = self.get(&url, request, cancel)?;
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
                    let reader = response.into_body().into_reader();
                    let left = request.size.saturating_sub(start);
                    let body = Box::new(HttpBody { reader: Box::new(reader), fault, left });
                    return Ok(Opened { body, start, validator });
                }
            }
        }
        Err(FetchError::Redirect)
    }
}

/// 416 to a request for the byte after the last one: the image is complete already.
fn nothing_left(request: &Request<'_>, headers: &HeaderMap) -> Opened {
    let body = Box::new(HttpBody { reader: Box::new(std::io::empty()), fault: Fault::default(), left: 0 });
    Opened { body, start: request.offset, validator: answer::validator(headers) }
}

struct HttpBody {
    reader: Box<dyn Read + Send>,
    fault: Fault,
    /// Bytes that the image still lacks.
    left: u64,
}

impl Body for HttpBody {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, FetchError> {
        match self.reader.read(buf) {
            Ok(0) if self.left > 0 && !buf.is_empty() => Err(FetchError::Truncated),
            Ok(n) => {
                self.left = self.left.saturating_sub(n as u64);
                Ok(n)
            }
            Err(error) => Err(broken(&self.fault, &error)),
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
