// SPDX-License-Identifier: MIT OR Apache-2.0
//! Large parts of files go from the file to a connection without TLS inside the kernel, with `sendfile`.
//!
//! hyper writes the head of such an answer. Its body never brings anything: when it is asked for, and the head has left,
//! the connection is taken out of hyper's hands, gets the file, and goes back for its next request.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, Version, header};
use bytes::Bytes;
use futures_util::Stream as Frames;
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::sendfile;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::patience::WRITE_TIME;
use super::pieces::Part;
use crate::metrics;
use crate::tls::Stream;

/// The smallest part for which this is worth its effort.
const LEAST: u64 = 256 << 10;
/// Bytes after which another connection may have the thread.
const TURN: u64 = 8 << 20;
/// How long a thread waits for room in a socket.
const SOON: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };

/// What is to be sent, and whether the connection stays open after it.
#[derive(Debug)]
pub struct Order {
    part: Part,
    keep: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// The answer is on its way to hyper.
    Taken(Order),
    /// Its head is written, to a buffer at least.
    Asked(Order),
    /// Its head has left.
    Due(Order),
}

/// Where the answers of a connection leave what is to be sent.
#[derive(Debug, Default)]
pub struct Desk(Mutex<State>);

impl Desk {
    fn step(&self, next: impl FnOnce(State) -> State) {
        let mut state = self.0.lock();
        *state = next(std::mem::take(&mut *state));
    }

    /// All that hyper had to write has left.
    pub fn flushed(&self) {
        self.step(|state| match state {
            State::Asked(order) => State::Due(order),
            other => other,
        });
    }

    /// What is to be sent now.
    pub fn due(&self) -> Option<Order> {
        let mut due = None;
        self.step(|state| match state {
            State::Due(order) => {
                due = Some(order);
                State::Idle
            }
            other => other,
        });
        due
    }
}

/// The body of an answer that is sent without hyper.
struct Elsewhere(Arc<Desk>);

impl Frames for Elsewhere {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.step(|state| match state {
            State::Taken(order) => State::Asked(order),
            other => other,
        });
        Poll::Pending
    }
}

/// What a request says about its connection.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    keep: bool,
    bare: bool,
}

impl Asked {
    /// By its version and headers.
    pub fn of(version: Version, headers: &HeaderMap) -> Self {
        let words = headers.get_all(header::CONNECTION).iter();
        let mut words = words.flat_map(|value| value.to_str().unwrap_or("close").split(','));
        let closes = words.any(|word| word.trim().eq_ignore_ascii_case("close"));
        let bare =
            !headers.contains_key(header::CONTENT_LENGTH) && !headers.contains_key(header::TRANSFER_ENCODING);
        Self { keep: version == Version::HTTP_11 && !closes, bare }
    }
}

/// The answer as hyper is to have it: one with a large part of a file leaves that at the desk. A request with a body has
/// the usual way, because some of it may still have to be read.
pub fn take(desk: &Arc<Desk>, asked: Asked, mut answer: Response<Body>) -> Response<Body> {
    let part = answer.extensions_mut().remove::<Part>();
    if let Some(part) = part.filter(|part| asked.bare && part.length >= LEAST) {
        if !asked.keep {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        desk.step(|_| State::Taken(Order { part, keep: asked.keep }));
        *answer.body_mut() = Body::from_stream(Elsewhere(desk.clone()));
    }
    answer
}

/// Sends it. The connection again, unless it is closed.
pub async fn send(stream: Box<dyn Stream>, order: Order) -> Option<Box<dyn Stream>> {
    let (mut stream, mut part) = (stream, order.part);
    while part.length > 0 {
        // The bytes may have to come from the disk: nothing for the thread that serves everybody.
        let turn = spawn_blocking(move || {
            let turn = stream.plain().map(|socket| one_turn(socket, &mut part));
            (stream, part, turn)
        });
        let done;
        (stream, part, done) = turn.await.ok()?;
        match done? {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                timeout(WRITE_TIME, stream.plain()?.writable()).await.ok()?.ok()?;
            }
            // The client went away, or the file is shorter than it was: the answer ends early, and so is known to be broken.
            Err(_) => return None,
        }
    }
    if !order.keep {
        let _ = stream.shutdown().await;
        return None;
    }
    Some(stream)
}

/// Sends until all is sent, the socket stays full, or it is another one's turn.
fn one_turn(socket: &TcpStream, part: &mut Part) -> io::Result<()> {
    let mut left = TURN.min(part.length);
    while left > 0 {
        let sent = match some(socket, part, left) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // A client that takes all there is makes room at once: no change of threads for that.
                if poll(&mut [PollFd::new(socket, PollFlags::OUT)], Some(&SOON)) != Ok(0) {
                    continue;
                }
                // Still full, as tokio has to know, which waits for it.
                socket.try_io(Interest::WRITABLE, || some(socket, part, left))?
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if sent == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        metrics::sent(sent);
        let sent = sent as u64;
        part.length -= sent;
        left -= sent;
    }
    Ok(())
}

/// Sends what the socket takes.
fn some(socket: &TcpStream, part: &mut Part, most: u64) -> io::Result<usize> {
    let count = usize::try_from(most).unwrap_or(usize::MAX);
    Ok(sendfile(socket, &*part.file, Some(&mut part.first), count)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_that_stay_open() {
        let asked = |version, value: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(value.map(|value| (header::CONNECTION, HeaderValue::from_static(value))));
            Asked::of(version, &headers).keep
        };
        assert!(asked(Version::HTTP_11, None));
        assert!(asked(Version::HTTP_11, Some("keep-alive")));
        assert!(!asked(Version::HTTP_11, Some("Close")));
        assert!(!asked(Version::HTTP_11, Some("te, close")));
        assert!(!asked(Version::HTTP_10, None));
        assert!(!asked(Version::HTTP_10, Some("keep-alive")));
    }
}
