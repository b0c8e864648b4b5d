// SPDX-License-Identifier: MIT OR Apache-2.0
//! The body of an HTTP answer, however its end is marked. Bytes go from the connection straight into the caller's
//! buffer; only the lines between chunks are read into one of its own.

use std::time::{Duration, Instant};

use otakit_core::fetch::FetchError;
use otakit_core::http::answer::{content_length, is_chunked};
use otakit_core::http::head::Head;
use otakit_core::net::NetError;

use super::exchange::{Bounds, silent};
use crate::net::{QUIET, SLICE, Stream};

/// The longest line between chunks, and among the trailers, in bytes.
const MAX_LINE: usize = 1024;
/// The most trailers.
const MAX_TRAILERS: u8 = 64;

/// What marks the body's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// So many bytes are still to come.
    Counted(u64),
    /// The end of the connection.
    UntilClose,
    /// The body says so itself.
    Chunked(Chunk),
}

/// What a chunked body goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    /// The line with the next chunk's size.
    Size,
    /// So many bytes of a chunk, at least 1.
    Data(u64),
    /// The line end behind a chunk.
    DataEnd,
    /// A trailer, or the last line; so many trailers came already.
    Trailer(u8),
    /// Nothing.
    End,
}

/// What one step of reading brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes, at least 1.
    Bytes(usize),
    /// Nothing of the body in the time given.
    Nothing,
    /// The body's end.
    End,
}

/// A body that is being read.
pub struct Content {
    stream: Box<dyn Stream>,
    framing: Framing,
    /// Bytes read from the stream and not yet used.
    input: Vec<u8>,
    bounds: Bounds,
    /// How long nothing has come.
    silence: Duration,
}

impl Content {
    /// The body behind `head`, whose first bytes are in `front`.
    pub fn new(
        head: &Head,
        stream: Box<dyn Stream>,
        front: Vec<u8>,
        bounds: Bounds,
    ) -> Result<Self, FetchError> {
        Ok(Self { stream, framing: framing(head)?, input: front, bounds, silence: Duration::ZERO })
    }

    /// Reads what is there, at least one byte; 0 is the body's end. Waits for the time a silence may last.
    pub fn read(&mut self, buf: &mut [u8]) -> Result<usize, FetchError> {
        let mut wait = SLICE;
        loop {
            if let Some(n) = self.poll(buf, wait)? {
                return Ok(n);
            }
            wait = (wait * 2).min(QUIET);
        }
    }

    /// As [`Content::read`], and waits for the network once, for `wait` at most: `None` when nothing came.
    pub fn poll(&mut self, buf: &mut [u8], wait: Duration) -> Result<Option<usize>, FetchError> {
        if buf.is_empty() {
            return Ok(Some(0));
        }
        if self.is_cancelled() {
            return Err(FetchError::Net(NetError::Cancelled));
        }
        let began = Instant::now();
        match self.step(buf, wait)? {
            Step::Bytes(n) => {
                self.silence = Duration::ZERO;
                Ok(Some(n))
            }
            Step::End => Ok(Some(0)),
            Step::Nothing => {
                self.silence += began.elapsed();
                let stall = self.bounds.limits.stall;
                self.bounds.check(self.silence, stall).inspect_err(|error| silent(*error, "byte", stall))?;
                Ok(None)
            }
        }
    }

    /// Whether bytes are here that were read and not yet used.
    pub fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// Whether the body itself says where it ends, and has.
    pub fn is_complete(&self) -> bool {
        self.framing == Framing::Chunked(Chunk::End)
    }

    /// Whether the transfer was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.bounds.cancel.is_cancelled()
    }

    /// Waits for the network once, for `timeout` at most. `buf` must have room.
    pub fn step(&mut self, buf: &mut [u8], timeout: Duration) -> Result<Step, FetchError> {
        loop {
            let left = match self.framing {
                Framing::UntilClose => u64::MAX,
                Framing::Counted(0) | Framing::Chunked(Chunk::End) => return Ok(Step::End),
                Framing::Counted(left) | Framing::Chunked(Chunk::Data(left)) => left,
                Framing::Chunked(chunk) => match self.line(chunk, timeout)? {
                    Some(next) => {
                        self.framing = Framing::Chunked(next);
                        continue;
                    }
                    None => return Ok(Step::Nothing),
                },
            };
            let room = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let n = match self.take(buf.get_mut(..room).unwrap_or_default(), timeout) {
                Ok(0) => return Ok(Step::Nothing),
                Ok(n) => n,
                Err(NetError::Closed) if self.framing == Framing::UntilClose => {
                    self.framing = Framing::Counted(0);
                    return Ok(Step::End);
                }
                Err(error) => return Err(broken(error)),
            };
            self.framing = match self.framing {
                Framing::Counted(left) => Framing::Counted(left.saturating_sub(n as u64)),
                Framing::Chunked(_) if n as u64 == left => Framing::Chunked(Chunk::DataEnd),
                Framing::Chunked(_) => Framing::Chunked(Chunk::Data(left - n as u64)),
                Framing::UntilClose => Framing::UntilClose,
            };
            return Ok(Step::Bytes(n));
        }
    }

    /// Bytes of the body: those that are here already, else from the stream.
    fn take(&mut self, buf: &mut [u8], timeout: Duration) -> Result<usize, NetError> {
        if self.input.is_empty() {
            return self.stream.read(buf, timeout);
        }
        let n = self.input.len().min(buf.len());
        if let (Some(room), Some(here)) = (buf.get_mut(..n), self.input.get(..n)) {
            room.copy_from_slice(here);
        }
        self.input.drain(..n);
        if self.input.is_empty() && !matches!(self.framing, Framing::Chunked(_)) {
            self.input = Vec::new();
        }
        Ok(n)
    }

    /// What comes behind the line that `chunk` stands before; `None` when more of it had to be waited for.
    fn line(&mut self, chunk: Chunk, timeout: Duration) -> Result<Option<Chunk>, FetchError> {
        let front = self.input.get(..MAX_LINE).unwrap_or(&self.input);
        if let Some((next, len)) = after(chunk, front)? {
            self.input.drain(..len);
            return Ok(Some(next));
        }
        let filled = self.input.len();
        if filled >= MAX_LINE {
            return Err(FetchError::Protocol);
        }
        // A connection that is closed because memory is short is made again.
        let more = self.input.try_reserve_exact(MAX_LINE - filled);
        more.map_err(|_| FetchError::Net(NetError::Resources))?;
        self.input.resize(MAX_LINE, 0);
        let read = self.stream.read(self.input.get_mut(filled..).unwrap_or_default(), timeout);
        self.input.truncate(filled + read.as_ref().copied().unwrap_or(0));
        read.map(|_| None).map_err(broken)
    }
}

fn broken(error: NetError) -> FetchError {
    match error {
        // A connection that ends in mid-body is a short body, however politely it ends.
        NetError::Closed => FetchError::Truncated,
        error => FetchError::Net(error),
    }
}

/// What marks the end of the body behind `head` (RFC 9112, section 6.3).
fn framing(head: &Head) -> Result<Framing, FetchError> {
    if matches!(head.status, 100..=199 | 204 | 304) {
        return Ok(Framing::Counted(0));
    }
    if is_chunked(&head.headers)? {
        return Ok(Framing::Chunked(Chunk::Size));
    }
    Ok(content_length(&head.headers)?.map_or(Framing::UntilClose, Framing::Counted))
}

/// Reads the line at the front of `input`: what comes behind it, and its length. `None` while it is not complete.
fn after(chunk: Chunk, input: &[u8]) -> Result<Option<(Chunk, usize)>, FetchError> {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
        let may_begin = match (chunk, input.first()) {
            (Chunk::Size, Some(first)) => first.is_ascii_hexdigit(),
            (Chunk::DataEnd, Some(first)) => *first == b'\r',
            _ => true,
        };
        return if may_begin { Ok(None) } else { Err(FetchError::Protocol) };
    };
    let line = input.get(..end).unwrap_or_default();
    let empty = matches!(line, b"" | b"\r");
    let next = match chunk {
        Chunk::Size => match size(line).ok_or(FetchError::Protocol)? {
            0 => Chunk::Trailer(0),
            size => Chunk::Data(size),
        },
        Chunk::DataEnd if empty => Chunk::Size,
        Chunk::Trailer(_) if empty => Chunk::End,
        // Nothing in the trailers is of use.
        Chunk::Trailer(count) if count < MAX_TRAILERS => Chunk::Trailer(count + 1),
        _ => return Err(FetchError::Protocol),
    };
    Ok(Some((next, end + 1)))
}

/// A chunk's size: hexadecimal digits, and perhaps an extension, which says nothing here.
fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii_end();
    // A sign is no digit, and an empty line is no size of 0, which would end a body that was cut.
    let plain = digits.iter().all(u8::is_ascii_hexdigit);
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests;
