// SPDX-License-Identifier: MIT OR Apache-2.0
//! The other end for the tests: a server that does what a test says, packet by packet, and a `Dial` over std's
//! sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use otakit_core::net::NetError;

use crate::cancel::CancellationToken;
use crate::mqtt::{Client, ConnectError, Event, Handler, Options, Subscription};
use crate::net::{Dial, Security, Stream, Target};

/// Nothing in these tests takes this long unless it is broken.
pub const LONG: Duration = Duration::from_secs(20);

/// Dials with std's sockets.
pub struct TcpDial;

struct Tcp(TcpStream);

impl Dial for TcpDial {
    fn dial(
        &self,
        to: &Target,
        timeout: Duration,
        _: &CancellationToken,
    ) -> Result<Box<dyn Stream>, NetError> {
        let address = format!("{}:{}", to.host, to.port).parse().map_err(|_| NetError::Connect)?;
        let stream = TcpStream::connect_timeout(&address, timeout).map_err(|_| NetError::Connect)?;
        stream.set_nodelay(true).map_err(|_| NetError::Broken)?;
        Ok(Box::new(Tcp(stream)))
    }
}

impl Stream for Tcp {
    fn read(&mut self, buf: &mut [u8], timeout: Duration) -> Result<usize, NetError> {
        let timeout = timeout.max(Duration::from_millis(1));
        self.0.set_read_timeout(Some(timeout)).map_err(|_| NetError::Broken)?;
        match self.0.read(buf) {
            Ok(0) => Err(NetError::Closed),
            Ok(count) => Ok(count),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(0),
            Err(_) => Err(NetError::Broken),
        }
    }

    fn write_all(&mut self, buf: &[u8], timeout: Duration) -> Result<(), NetError> {
        let deadline = Instant::now() + timeout;
        let mut rest = buf;
        while !rest.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NetError::Timeout);
            }
            self.0.set_write_timeout(Some(left)).map_err(|_| NetError::Broken)?;
            match self.0.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return Err(NetError::Broken),
            }
        }
        Ok(())
    }
}

/// A received packet: first byte and everything behind the length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub first: u8,
    pub body: Vec<u8>,
}

impl Packet {
    /// The packet id of SUBSCRIBE, UNSUBSCRIBE and acknowledgements.
    pub fn id(&self) -> u16 {
        u16::from_be_bytes([self.body[0], self.body[1]])
    }

    /// The topic of a PUBLISH, or the filter behind the id of SUBSCRIBE and UNSUBSCRIBE.
    pub fn topic(&self) -> &str {
        let text = if self.first >> 4 == 3 { &self.body[..] } else { &self.body[2..] };
        let len = usize::from(u16::from_be_bytes([text[0], text[1]]));
        std::str::from_utf8(&text[2..2 + len]).unwrap()
    }

    /// The packet id of a QoS 1 PUBLISH.
    pub fn publish_id(&self) -> u16 {
        assert_eq!(self.first & 0xF6, 0x32, "{self:?}");
        let at = 2 + self.topic().len();
        u16::from_be_bytes([self.body[at], self.body[at + 1]])
    }
}

/// Listens on a free port of the loopback interface.
pub struct Broker {
    listener: TcpListener,
}

/// One connection, as the server sees it.
pub struct Peer {
    pub stream: TcpStream,
}

impl Broker {
    pub fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    pub fn options(&self) -> Options {
        let port = self.listener.local_addr().unwrap().port();
        Options {
            target: Target { host: "127.0.0.1".into(), port, security: Security::Plain },
            client_id: "client".into(),
            username: "user".into(),
            password: "secret".into(),
            clean_session: false,
            keepalive: Duration::from_secs(60),
            request_timeout: Duration::from_secs(5),
            max_packet_in: 1024,
            max_packet_out: 1024,
            kept: |_| false,
        }
    }

    /// Waits for a connection, which has not sent CONNECT yet.
    pub fn accept_raw(&self) -> Peer {
        self.listener.set_nonblocking(true).unwrap();
        let deadline = Instant::now() + LONG;
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    stream.set_nodelay(true).unwrap();
                    stream.set_read_timeout(Some(LONG)).unwrap();
                    return Peer { stream };
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(e) => panic!("no connection: {e}"),
            }
        }
    }

    /// Waits for a connection and its CONNECT, and answers with this code.
    pub fn accept(&self, code: u8) -> Peer {
        let mut peer = self.accept_raw();
        assert_eq!(peer.read().first, 0x10);
        peer.send(&[0x20, 2, 0, code]);
        peer
    }

    /// A client that is connected to this broker.
    pub fn client(&self, options: Options, handler: &Arc<Recorder>) -> (Client, Peer) {
        let early = Vec::new();
        let connecting = connect_in_thread(options, Some(Arc::clone(handler) as Arc<dyn Handler>), early);
        let peer = self.accept(0);
        (connecting.join().unwrap().unwrap(), peer)
    }
}

pub fn connect_in_thread(
    options: Options,
    handler: Option<Arc<dyn Handler>>,
    early: Vec<Subscription>,
) -> std::thread::JoinHandle<Result<Client, ConnectError>> {
    std::thread::spawn(move || Client::connect(Arc::new(TcpDial), options, handler, early))
}

impl Peer {
    /// The next packet; panics when none comes.
    pub fn read(&mut self) -> Packet {
        self.try_read().expect("connection closed")
    }

    /// The next packet, or `None` at the end of the connection.
    pub fn try_read(&mut self) -> Option<Packet> {
        let mut first = [0];
        match self.stream.read(&mut first) {
            Ok(1) => {}
            Ok(_) => return None,
            Err(e) if e.kind() == ErrorKind::ConnectionReset => return None,
            Err(e) => panic!("nothing came: {e}"),
        }
        let (mut len, mut shift) = (0usize, 0);
        loop {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            len |= usize::from(byte[0] & 0x7F) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body).unwrap();
        Some(Packet { first: first[0], body })
    }

    /// The next packet that is not PINGREQ; its kind must be this.
    pub fn expect(&mut self, kind: u8) -> Packet {
        loop {
            let packet = self.read();
            if packet.first >> 4 != 12 {
                assert_eq!(packet.first >> 4, kind, "{packet:?}");
                return packet;
            }
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub fn publish(&mut self, topic: &str, qos: u8, id: u16, payload: &[u8]) {
        self.send(&publish(topic, qos, id, payload));
    }

    pub fn suback(&mut self, id: u16, code: u8) {
        let [high, low] = id.to_be_bytes();
        self.send(&[0x90, 3, high, low, code]);
    }

    pub fn ack(&mut self, first: u8, id: u16) {
        let [high, low] = id.to_be_bytes();
        self.send(&[first, 2, high, low]);
    }

    pub fn close(self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// A PUBLISH as a server sends it.
pub fn publish(topic: &str, qos: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
    body.extend_from_slice(topic.as_bytes());
    if qos > 0 {
        body.extend_from_slice(&id.to_be_bytes());
    }
    body.extend_from_slice(payload);
    let mut packet = vec![0x30 | qos << 1];
    let mut left = body.len();
    loop {
        packet.push(u8::try_from(left % 128).unwrap() | if left >= 128 { 0x80 } else { 0 });
        left /= 128;
        if left == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

type Action = Box<dyn Fn(&Event<'_>) + Send + Sync>;

/// A handler that passes on what it hears, as text, and may do something.
pub struct Recorder {
    name: usize,
    max_payload: Option<usize>,
    heard: Sender<String>,
    action: Option<Action>,
}

/// The texts of a [`Recorder`], in order.
pub struct Heard(Receiver<String>);

pub fn recorder(name: usize) -> (Arc<Recorder>, Heard) {
    recorder_with(name, None, None)
}

pub fn recorder_with(
    name: usize,
    max_payload: Option<usize>,
    action: Option<Action>,
) -> (Arc<Recorder>, Heard) {
    let (heard, texts) = channel();
    (Arc::new(Recorder { name, max_payload, heard, action }), Heard(texts))
}

impl Handler for Recorder {
    fn on_event(&self, event: &Event<'_>) {
        let text = match event {
            Event::Message(m) => {
                let payload = String::from_utf8_lossy(m.payload);
                let payload =
                    if payload.len() > 20 { format!("{} bytes", payload.len()) } else { payload.into() };
                format!("{} {payload} q{}{}", m.topic, m.qos, if m.dup { " dup" } else { "" })
            }
            Event::Overflow { .. } => "Overflow".to_owned(),
            other => format!("{other:?}"),
        };
        let _ = self.heard.send(text);
        if let Some(action) = &self.action {
            action(event);
        }
    }

    fn identity(&self) -> (usize, usize) {
        (self.name, 0)
    }

    fn max_payload(&self) -> Option<usize> {
        self.max_payload
    }
}

impl Heard {
    /// Yields until the next text is there.
    pub fn next(&self, client: &Client) -> String {
        let deadline = Instant::now() + LONG;
        loop {
            match self.0.recv_timeout(Duration::ZERO) {
                Ok(text) => return text,
                Err(RecvTimeoutError::Disconnected) => panic!("handler gone"),
                Err(RecvTimeoutError::Timeout) => assert!(Instant::now() < deadline, "nothing was heard"),
            }
            // An error shows as nothing heard; some tests go on after one.
            let _ = client.yield_for(Duration::from_millis(5));
        }
    }

    /// What was heard and not asked for yet.
    pub fn rest(&self) -> Vec<String> {
        self.0.try_iter().collect()
    }
}
