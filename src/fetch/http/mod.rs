// SPDX-License-Identifier: MIT OR Apache-2.0
//! Images over HTTP and HTTPS: one GET, resumed by `Range` and `If-Range`, every answer checked.

pub mod call;
mod content;
mod exchange;
mod get;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod pieces;
mod size;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use otakit_core::fetch::{FetchError, Validator};
use otakit_core::http::answer::{self, Expectation};
use otakit_core::url::Url;

use super::{Body, Opened, Opening, Request, Source};
use crate::cancel::CancellationToken;
use crate::net::{Dial, Roots, trace};
use content::{Content, Step};
use exchange::Exchange;
use get::Get;

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
pub struct HttpSource(Arc<Http>);

struct Http {
    dial: Arc<dyn Dial>,
    roots: Arc<Roots>,
    limits: Limits,
    guard: Guard,
}

impl HttpSource {
    /// `roots` are trusted for https; `guard` must allow each redirect.
    pub fn new(dial: Arc<dyn Dial>, roots: Arc<Roots>, limits: Limits, guard: Guard) -> Self {
        Self(Arc::new(Http { dial, roots, limits, guard }))
    }
}

/// The request on the wire. Nothing in a [`Url`] can begin a line of its own.
fn wire(url: &Url, request: &Request<'_>) -> String {
    let mut text = format!("GET {} HTTP/1.1\r\nhost: {}\r\naccept: {ACCEPT}\r\n", url.path, url.authority());
    // Writing into a String cannot fail.
    if let Some(userinfo) = &url.userinfo {
        let _ = write!(text, "authorization: Basic {}\r\n", BASE64_STANDARD.encode(userinfo));
    }
    if request.offset > 0 {
        let _ = write!(text, "range: bytes={}-\r\n", request.offset);
        // A validator may come out of a journal, which others could have written.
        let validator = request.validator.map(Validator::as_str);
        if let Some(validator) = validator.filter(|text| text.bytes().all(|byte| matches!(byte, b' '..=b'~')))
        {
            let _ = write!(text, "if-range: {validator}\r\n");
        }
    }
    text.push_str("\r\n");
    text
}

/// What Link Kit's own client sends, so that a server sees no difference.
const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

impl Source for HttpSource {
    fn open(&self, request: &Request<'_>, cancel: &CancellationToken) -> Box<dyn Opening> {
        Box::new(HttpOpening { get: Get::new(self.0.clone(), cancel), wanted: Wanted::from(request) })
    }
}

/// A [`Request`] of one's own.
struct Wanted {
    url: String,
    offset: u64,
    size: u64,
    validator: Option<Validator>,
}

impl From<&Request<'_>> for Wanted {
    fn from(request: &Request<'_>) -> Self {
        let Request { url, offset, size, validator } = *request;
        Self { url: url.to_owned(), offset, size, validator: validator.cloned() }
    }
}

/// An image that is being opened.
struct HttpOpening {
    get: Get,
    wanted: Wanted,
}

impl Opening for HttpOpening {
    fn step(&mut self, wait: Duration) -> Result<Option<Opened>, FetchError> {
        let Wanted { url, offset, size, validator } = &self.wanted;
        let request = Request { url, offset: *offset, size: *size, validator: validator.as_ref() };
        let expected =
            Expectation { offset: request.offset, size: request.size, validator: request.validator };
        let judge = |exchange: &Exchange| {
            let judged = answer::judge(exchange.head.status, &exchange.head.headers, &expected);
            judged.inspect_err(|error| explain(error, exchange, &request))
        };
        let Some((exchange, start)) = self.get.step(&request, judge, wait)? else { return Ok(None) };
        let validator = answer::validator(&exchange.head.headers);
        let coded = answer::is_coded(&exchange.head.headers);
        let left = request.size.saturating_sub(start);
        let (_, content) = exchange.open()?;
        let body = HttpBody { content, size: request.size, left, coded, failed: None };
        Ok(Some(Opened { body: Box::new(body), start, validator }))
    }
}

/// Leaves what came back, where the error alone does not say it.
fn explain(error: &FetchError, exchange: &Exchange, request: &Request<'_>) {
    let head = &exchange.head;
    let field = |name: &str| match head.headers.text(name) {
        Some(text) => {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(MOST_SHOWN).collect();
            format!("{name}: {shown}")
        }
        None => format!("no {name}"),
    };
    match error {
        FetchError::Length { .. } => trace::reason(format_args!("{} bytes were offered", request.size)),
        FetchError::Range => trace::reason(format_args!(
            "asked for byte {} on, the answer has status {} and {}",
            request.offset,
            head.status,
            field("content-range")
        )),
        FetchError::Encoding => trace::reason(field("content-encoding")),
        FetchError::Redirect => trace::reason(format_args!("status {} without a location", head.status)),
        _ => {}
    }
}

/// How long [`Body::read_more`] waits: some networks take 0 for "for ever".
const HARDLY: Duration = Duration::from_millis(1);

struct HttpBody {
    content: Content,
    /// Size of the image.
    size: u64,
    /// Bytes that the image still lacks.
    left: u64,
    /// Whether the server says that the body is coded.
    coded: bool,
    /// What [`Body::read_more`] met.
    failed: Option<FetchError>,
}

impl Body for HttpBody {
    fn read(&mut self, buf: &mut [u8], wait: Duration) -> Result<Option<usize>, FetchError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let room = self.room(buf);
        if room.is_empty() {
            return Ok(Some(0));
        }
        let read = match self.content.poll(room, wait) {
            Ok(None) => return Ok(None),
            // A coded body that has ended is not the image, however often it is asked for.
            Ok(Some(0)) if self.coded && self.content.is_complete() => Err(FetchError::Encoding),
            Ok(Some(0)) => Err(FetchError::Truncated),
            Ok(Some(n)) => Ok(n),
            Err(error) => Err(error),
        };
        let n = read.inspect_err(|error| self.explain(error))?;
        let mut filled = self.count(n);
        // Small chunks come many at once: what is here already costs no waiting.
        while self.content.has_input() {
            match self.read_more(buf.get_mut(filled..).unwrap_or_default()) {
                0 => break,
                n => filled += n,
            }
        }
        Ok(Some(filled))
    }

    fn read_more(&mut self, buf: &mut [u8]) -> usize {
        let room = self.room(buf);
        if room.is_empty() || self.failed.is_some() || self.content.is_cancelled() {
            return 0;
        }
        match self.content.step(room, HARDLY) {
            Ok(Step::Bytes(n)) => self.count(n),
            Ok(Step::Nothing | Step::End) => 0,
            // What came before a failure is worth having: the failure waits for the next `read`.
            Err(error) => {
                self.explain(&error);
                self.failed = Some(error);
                0
            }
        }
    }
}

/// Most of a header field that is shown.
const MOST_SHOWN: usize = 60;

impl HttpBody {
    /// As much of `buf` as the image still fills.
    fn room<'b>(&self, buf: &'b mut [u8]) -> &'b mut [u8] {
        let room = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        buf.get_mut(..room).unwrap_or_default()
    }

    /// Leaves how far it came.
    fn explain(&self, error: &FetchError) {
        if *error == FetchError::Truncated {
            trace::reason(format_args!(
                "{} of {} bytes have come",
                self.size.saturating_sub(self.left),
                self.size
            ));
        }
    }

    fn count(&mut self, n: usize) -> usize {
        self.left = self.left.saturating_sub(n as u64);
        n
    }
}

#[cfg(test)]
mod tests;
