// SPDX-License-Identifier: MIT OR Apache-2.0
//! One request and its answer over a connection of their own.

use std::time::{Duration, Instant};

use otakit_core::fetch::FetchError;
use otakit_core::http::head::{Head, MAX_HEAD, MAX_LINE, Parser, may_begin};
use otakit_core::net::NetError;

use super::Limits;
use super::content::Content;
use crate::cancel::CancellationToken;
use crate::net::{Dial, SLICE, Stream, Target, trace};

/// Bytes read at once while the head comes: enough for nearly every head, and little of the body behind it.
const FIRST_READ: usize = 1024;

/// How long each part of an exchange may take, and who may end it.
#[derive(Clone)]
pub struct Bounds {
    /// Limits of the parts.
    pub limits: Limits,
    /// When the whole of it, body included, must be over.
    pub end: Option<Instant>,
    /// Ends it early.
    pub cancel: CancellationToken,
}

impl Bounds {
    /// The time for something that begins now and may take `span`.
    fn left(&self, span: Duration) -> Duration {
        let end = self.end.map(|end| end.saturating_duration_since(Instant::now()));
        end.map_or(span, |left| left.min(span))
    }

    /// Whether a wait goes on that may take `span` and has taken `waited`. The time between two steps does not count: what
    /// came meanwhile is there, and was not looked for.
    pub(super) fn check(&self, waited: Duration, span: Duration) -> Result<(), NetError> {
        if self.cancel.is_cancelled() {
            return Err(NetError::Cancelled);
        }
        let over = self.end.is_some_and(|end| Instant::now() >= end);
        if over || waited >= span { Err(NetError::Timeout) } else { Ok(()) }
    }
}

/// An answer of which the head is read.
pub struct Exchange {
    /// Its head.
    pub head: Head,
    stream: Box<dyn Stream>,
    /// Bytes read behind the head.
    front: Vec<u8>,
    bounds: Bounds,
}

/// A request that was sent; the head of its answer is on its way.
pub struct Asked {
    stream: Box<dyn Stream>,
    lines: Lines,
    bounds: Bounds,
    waited: Duration,
}

/// Connects, sends `request` as it is, and waits for the head of the answer.
pub fn exchange(
    dial: &dyn Dial,
    target: &Target,
    request: &[u8],
    bounds: Bounds,
) -> Result<Exchange, FetchError> {
    let mut asked = Asked::send(dial, target, request, bounds)?;
    loop {
        if let Some(answer) = asked.step(SLICE)? {
            return Ok(asked.answered(answer));
        }
    }
}

impl Asked {
    /// Connects, and sends `request` as it is.
    pub fn send(
        dial: &dyn Dial,
        target: &Target,
        request: &[u8],
        bounds: Bounds,
    ) -> Result<Self, FetchError> {
        let mut stream = dial.dial(target, bounds.left(bounds.limits.connect), &bounds.cancel)?;
        stream.write_all(request, bounds.left(bounds.limits.stall))?;
        Ok(Self { stream, lines: Lines::default(), bounds, waited: Duration::ZERO })
    }

    /// Waits for the network once, for `wait` at most, past interim answers. The head of the answer once it is complete,
    /// with what came behind it.
    pub fn step(&mut self, wait: Duration) -> Result<Option<(Head, Vec<u8>)>, FetchError> {
        let began = Instant::now();
        let n = match self.stream.read(self.lines.room()?, wait) {
            Ok(n) => n,
            // However politely it ended: there is no answer.
            Err(NetError::Closed) => {
                trace::reason("the server closed it without an answer");
                return Err(FetchError::Net(NetError::Broken));
            }
            Err(error) => return Err(FetchError::Net(error)),
        };
        if let Some(found) = self.lines.take(n)? {
            return Ok(Some(found));
        }
        self.waited += began.elapsed();
        let span = self.bounds.limits.answer;
        self.bounds.check(self.waited, span).inspect_err(|error| silent(*error, "answer", span))?;
        Ok(None)
    }

    /// With the head that [`Asked::step`] has given.
    pub fn answered(self, (head, front): (Head, Vec<u8>)) -> Exchange {
        let Self { stream, bounds, .. } = self;
        Exchange { head, stream, front, bounds }
    }
}

impl Exchange {
    /// The head again, and the body.
    pub fn open(self) -> Result<(Head, Content), FetchError> {
        let content = Content::new(&self.head, self.stream, self.front, self.bounds)?;
        Ok((self.head, content))
    }
}

/// Leaves what was waited for, and for how long.
pub(super) fn silent(error: NetError, what: &str, span: Duration) {
    if error == NetError::Timeout {
        trace::reason(format_args!("no {what} within {} ms", span.as_millis()));
    }
}

/// Cuts what comes into lines and hands them to the parser.
#[derive(Default)]
struct Lines {
    buffer: Vec<u8>,
    filled: usize,
    /// Bytes of all heads so far.
    seen: usize,
    /// Whether the rest of a line is read past that was too long to keep.
    skipping: bool,
    parser: Parser,
    /// Whether a line of this head was taken.
    begun: bool,
}

impl Lines {
    /// Where the next bytes go: at least one.
    fn room(&mut self) -> Result<&mut [u8], FetchError> {
        if self.filled == self.buffer.len() {
            let len = (self.filled * 2).clamp(FIRST_READ, MAX_LINE);
            let more = len.saturating_sub(self.buffer.len());
            self.buffer.try_reserve_exact(more).map_err(|_| FetchError::Net(NetError::Resources))?;
            self.buffer.resize(len, 0);
        }
        Ok(self.buffer.get_mut(self.filled..).unwrap_or_default())
    }

    /// Takes the next `n` bytes. The head and what came behind it, once it is complete.
    fn take(&mut self, n: usize) -> Result<Option<(Head, Vec<u8>)>, FetchError> {
        self.filled += n;
        let mut at = 0;
        while let Some(len) = self.line(at) {
            let line = self.buffer.get(at..at + len).unwrap_or_default();
            at += len;
            self.seen += len;
            if self.seen > MAX_HEAD {
                return Err(FetchError::Protocol);
            }
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            self.begun = true;
            if self.parser.line(line, false)? {
                let head = std::mem::take(&mut self.parser).head();
                self.begun = false;
                if !matches!(head.status, 100 | 102..=199) {
                    self.drain(at);
                    self.buffer.truncate(self.filled);
                    self.buffer.shrink_to_fit();
                    return Ok(Some((head, std::mem::take(&mut self.buffer))));
                }
            }
        }
        self.drain(at);
        let rest = self.buffer.get(..self.filled).unwrap_or_default();
        if !self.begun && !may_begin(rest) {
            return Err(FetchError::Protocol);
        }
        if self.filled >= MAX_LINE {
            if !self.skipping {
                self.begun = true;
                self.parser.line(rest, true)?;
            }
            self.skipping = true;
            self.seen += self.filled;
            self.filled = 0;
        }
        // Lines without end must not outlast the limit either.
        if self.seen + self.filled > MAX_HEAD { Err(FetchError::Protocol) } else { Ok(None) }
    }

    /// Length of the line at `at`, its end included.
    fn line(&self, at: usize) -> Option<usize> {
        let rest = self.buffer.get(at..self.filled)?;
        rest.iter().position(|byte| *byte == b'\n').map(|end| end + 1)
    }

    fn drain(&mut self, len: usize) {
        self.buffer.drain(..len);
        self.filled -= len;
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::tests::{Scripted, target};
    use super::*;

    fn asked(answer: &[u8]) -> Result<Exchange, FetchError> {
        let bounds = Bounds { limits: Limits::default(), end: None, cancel: CancellationToken::new() };
        exchange(&*Scripted::new(&[answer]), &target(), b"x", bounds)
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let answer =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 404 No\r\n\r\nrest";
        let exchange = asked(answer).unwrap();
        assert_eq!((exchange.head.status, exchange.front.as_slice()), (404, b"rest".as_slice()));
        let endless = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(MAX_HEAD);
        assert_eq!(asked(&endless).err(), Some(FetchError::Protocol));
        assert_eq!(asked(b"HTTP/1.1 101 Other\r\n\r\n").unwrap().head.status, 101);
    }

    #[test]
    fn long_heads_are_read_and_endless_ones_are_not() {
        let head = |len| format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(len)).into_bytes();
        for len in [0, 900, 1500, 8000] {
            assert_eq!(asked(&head(len)).unwrap().head.headers.text("a").unwrap().len(), len);
        }
        // Lines that nobody needs are read past, wherever the pieces of them end.
        for len in [MAX_LINE - 23, MAX_LINE - 22, MAX_LINE - 21, MAX_LINE, 3 * MAX_LINE + 5] {
            let answer =
                [&head(len)[..head(len).len() - 2], b" fold\r\nContent-Length: 7\r\n\r\nrest"].concat();
            let asked = asked(&answer).unwrap();
            assert_eq!(
                (asked.head.headers.text("a"), asked.head.headers.text("content-length")),
                (None, Some("7"))
            );
            assert_eq!(asked.front, b"rest");
        }
        let reason = [b"HTTP/1.1 404 ".as_slice(), &[b'x'; 20_000], b"\r\nA: b\r\n\r\n"].concat();
        let asked_for = asked(&reason).unwrap();
        assert_eq!((asked_for.head.status, asked_for.head.headers.text("a")), (404, Some("b")));
        let longest = MAX_HEAD - head(0).len();
        assert_eq!(asked(&head(longest)).unwrap().head.status, 200);
        assert_eq!(asked(&head(longest + 1)).err(), Some(FetchError::Protocol));
        let endless = [b"HTTP/1.1 200 OK\r\n".as_slice(), &b"A: b\r\n".repeat(MAX_HEAD)].concat();
        assert_eq!(asked(&endless).err(), Some(FetchError::Protocol));
        assert_eq!(asked(&[b'H'; 6]).err(), Some(FetchError::Protocol));
        assert_eq!(asked(b"HTTP/1.1 200 OK\r\nA: b").err(), Some(FetchError::Net(NetError::Broken)));
        assert_eq!(asked(b"").err(), Some(FetchError::Net(NetError::Broken)));
    }

    struct Silent;

    impl Dial for Silent {
        fn dial(&self, _: &Target, _: Duration, _: &CancellationToken) -> Result<Box<dyn Stream>, NetError> {
            Ok(Box::new(Self))
        }
    }

    impl Stream for Silent {
        fn read(&mut self, _: &mut [u8], timeout: Duration) -> Result<usize, NetError> {
            assert!(timeout <= SLICE);
            Ok(0)
        }

        fn write_all(&mut self, _: &[u8], _: Duration) -> Result<(), NetError> {
            Ok(())
        }
    }

    #[test]
    fn silence_ends_in_time_and_by_request() {
        let short = Limits { answer: Duration::from_millis(5), ..Limits::default() };
        let bounds = Bounds { limits: short, end: None, cancel: CancellationToken::new() };
        let timeout = Some(FetchError::Net(NetError::Timeout));
        assert_eq!(exchange(&Silent, &target(), b"x", bounds.clone()).err(), timeout);
        let end = Some(Instant::now());
        let whole = Bounds { limits: Limits::default(), end, ..bounds.clone() };
        assert_eq!(exchange(&Silent, &target(), b"x", whole).err(), timeout);
        bounds.cancel.cancel();
        let cancelled = exchange(&Silent, &target(), b"x", Bounds { limits: Limits::default(), ..bounds });
        assert_eq!(cancelled.err(), Some(FetchError::Net(NetError::Cancelled)));
    }
}
