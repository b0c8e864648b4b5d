// SPDX-License-Identifier: MIT OR Apache-2.0
//! One exchange of bytes over HTTP, bounded in time and size: what platforms with an API over HTTP need beside images.
//!
//! The request goes out byte for byte as its platform wrote it ([`otakit_core::http::request`] writes an ordinary one); the answer
//! is read as those with images are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use otakit_core::fetch::FetchError;
use otakit_core::http::head::{Head, Headers};
use otakit_core::net::NetError;

use super::Limits;
use super::content::Content;
use super::exchange::{Bounds, exchange};
use crate::cancel::CancellationToken;
use crate::net::{Dial, Target, trace};

/// An answer whose body has not been read yet.
pub struct Reply {
    head: Head,
    content: Content,
}

/// Sends `request` and waits for the head of the answer. Blocking, on a worker thread: at most `limit` for all of it, the
/// body included, except for a firmware's network call that does not return. No redirect is followed.
pub fn call(
    dial: &Arc<dyn Dial>,
    target: Target,
    request: Vec<u8>,
    limit: Duration,
    cancel: &CancellationToken,
) -> Result<Reply, FetchError> {
    if limit.is_zero() {
        return Err(FetchError::Net(NetError::Timeout));
    }
    let limits = Limits { connect: limit, answer: limit, stall: limit };
    let bounds = Bounds { limits, end: Some(Instant::now() + limit), cancel: cancel.clone() };
    trace::connecting(&target);
    let (head, content) = exchange(&**dial, &target, &request, bounds)?.open()?;
    Ok(Reply { head, content })
}

impl Reply {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// A header field's text, the first one of that name; an empty one says nothing and counts as absent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.text(name).filter(|text| !text.is_empty())
    }

    /// Reads what is there of the body, at least one byte; 0 is its end.
    pub fn read(&mut self, buf: &mut [u8]) -> Result<usize, FetchError> {
        self.content.read(buf)
    }

    /// The rest of the body; [`FetchError::Oversized`] when it has more than `max` bytes.
    pub fn bytes(&mut self, max: usize) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 1024];
        loop {
            let n = self.read(&mut chunk)?;
            if n == 0 {
                return Ok(bytes);
            }
            if bytes.len() + n > max {
                return Err(FetchError::Oversized);
            }
            bytes.extend_from_slice(chunk.get(..n).unwrap_or_default());
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use otakit_core::http::request::{Method, Request};
    use parking_lot::Mutex;

    use super::*;
    use crate::net::{Security, Stream};

    /// A network of one server that takes down what it is sent and answers the next of its answers, then closes.
    #[derive(Default)]
    pub struct Scripted {
        /// Answers, the next one last.
        pub answers: Mutex<Vec<Vec<u8>>>,
        /// What was sent, one entry a connection.
        pub sent: Arc<Mutex<Vec<Vec<u8>>>>,
    }

    impl Scripted {
        pub fn new(answers: &[&[u8]]) -> Arc<Self> {
            let answers = answers.iter().rev().map(|answer| answer.to_vec()).collect();
            Arc::new(Self { answers: Mutex::new(answers), sent: Arc::default() })
        }
    }

    impl Dial for Scripted {
        fn dial(&self, _: &Target, _: Duration, _: &CancellationToken) -> Result<Box<dyn Stream>, NetError> {
            let answer = self.answers.lock().pop().ok_or(NetError::Connect)?;
            self.sent.lock().push(Vec::new());
            Ok(Box::new(Line { answer, sent: self.sent.clone() }))
        }
    }

    struct Line {
        answer: Vec<u8>,
        sent: Arc<Mutex<Vec<Vec<u8>>>>,
    }

    impl Stream for Line {
        fn read(&mut self, buf: &mut [u8], _: Duration) -> Result<usize, NetError> {
            if self.answer.is_empty() {
                return Err(NetError::Closed);
            }
            let n = buf.len().min(self.answer.len());
            buf[..n].copy_from_slice(&self.answer[..n]);
            self.answer.drain(..n);
            Ok(n)
        }

        fn write_all(&mut self, buf: &[u8], _: Duration) -> Result<(), NetError> {
            self.sent.lock().last_mut().unwrap().extend_from_slice(buf);
            Ok(())
        }
    }

    pub fn target() -> Target {
        Target { host: "h".into(), port: 80, security: Security::Plain }
    }

    fn exchange(answer: &[u8], request: &[u8]) -> (Result<Reply, FetchError>, Vec<Vec<u8>>) {
        let server = Scripted::new(&[answer]);
        let dial: Arc<dyn Dial> = server.clone();
        let reply =
            call(&dial, target(), request.to_vec(), Duration::from_secs(5), &CancellationToken::new());
        let sent = server.sent.lock().clone();
        (reply, sent)
    }

    #[test]
    fn the_request_goes_out_as_it_is_and_the_answer_comes_back() {
        let request = b"POST /x HTTP/1.1\r\nHost:h\r\nContent-Length:      2\r\n\r\n{}";
        let (reply, sent) =
            exchange(b"HTTP/1.1 404 No\r\nOta-Errno: 3\r\nContent-Length: 3\r\n\r\nabc", request);
        assert_eq!(sent, [request.to_vec()]);
        let mut reply = reply.unwrap();
        assert_eq!(
            (reply.status(), reply.header("ota-errno"), reply.header("other")),
            (404, Some("3"), None)
        );
        assert_eq!(reply.bytes(3).unwrap(), b"abc");
    }

    #[test]
    fn bodies_of_every_framing_are_read_and_bounded() {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert_eq!(exchange(chunked, b"x").0.unwrap().bytes(10).unwrap(), b"abc");
        let until_close = b"HTTP/1.1 200 OK\r\n\r\nabc";
        assert_eq!(exchange(until_close, b"x").0.unwrap().bytes(10).unwrap(), b"abc");
        assert_eq!(exchange(until_close, b"x").0.unwrap().bytes(2), Err(FetchError::Oversized));
        let short = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc";
        assert_eq!(exchange(short, b"x").0.unwrap().bytes(10), Err(FetchError::Truncated));
        assert!(exchange(b"nonsense", b"x").0.is_err());
    }

    #[test]
    fn an_ordinary_request() {
        let headers = [("Host", "h"), ("A", "b")];
        let put = Request { method: Method::Put, path: "/p?q", headers: &headers, body: b"xy" };
        let wanted =
            "PUT /p?q HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 2\r\nConnection: close\r\n\r\nxy";
        assert_eq!(String::from_utf8(put.encode()).unwrap(), wanted);
        let get = Request { method: Method::Get, body: b"", ..put };
        let wanted = "GET /p?q HTTP/1.1\r\nHost: h\r\nA: b\r\nConnection: close\r\n\r\n";
        assert_eq!(String::from_utf8(get.encode()).unwrap(), wanted);
    }

    #[test]
    fn no_time_is_no_call() {
        let dial: Arc<dyn Dial> = Scripted::new(&[]);
        let error = call(&dial, target(), Vec::new(), Duration::ZERO, &CancellationToken::new()).err();
        assert_eq!(error, Some(FetchError::Net(NetError::Timeout)));
    }
}
