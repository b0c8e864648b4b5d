// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a case does with one request: a list of steps, made by bending an honest answer.

use std::time::Duration;

use super::request::Request;
use crate::origin::range::{self, Wanted};

/// One step. After the last one the connection is closed in an orderly way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes one by one, each in its own packet.
    Trickle(Vec<u8>, Duration),
    /// Bytes `from..from + len` of the image.
    Body(u64, u64),
    /// The same in chunked coding, without the last chunk.
    Chunks(u64, u64, u64),
    /// The whole image as one gzip member of stored blocks.
    Gzip,
    /// One byte of the image, with its lowest bit flipped.
    Flipped(u64),
    /// Wait.
    Pause(Duration),
    /// Send nothing and keep the connection until the client gives up.
    Hang,
    /// Break the connection with RST.
    Reset,
}

/// The largest image: 1 PiB, so that sums with sizes never overflow.
pub const MAX_SIZE: u64 = 1 << 50;

/// Bytes of the whole gzip member that [`Op::Gzip`] sends for `size` bytes.
pub fn gzip_length(size: u64) -> u64 {
    let blocks = size.div_ceil(GZIP_BLOCK).max(1);
    10 + blocks * 5 + size + 8
}

/// Bytes in a stored block.
pub const GZIP_BLOCK: u64 = 0xFFFF;

/// What a case knows when it makes its plan.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// The size of the image, at most [`MAX_SIZE`].
    pub size: u64,
    /// The request.
    pub request: Request,
    /// 1 for the first request for this case under this token, then 2, and so on.
    pub attempt: u32,
    /// The case's name, for URLs.
    pub case: String,
}

impl Ctx {
    /// The honest entity tag of the image.
    pub fn etag(&self) -> String {
        format!("\"image-{}\"", self.size)
    }

    /// A third of the image, 20000 bytes of the 60000 that are usual, or what `?at=` says.
    pub fn third(&self) -> u64 {
        self.request.number("at").unwrap_or(self.size / 3).min(self.size)
    }

    /// A duration: `?seconds=` or this many milliseconds.
    pub fn pause(&self, default_ms: u64) -> Duration {
        self.request.number("seconds").map_or(Duration::from_millis(default_ms), Duration::from_secs)
    }

    /// Whether the request asks for a part.
    pub fn has_range(&self) -> bool {
        self.request.header("Range").is_some()
    }

    /// The offset that the request asks to go on from, 0 without a usable Range header.
    pub fn start(&self) -> u64 {
        match self.request.header("Range").map(|value| range::parse(value, self.size)) {
            Some(Wanted::Part { first, .. }) => first,
            _ => 0,
        }
    }

    /// A path on this server, with the query of the request.
    pub fn path_of(&self, case: &str) -> String {
        match self.request.query_text() {
            "" => format!("/{case}/{}", self.size),
            query => format!("/{case}/{}?{query}", self.size),
        }
    }

    /// The server's address as the client wrote it.
    pub fn host(&self) -> &str {
        self.request.header("Host").unwrap_or("127.0.0.1")
    }
}

/// A response head, made of text so that it may be wrong.
#[derive(Clone, Debug)]
pub struct Head {
    line: String,
    fields: Vec<String>,
}

impl Head {
    /// A status line.
    pub fn new(line: impl Into<String>) -> Self {
        Self { line: line.into(), fields: Vec::new() }
    }

    /// `HTTP/1.1 {code} {reason}`.
    pub fn status(code: u16) -> Self {
        Self::new(format!("HTTP/1.1 {code} {}", reason(code)))
    }

    /// Replaces the status line.
    pub fn line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.line);
        self
    }

    /// Adds a field at the end.
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.fields.push(format!("{name}: {value}"));
        self
    }

    /// Adds a line at the end, as it is.
    pub fn raw(mut self, line: impl Into<String>) -> Self {
        self.fields.push(line.into());
        self
    }

    /// Adds a line before all others, as it is.
    pub fn first(mut self, line: impl Into<String>) -> Self {
        self.fields.insert(0, line.into());
        self
    }

    /// Removes all fields of a name.
    pub fn without(mut self, name: &str) -> Self {
        let is = |line: &String| line.split(':').next().is_some_and(|n| n.eq_ignore_ascii_case(name));
        self.fields.retain(|line| !is(line));
        self
    }

    /// Replaces a field.
    pub fn set(self, name: &str, value: impl std::fmt::Display) -> Self {
        self.without(name).with(name, value)
    }

    /// The bytes, the empty line included.
    pub fn bytes(&self) -> Vec<u8> {
        self.ended_by("\r\n")
    }

    /// The bytes with another line end.
    pub fn ended_by(&self, end: &str) -> Vec<u8> {
        let mut text = format!("{}{end}", self.line);
        for field in &self.fields {
            text.push_str(field);
            text.push_str(end);
        }
        text.push_str(end);
        text.into_bytes()
    }

    /// As a step.
    pub fn op(&self) -> Op {
        Op::Bytes(self.bytes())
    }
}

/// An honest answer, before it is bent.
#[derive(Clone, Debug)]
pub struct Honest {
    /// The head, with Content-Length, validators and, for a part, Content-Range.
    pub head: Head,
    /// Offset of the first byte.
    pub from: u64,
    /// Bytes.
    pub len: u64,
}

impl Honest {
    /// Head and body.
    pub fn ops(&self) -> Vec<Op> {
        vec![self.head.op(), Op::Body(self.from, self.len)]
    }

    /// Head, then at most `n` bytes of the body.
    pub fn cut(&self, n: u64) -> Vec<Op> {
        vec![self.head.op(), Op::Body(self.from, n.min(self.len))]
    }
}

/// The whole image, whatever Range says.
pub fn whole(ctx: &Ctx) -> Honest {
    Honest {
        head: validators(Head::status(200), ctx).with("Content-Length", ctx.size),
        from: 0,
        len: ctx.size,
    }
}

/// The right answer to the request: Range and If-Range honoured.
pub fn honest(ctx: &Ctx) -> Honest {
    let request = &ctx.request;
    let current = request.header("If-Range").is_none_or(|v| v == ctx.etag() || v == LAST_MODIFIED);
    let wanted = request.header("Range").filter(|_| current).map(|value| range::parse(value, ctx.size));
    match wanted {
        None | Some(Wanted::All) => whole(ctx),
        Some(Wanted::Part { first, last }) => part(ctx, first, last),
        Some(Wanted::Unsatisfiable) => {
            let head = Head::status(416).with("Content-Range", format!("bytes */{}", ctx.size));
            Honest { head: head.with("Content-Length", 0).with("Connection", "close"), from: 0, len: 0 }
        }
    }
}

/// 206 with the bytes `first..=last`.
pub fn part(ctx: &Ctx, first: u64, last: u64) -> Honest {
    let len = (last + 1).saturating_sub(first);
    let head = validators(Head::status(206), ctx)
        .with("Content-Range", format!("bytes {first}-{last}/{}", ctx.size))
        .with("Content-Length", len);
    Honest { head, from: first, len }
}

/// When the image was last changed.
pub const LAST_MODIFIED: &str = "Sun, 01 Nov 2026 00:00:00 GMT";

/// Adds what every good answer carries.
pub fn validators(head: Head, ctx: &Ctx) -> Head {
    head.with("Content-Type", "application/octet-stream")
        .with("Accept-Ranges", "bytes")
        .with("ETag", ctx.etag())
        .with("Last-Modified", LAST_MODIFIED)
        .with("Connection", "close")
}

/// A short answer with a text body.
pub fn text(code: u16, body: &str) -> Vec<Op> {
    let head = Head::status(code).with("Content-Type", "text/plain").with("Content-Length", body.len());
    vec![head.with("Connection", "close").op(), Op::Bytes(body.as_bytes().to_vec())]
}

/// A reason phrase.
pub fn reason(code: u16) -> &'static str {
    axum::http::StatusCode::from_u16(code).ok().and_then(|s| s.canonical_reason()).unwrap_or("Unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ctx(range: Option<&str>, if_range: Option<&str>) -> Ctx {
        let mut request = Request { method: "GET".into(), target: "/ok/100".into(), headers: Vec::new() };
        for (name, value) in [("Range", range), ("If-Range", if_range)] {
            request.headers.extend(value.map(|v| (name.to_owned(), v.to_owned())));
        }
        Ctx { size: 100, request, attempt: 1, case: "ok".into() }
    }

    #[test]
    fn honest_answers() {
        let span = |c: &Ctx| (honest(c).from, honest(c).len);
        assert_eq!(span(&ctx(None, None)), (0, 100));
        assert_eq!(span(&ctx(Some("bytes=10-"), None)), (10, 90));
        assert_eq!(span(&ctx(Some("bytes=10-"), Some("\"image-100\""))), (10, 90));
        assert_eq!(span(&ctx(Some("bytes=10-"), Some("\"x\""))), (0, 100));
        assert_eq!(span(&ctx(Some("bytes=10-"), Some(LAST_MODIFIED))), (10, 90));
        assert!(honest(&ctx(Some("bytes=100-"), None)).head.bytes().starts_with(b"HTTP/1.1 416 "));
    }

    #[test]
    fn heads_can_be_bent() {
        let head = Head::status(404).with("A", 1).with("a", 2).first("B:3").set("A", 4);
        assert_eq!(head.bytes(), b"HTTP/1.1 404 Not Found\r\nB:3\r\nA: 4\r\n\r\n");
    }
}
