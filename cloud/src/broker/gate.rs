// SPDX-License-Identifier: MIT OR Apache-2.0
//! The listener that devices connect to: reads CONNECT, checks the sign-in, answers a refusal with a
//! CONNACK that says why, and hands an accepted connection on to the broker, byte for byte.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use parking_lot::Mutex;
use rumqttd::protocol::v4::V4;
use rumqttd::protocol::{Error, Packet, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::frames::{self, Frame, Frames};
use super::subscriptions::Subscriptions;
use crate::data::Store;
use crate::data::model::DeviceKey;
use crate::note;

/// Checks client id, user name and password. The error is a line for the log.
pub type SignIn = Arc<dyn Fn(&str, &str, &str) -> Result<DeviceKey, String> + Send + Sync>;

/// Time for a client to send its CONNECT.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Time for a registration, once it has signed in.
const REGISTRATION_TIME: Duration = Duration::from_secs(30);
/// Time for the second direction of a connection to end after the first.
const LINGER: Duration = Duration::from_secs(2);
/// The largest CONNECT.
const MAX_CONNECT: usize = 16 * 1024;

/// CONNACK return code 1: unacceptable protocol version.
const BAD_PROTOCOL: u8 = 1;
/// CONNACK return code 4: bad user name or password.
const BAD_LOGIN: u8 = 4;

/// Answers who signs in for a registration alone: what it is told, or why not. `None`: another sign-in.
pub type Registrar = Arc<dyn Fn(&str, &str, &str) -> Option<Result<Told, String>> + Send + Sync>;

/// What a registration is told.
pub struct Told {
    /// Topic.
    pub topic: &'static str,
    /// Payload.
    pub payload: Vec<u8>,
}

/// What the gate works with.
#[derive(Clone)]
pub struct Gate {
    /// Where accepted connections go.
    pub broker: SocketAddr,
    /// Who is accepted.
    pub sign_in: SignIn,
    /// Who is only told something.
    pub registrar: Registrar,
    /// Counts connections.
    pub store: Arc<Store>,
    /// Is told of subscriptions.
    pub subscriptions: Arc<Subscriptions>,
}

impl Gate {
    /// Serves `listener` for ever.
    pub async fn run(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((client, _)) => drop(tokio::spawn(self.clone().serve(client))),
                Err(error) => {
                    note(format_args!("accept: {error}"));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn serve(self, mut client: TcpStream) {
        let Ok(Some((raw, login))) = timeout(CONNECT_TIME, read_connect(&mut client)).await else { return };
        let Some(login) = login else { return refuse(client, BAD_PROTOCOL).await };
        match (self.registrar)(&login.client_id, &login.user, &login.password) {
            Some(Ok(told)) => {
                // A client that does not stay is its own affair.
                let _ = timeout(REGISTRATION_TIME, tell(client, &told)).await;
                return;
            }
            Some(Err(why)) => {
                note(format_args!("registration refused: {why}"));
                return refuse(client, BAD_LOGIN).await;
            }
            None => {}
        }
        match (self.sign_in)(&login.client_id, &login.user, &login.password) {
            Ok(key) => {
                self.store.count_connection(&key, true);
                self.subscriptions.connected(&login.client_id, login.clean);
                forward(client, self.broker, &raw, &login.client_id, &self.subscriptions).await;
                self.store.count_connection(&key, false);
            }
            Err(why) => {
                note(format_args!("sign-in refused: {why}"));
                refuse(client, BAD_LOGIN).await;
            }
        }
    }
}

async fn refuse(mut client: TcpStream, code: u8) {
    // The client may be gone already; there is nobody to tell.
    let _ = client.write_all(&[0x20, 0x02, 0x00, code]).await;
    let _ = client.shutdown().await;
}

/// Plays the broker for a registration: accepts, and tells once it listens. Ends with the client.
async fn tell(mut client: TcpStream, told: &Told) -> std::io::Result<()> {
    client.write_all(&[0x20, 0x02, 0x00, 0x00]).await?;
    let mut frames = Frames::new(&[frames::SUBSCRIBE, frames::PINGREQ, frames::DISCONNECT]);
    let mut bytes = [0; 1024];
    loop {
        let n = client.read(&mut bytes).await?;
        if n == 0 {
            return Ok(());
        }
        for frame in frames.feed(bytes.get(..n).unwrap_or_default()) {
            match (frame.kind, frame.packet_id()) {
                (frames::SUBSCRIBE, Some([high, low])) => {
                    client.write_all(&[0x90, 0x03, high, low, 0x01]).await?;
                    client.write_all(&told.publish()).await?;
                }
                (frames::PINGREQ, _) => client.write_all(&[0xD0, 0x00]).await?,
                _ => return Ok(()),
            }
        }
    }
}

impl Told {
    /// As a PUBLISH of QoS 0.
    fn publish(&self) -> Vec<u8> {
        let topic = self.topic.as_bytes();
        // Both are this cloud's own, and short.
        let topic_len = u16::try_from(topic.len()).unwrap_or_default();
        let mut length = 2 + topic.len() + self.payload.len();
        let mut packet = vec![0x30];
        while length > 0x7F {
            packet.push(u8::try_from(length & 0x7F).unwrap_or_default() | 0x80);
            length >>= 7;
        }
        packet.push(u8::try_from(length).unwrap_or_default());
        packet.extend([&topic_len.to_be_bytes(), topic, &self.payload].concat());
        packet
    }
}

struct Login {
    client_id: String,
    clean: bool,
    user: String,
    password: String,
}

/// Reads the first packet. `None`: the client left or sent something else. The login is `None` when the
/// packet is a CONNECT of another protocol version.
async fn read_connect(client: &mut TcpStream) -> Option<(BytesMut, Option<Login>)> {
    let mut raw = BytesMut::with_capacity(1024);
    loop {
        if client.read_buf(&mut raw).await.ok()? == 0 {
            return None;
        }
        // The parser consumes what it reads, and the broker is to get the same bytes.
        match V4.read_mut(&mut raw.clone(), MAX_CONNECT) {
            Ok(Packet::Connect(connect, _, _, _, login)) => {
                let (user, password) = login.map(|l| (l.username, l.password)).unwrap_or_default();
                let (client_id, clean) = (connect.client_id, connect.clean_session);
                return Some((raw, Some(Login { client_id, clean, user, password })));
            }
            Err(Error::InsufficientBytes(_)) if raw.len() <= MAX_CONNECT => {}
            Err(Error::InvalidProtocol | Error::InvalidProtocolLevel(_)) => return Some((raw, None)),
            _ => return None,
        }
    }
}

async fn forward(
    client: TcpStream,
    broker: SocketAddr,
    first: &[u8],
    client_id: &str,
    subscriptions: &Subscriptions,
) {
    let Ok(mut inner) = TcpStream::connect(broker).await else { return };
    // Small packets each way: waiting to fill a segment only adds delay.
    let _ = (client.set_nodelay(true), inner.set_nodelay(true));
    if inner.write_all(first).await.is_err() {
        return;
    }
    let (mut client_in, mut client_out) = client.into_split();
    let (mut inner_in, mut inner_out) = inner.into_split();
    // Filters that the broker has not confirmed yet, by packet id.
    let asked: Mutex<HashMap<[u8; 2], Vec<String>>> = Mutex::default();
    let up = async {
        let mut frames = Frames::new(&[frames::SUBSCRIBE, frames::UNSUBSCRIBE]);
        let _ = pass(&mut client_in, &mut inner_out, |bytes| {
            for frame in frames.feed(bytes) {
                match (frame.kind, frame.packet_id()) {
                    (frames::SUBSCRIBE, Some(id)) => drop(asked.lock().insert(id, frame.filters())),
                    _ => subscriptions.unsubscribed(client_id, &frame.filters()),
                }
            }
        })
        .await;
        let _ = inner_out.shutdown().await;
    };
    let down = async {
        let mut frames = Frames::new(&[frames::SUBACK]);
        let _ = pass(&mut inner_in, &mut client_out, |bytes| {
            for id in frames.feed(bytes).iter().filter_map(Frame::packet_id) {
                if let Some(filters) = asked.lock().remove(&id) {
                    subscriptions.subscribed(client_id, filters);
                }
            }
        })
        .await;
        let _ = client_out.shutdown().await;
    };
    tokio::pin!(up, down);
    // When one direction ends the other gets a little time, so that what is on its way still arrives.
    tokio::select! {
        () = &mut up => { let _ = timeout(LINGER, down).await; }
        () = &mut down => { let _ = timeout(LINGER, up).await; }
    }
}

/// Hands bytes on, and shows them to `see`, until one end is gone.
async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut see: impl FnMut(&[u8]),
) -> std::io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let n = from.read(&mut bytes).await?;
        let Some(portion @ [_, ..]) = bytes.get(..n) else { return Ok(()) };
        to.write_all(portion).await?;
        see(portion);
    }
}
