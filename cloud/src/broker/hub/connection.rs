// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection of a device, from CONNECT to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::packet::{self, Connect, Malformed, Packet};
use super::{Attached, Done, Event, Hub, Refusal, Registrar, SignIn, Told};
use crate::data::Store;
use crate::data::model::DeviceKey;
use crate::note;
use crate::tls::{Gate, Stream};

/// Time for a client to send its CONNECT.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Time for a registration, once it has signed in.
const REGISTRATION_TIME: Duration = Duration::from_secs(30);
/// The largest CONNECT.
const MAX_CONNECT: usize = 16 * 1024;
/// The largest packet taken from a device.
const MAX_PACKET: usize = 256 * 1024;
/// A read buffer that has grown beyond this is given back.
const BUFFER: usize = 4 * 1024;
/// Messages of QoS 2 that a device may have under way.
const MAX_UNFINISHED: usize = 100;
/// What a sign-in waits while two clients use one identity. Less than a device waits for its CONNACK, 2 s with this
/// library: it would never get in.
const CALM: Duration = Duration::from_secs(1);
/// The longest pause after a connection could not be accepted.
const PAUSE: Duration = Duration::from_secs(1);

/// A connection that came in.
type Client = Box<dyn Stream>;

/// The listener that devices connect to.
#[derive(Clone)]
pub struct Door {
    /// Where accepted devices go.
    pub hub: Arc<Hub>,
    /// Who is accepted.
    pub sign_in: SignIn,
    /// Who is only told something.
    pub registrar: Registrar,
    /// Who is on line is noted here.
    pub store: Arc<Store>,
    /// Which connections come in.
    pub gate: Gate,
}

impl Door {
    /// Accepts connections on `listener` for ever, at most `room` at a time.
    pub async fn run(self, listener: TcpListener, room: usize) {
        let room = Arc::new(Semaphore::new(room.min(Semaphore::MAX_PERMITS)));
        let mut pause = Duration::from_millis(10);
        loop {
            // The semaphore is never closed.
            let Ok(place) = room.clone().acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((client, address)) => {
                    pause = Duration::from_millis(10);
                    let door = self.clone();
                    tokio::spawn(async move {
                        door.serve(client, address).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    note(format_args!(
                        "mqtt: cannot accept a connection: {error}; trying again in {pause:?}"
                    ));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE);
                }
            }
        }
    }

    async fn serve(self, client: TcpStream, address: SocketAddr) {
        let Some(mut client) = self.gate.open(client, address).await else {
            return;
        };
        let mut bytes = BytesMut::with_capacity(512);
        let connect = match timeout(CONNECT_TIME, read_connect(&mut client, &mut bytes)).await {
            Ok(Ok(connect)) => connect,
            Ok(Err(Some(Malformed::Protocol))) => {
                return refuse(client, packet::BAD_PROTOCOL).await;
            }
            Ok(Err(Some(why))) => {
                return note(format_args!("{address}: no MQTT CONNECT ({why:?}), connection closed"));
            }
            Ok(Err(None)) | Err(_) => return,
        };
        let (door, asked) = (self.clone(), connect.clone());
        let verdict = tokio::task::spawn_blocking(move || door.judge(&asked)).await;
        let Ok(verdict) = verdict else {
            return refuse(client, packet::UNAVAILABLE).await;
        };
        match verdict.registration {
            Some(Ok(told)) => {
                // A client that does not stay is its own affair.
                let _ = timeout(REGISTRATION_TIME, tell(client, bytes, &told)).await;
                return;
            }
            Some(Err(why)) => {
                note(format_args!("registration refused: {why}"));
                return refuse(client, why.code()).await;
            }
            None => {}
        }
        let device = match verdict.device {
            Ok(device) => device,
            Err(why) => {
                note(format_args!("sign-in refused: {why}"));
                return refuse(client, why.code()).await;
            }
        };
        if let Some(will) = &connect.will
            && self.hub.may_use(&device, &will.topic).is_none()
        {
            note(format_args!(
                "{device}: its will is for {:?}, a topic that is not its own; refused",
                will.topic
            ));
            return refuse(client, packet::BAD_CLIENT_ID).await;
        }
        let known = self.hub.is_contested(&device);
        if known {
            tokio::time::sleep(CALM).await;
        }
        self.store.count_connection(&device, true);
        let attached = self.hub.attach(&device, connect.clean);
        if attached.contested {
            note(format_args!(
                "two clients use the identity of {device}, the last one from {address}: each closes the other's connection; \
                 they are made to wait {CALM:?} from now on"
            ));
        } else if attached.replaced && !known {
            note(format_args!("{device} signed in again from {address}; its older connection is closed"));
        }
        let number = attached.connection;
        self.live(client, bytes, connect, &device, attached).await;
        self.hub.detach(&device, number);
        self.store.count_connection(&device, false);
    }

    /// Asks who it is; may block.
    fn judge(&self, connect: &Connect) -> Verdict {
        let (id, user, password) = (&connect.client_id, &connect.user, &connect.password);
        let registration = (self.registrar)(id, user, password);
        let device = if registration.is_some() { Err("".into()) } else { (self.sign_in)(id, user, password) };
        Verdict { registration, device }
    }

    async fn live(
        &self,
        client: Client,
        bytes: BytesMut,
        connect: Connect,
        device: &DeviceKey,
        attached: Attached,
    ) {
        let (input, mut output) = tokio::io::split(client);
        if self.hub.events.send(Event::SignedIn(device.clone())).await.is_err() {
            return;
        }
        for owner in attached.listens_to.iter().filter(|_| attached.present) {
            let event = Event::Listening { device: owner.clone(), connection: attached.connection };
            if self.hub.events.send(event).await.is_err() {
                return;
            }
        }
        let reader = Reader { hub: &self.hub, device, attached: &attached };
        let farewell = tokio::select! {
            ended = reader.run(input, bytes, connect.keep_alive) => ended.inspect_err(|why| {
                if let Some(why) = why {
                    note(format_args!("{device}: {why}; connection closed"));
                }
            }).is_ok(),
            _ = attached.outbox.write_to(&mut output) => false,
        };
        if let (Some(will), false) = (connect.will, farewell) {
            // Its topic was checked when the device signed in.
            self.hub.deliver(&will.topic, &will.payload, 1, true);
            let event = Event::Message { topic: will.topic, payload: will.payload, done: None };
            let _ = self.hub.events.send(event).await;
        }
        let _ = output.shutdown().await;
    }
}

struct Verdict {
    registration: Option<Result<Told, Refusal>>,
    device: Result<DeviceKey, Refusal>,
}

struct Reader<'a> {
    hub: &'a Hub,
    device: &'a DeviceKey,
    attached: &'a Attached,
}

impl Reader<'_> {
    /// `Ok`: the device said goodbye. `Err`: it is gone, or is sent away for what the text says.
    async fn run(
        &self,
        mut input: ReadHalf<Client>,
        mut bytes: BytesMut,
        keep_alive: u16,
    ) -> Result<(), Option<String>> {
        let silence = match keep_alive {
            0 => Duration::from_secs(u64::from(u16::MAX) * 2),
            seconds => Duration::from_millis(u64::from(seconds) * 1500),
        };
        loop {
            while let Some(packet) = packet::take(&mut bytes, MAX_PACKET)
                .map_err(|why| Some(format!("malformed packet ({why:?})")))?
            {
                if matches!(packet, Packet::Disconnect) {
                    return Ok(());
                }
                self.handle(packet).await?;
            }
            if bytes.is_empty() && bytes.capacity() > BUFFER {
                bytes = BytesMut::with_capacity(512);
            } else {
                bytes.reserve(256);
            }
            match timeout(silence, input.read_buf(&mut bytes)).await {
                Err(_) => return Err(Some(format!("silent for {silence:?}"))),
                Ok(Ok(0) | Err(_)) => return Err(None),
                Ok(Ok(_)) => {}
            }
        }
    }

    async fn handle(&self, packet: Packet) -> Result<(), Option<String>> {
        let outbox = &self.attached.outbox;
        let session = |work: &mut dyn FnMut(&mut super::Session) -> bool| {
            self.hub.with_session(self.device, self.attached.connection, work).unwrap_or(false)
        };
        match packet {
            Packet::Publish { topic, qos, id, payload } => self.publish(topic, qos, id, payload).await?,
            Packet::PubAck(id) => drop(session(&mut |s| {
                s.acknowledged(id);
                true
            })),
            Packet::PubRel(id) => {
                session(&mut |s| s.received.remove(&id));
                outbox.push(packet::ack(packet::PUBCOMP, id));
            }
            Packet::Subscribe { id, filters } => {
                let (codes, owners) = self.hub.subscribe(self.device, &filters);
                let refused = filters.iter().zip(&codes).filter(|(_, code)| **code == packet::REFUSED);
                if let Some(((filter, _), _)) = refused.clone().next() {
                    note(format_args!(
                        "{}: {} filters refused, {filter:?} first: not its own topics, or too many",
                        self.device,
                        refused.count()
                    ));
                }
                outbox.push(packet::suback(id, &codes));
                for device in owners {
                    self.tell(Event::Listening { device, connection: self.attached.connection }).await?;
                }
            }
            Packet::Unsubscribe { id, filters } => {
                self.hub.unsubscribe(self.device, &filters);
                outbox.push(packet::ack(packet::UNSUBACK, id));
            }
            Packet::Ping => outbox.push(packet::PONG),
            Packet::Other | Packet::Disconnect => {}
            Packet::Connect(_) => return Err(Some("a second CONNECT".to_owned())),
        }
        Ok(())
    }

    async fn publish(&self, topic: String, qos: u8, id: u16, payload: Bytes) -> Result<(), Option<String>> {
        if self.hub.may_use(self.device, &topic).is_none() {
            let shown: String = topic.chars().take(100).collect();
            return Err(Some(format!("published on {shown:?}, a topic that is not its own")));
        }
        if self.hub.with_session(self.device, self.attached.connection, |_| ()).is_none() {
            // Another connection has its place, or it may not be here any longer.
            return Err(None);
        }
        let outbox = &self.attached.outbox;
        let first = match qos {
            0 => None,
            1 => Some(packet::PUBACK),
            _ => {
                let fresh = self.hub.with_session(self.device, self.attached.connection, |s| {
                    (s.received.len() < MAX_UNFINISHED || s.received.contains(&id))
                        .then(|| s.received.insert(id))
                });
                match fresh.flatten() {
                    Some(true) => Some(packet::PUBREC),
                    Some(false) => {
                        outbox.push(packet::ack(packet::PUBREC, id));
                        return Ok(());
                    }
                    None => return Err(Some("too many messages of QoS 2 under way".to_owned())),
                }
            }
        };
        self.hub.deliver(&topic, &payload, qos, true);
        let done = first.map(|first| Done { outbox: outbox.clone(), packet: packet::ack(first, id) });
        self.tell(Event::Message { topic, payload, done }).await
    }

    /// Waits while the service is behind: so does the device then, by TCP.
    async fn tell(&self, event: Event) -> Result<(), Option<String>> {
        self.hub.events.send(event).await.map_err(|_| None)
    }
}

/// Reads the first packet. `Err(None)`: the client left, or sent another packet.
async fn read_connect(client: &mut Client, bytes: &mut BytesMut) -> Result<Connect, Option<Malformed>> {
    loop {
        match packet::take(bytes, MAX_CONNECT) {
            Ok(Some(Packet::Connect(connect))) => return Ok(connect),
            Ok(Some(_)) => return Err(Some(Malformed::Content)),
            Ok(None) => {}
            Err(why) => return Err(Some(why)),
        }
        if client.read_buf(bytes).await.map_err(|_| None)? == 0 {
            return Err(None);
        }
    }
}

async fn refuse(mut client: Client, code: u8) {
    // The client may be gone already; there is nobody to tell.
    let _ = client.write_all(&packet::connack(false, code)).await;
    let _ = client.shutdown().await;
}

/// Serves a registration: accepts, and tells once it listens. Ends with the client.
async fn tell(mut client: Client, mut bytes: BytesMut, told: &Told) -> std::io::Result<()> {
    client.write_all(&packet::connack(false, 0)).await?;
    loop {
        while let Ok(Some(packet)) = packet::take(&mut bytes, MAX_CONNECT) {
            match packet {
                Packet::Subscribe { id, filters } => {
                    let codes: Vec<u8> = filters
                        .iter()
                        .map(|(filter, _)| if filter == told.topic { 1 } else { packet::REFUSED })
                        .collect();
                    client.write_all(&packet::suback(id, &codes)).await?;
                    if codes.contains(&1) {
                        client.write_all(&packet::publish_to(told.topic, &told.payload, None, false)).await?;
                    }
                }
                Packet::Ping => client.write_all(&packet::PONG).await?,
                Packet::PubAck(_) => {}
                _ => return Ok(()),
            }
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
}
