// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that owns the connection: connects, signs in, writes, reads, pings, connects again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use otakit_core::net::NetError;

use super::clock::{self, Backoff, Due, Keepalive};
use super::decode::{self, Decoder, Inbound};
use super::encode;
use super::error::ConnectError;
use super::shared::Shared;
use crate::log;
use crate::net::{Dial, SLICE, Stream, trace};

/// Attempts to connect before a new client is given up.
pub(super) const FIRST_ATTEMPTS: u32 = 3;
/// Pause between these attempts.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest time that one transport connection may take to come about.
pub(super) const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Shortest time that a write gets, so that a goodbye has a chance.
const LEAST_WRITE: Duration = Duration::from_millis(50);
const CHUNK: usize = 4096;
/// A packet that is queued while a read is under way waits for its end: a HAL's read cannot be woken. What is said soon
/// after something else, subscriptions after the sign-in above all, need not wait long.
const BRISK_SLICE: Duration = Duration::from_millis(2);
/// How long after the last packet reads are brisk.
const BRISK_FOR: Duration = Duration::from_millis(100);

/// Runs until the client is closed.
pub(super) fn run(shared: &Arc<Shared>, dial: &dyn Dial) {
    let end = End { shared };
    match first_link(shared, dial) {
        Err(error) => shared.ended(Some(error)),
        Ok(link) => live(shared, dial, link),
    }
    drop(end);
}

/// As [`run`], for a client that was connected in another process, which has ended: as after a lost link.
pub(super) fn go_on(shared: &Arc<Shared>, dial: &dyn Dial) {
    let end = End { shared };
    let link = Link::open(shared, dial)
        .map_err(|error| log!(Warning, "mqtt", "{}", trace::told(&error, error.advice())));
    if let Some(link) = link.ok().or_else(|| next_link(shared, dial)) {
        live(shared, dial, link);
    }
    drop(end);
}

/// Says that the thread has ended, also when it ended by a panic.
struct End<'a> {
    shared: &'a Shared,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.shared.ended(None);
    }
}

fn first_link(shared: &Shared, dial: &dyn Dial) -> Result<Link, ConnectError> {
    let mut attempt = 1;
    loop {
        match Link::open(shared, dial) {
            Err(error) if error.is_transient() && attempt < FIRST_ATTEMPTS => {
                retrying(error, FIRST_PAUSE);
                if shared.cancel.sleep(FIRST_PAUSE) {
                    return Err(ConnectError::Net(NetError::Cancelled));
                }
                attempt += 1;
            }
            Err(error) => {
                log!(Error, "mqtt", "{}; given up", trace::told(&error, error.advice()));
                return Err(error);
            }
            Ok(link) => return Ok(link),
        }
    }
}

fn retrying(error: ConnectError, wait: Duration) {
    let told = trace::told(&error, error.advice());
    log!(Warning, "mqtt", "{told}; next try in {} ms", wait.as_millis());
}

fn live(shared: &Shared, dial: &dyn Dial, mut link: Link) {
    loop {
        shared.link_up(link.session_present);
        match link.serve(shared) {
            Leave::Closed => return,
            Leave::Lost(why) => log!(Warning, "mqtt", "link lost: {}", trace::told(&why, None)),
        }
        drop(link);
        shared.link_down();
        let Some(next) = next_link(shared, dial) else { return };
        log!(Info, "mqtt", "connected again");
        link = next;
    }
}

/// Tries until there is a connection, or `None` when the client is closed.
fn next_link(shared: &Shared, dial: &dyn Dial) -> Option<Link> {
    let mut backoff = Backoff::new();
    let mut wait = || backoff.next(crate::system::random());
    let mut pause = wait();
    log!(Warning, "mqtt", "{}: connecting again in {} ms", shared.options.target, pause.as_millis());
    loop {
        if shared.cancel.sleep(pause) {
            return None;
        }
        match Link::open(shared, dial) {
            Ok(link) => return Some(link),
            Err(error) => {
                pause = wait();
                retrying(error, pause);
            }
        }
    }
}

/// A connection on which CONNACK has come.
struct Link {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    chunk: Vec<u8>,
    batch: Vec<u8>,
    keepalive: Keepalive,
    /// When something was last written or read.
    last_packet: Instant,
    session_present: bool,
}

/// Why a connection is left.
enum Leave {
    /// The owner said so.
    Closed,
    Lost(Lost),
}

#[derive(Debug)]
enum Lost {
    Net(NetError),
    Malformed(decode::Malformed),
    Silent,
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Net(error) => write!(f, "{error}"),
            Self::Malformed(what) => write!(f, "malformed packet from the server: {what}"),
            Self::Silent => f.write_str("nothing heard from the server"),
        }
    }
}

impl From<NetError> for Lost {
    fn from(error: NetError) -> Self {
        Self::Net(error)
    }
}

impl From<decode::Malformed> for Lost {
    fn from(what: decode::Malformed) -> Self {
        Self::Malformed(what)
    }
}

impl Link {
    /// Connects and signs in.
    fn open(shared: &Shared, dial: &dyn Dial) -> Result<Self, ConnectError> {
        let options = &shared.options;
        let connect = encode::connect(options).ok_or(ConnectError::InvalidOptions)?;
        trace::connecting(&options.target);
        let mut stream =
            dial.dial(&options.target, DIAL_TIMEOUT, &shared.cancel).map_err(ConnectError::Net)?;
        stream.write_all(&connect, options.request_timeout).map_err(ConnectError::Net)?;
        let mut link = Self {
            stream,
            decoder: Decoder::new(options.max_packet_in),
            chunk: vec![0; CHUNK],
            batch: Vec::new(),
            keepalive: Keepalive::new(options.keepalive, Instant::now()),
            last_packet: Instant::now(),
            session_present: false,
        };
        link.await_connack(shared)?;
        link.keepalive = Keepalive::new(options.keepalive, Instant::now());
        Ok(link)
    }

    fn await_connack(&mut self, shared: &Shared) -> Result<(), ConnectError> {
        let deadline = clock::deadline(shared.options.request_timeout);
        loop {
            // A large PUBLISH here is an error like any other packet: it need not be kept.
            match self.decoder.next(|_| 0) {
                Ok(Some(Inbound::ConnAck { code: 0, session_present })) => {
                    self.session_present = session_present;
                    return Ok(());
                }
                Ok(Some(Inbound::ConnAck { code, .. })) => return Err(ConnectError::Refused(code)),
                Ok(Some(other)) => {
                    trace::reason(format_args!("{} before CONNACK", other.name()));
                    return Err(ConnectError::Protocol);
                }
                Err(what) => {
                    trace::reason(what);
                    return Err(ConnectError::Protocol);
                }
                Ok(None) => {}
            }
            if shared.cancel.is_cancelled() {
                return Err(ConnectError::Net(NetError::Cancelled));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ConnectError::Timeout);
            }
            self.read(left.min(SLICE)).map_err(ConnectError::Net)?;
        }
    }

    fn read(&mut self, timeout: Duration) -> Result<usize, NetError> {
        let count = self.stream.read(&mut self.chunk, timeout)?;
        self.decoder.feed(self.chunk.get(..count).ok_or(NetError::Broken)?);
        Ok(count)
    }

    /// Runs the connection until it is lost or the client is closed.
    fn serve(&mut self, shared: &Shared) -> Leave {
        loop {
            if let Err(lost) = self.write_out(shared) {
                return Leave::Lost(lost);
            }
            let closing = {
                let state = shared.lock();
                state.closing.map(|deadline| (deadline, state.out.is_idle()))
            };
            if let Some((deadline, flushed)) = closing {
                if flushed || Instant::now() >= deadline || shared.cancel.is_cancelled() {
                    self.say_goodbye(shared, deadline);
                    return Leave::Closed;
                }
                continue;
            }
            if let Err(lost) = self.turn(shared) {
                return Leave::Lost(lost);
            }
        }
    }

    /// Writes what is queued.
    fn write_out(&mut self, shared: &Shared) -> Result<(), Lost> {
        let timeout = {
            let mut state = shared.lock();
            state.out.take(&mut self.batch);
            let bound = shared.options.request_timeout;
            state.closing.map_or(bound, |deadline| {
                let left = deadline.saturating_duration_since(Instant::now());
                left.max(LEAST_WRITE).min(bound)
            })
        };
        if self.batch.is_empty() {
            return Ok(());
        }
        self.stream.write_all(&self.batch, timeout)?;
        self.last_packet = Instant::now();
        shared.lock().out.written();
        shared.changed.notify_all();
        Ok(())
    }

    /// Reads for one slice of time and does what is due.
    fn turn(&mut self, shared: &Shared) -> Result<(), Lost> {
        let reading = self.decode(shared)?;
        if !reading {
            // Nobody takes the events: the server has to wait, and its silence means nothing.
            let mut state = shared.lock();
            if state.out.is_idle() && state.closing.is_none() {
                shared.io.wait_for(&mut state, SLICE);
            }
            self.keepalive.heard(Instant::now());
        } else {
            let brisk = self.last_packet.elapsed() < BRISK_FOR;
            if self.read(if brisk { BRISK_SLICE } else { SLICE })? > 0 {
                self.last_packet = Instant::now();
                self.keepalive.heard(self.last_packet);
            }
        }
        let now = Instant::now();
        match self.keepalive.poll(now) {
            Due::Nothing => {}
            Due::Ping => shared.lock().out.push(encode::pingreq()),
            Due::Lost => return Err(Lost::Silent),
        }
        // Acknowledgements may be among what is not being read.
        if reading {
            shared.resend(now);
        }
        Ok(())
    }

    /// Hands on the packets that are complete. Whether there is room for more.
    fn decode(&mut self, shared: &Shared) -> Result<bool, Lost> {
        loop {
            if !shared.lock().may_read(shared.options.max_packet_in) {
                return Ok(false);
            }
            match self.decoder.next(|topic| shared.limit_for(topic))? {
                Some(packet) => shared.receive(packet)?,
                None => return Ok(true),
            }
        }
    }

    /// Sends DISCONNECT and waits a little for the server to close: closing first, with bytes unread, could take
    /// back what was sent last.
    fn say_goodbye(&mut self, shared: &Shared, deadline: Instant) {
        let left = |at_least: Duration| deadline.saturating_duration_since(Instant::now()).max(at_least);
        if self.stream.write_all(&encode::disconnect(), left(LEAST_WRITE)).is_err() {
            return;
        }
        while Instant::now() < deadline && !shared.cancel.is_cancelled() {
            if self.stream.read(&mut self.chunk, left(Duration::ZERO).min(SLICE)).is_err() {
                return;
            }
        }
    }
}
