// SPDX-License-Identifier: MIT OR Apache-2.0
//! MQTT 3.1.1 as a server reads and writes it.

use bytes::{Buf, Bytes, BytesMut};

/// CONNACK return code 1: unacceptable protocol version.
pub const BAD_PROTOCOL: u8 = 1;
/// CONNACK return code 2: the client id is not accepted.
pub const BAD_CLIENT_ID: u8 = 2;
/// CONNACK return code 3: the server cannot serve.
pub const UNAVAILABLE: u8 = 3;
/// CONNACK return code 4: bad user name or password.
pub const BAD_LOGIN: u8 = 4;
/// SUBACK return code: refused.
pub const REFUSED: u8 = 0x80;

/// A message that the broker publishes for a client that has gone without a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
}

/// The first packet of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Client id.
    pub client_id: String,
    /// Whether the session ends with the connection.
    pub clean: bool,
    /// Seconds; 0: none.
    pub keep_alive: u16,
    /// Will.
    pub will: Option<Will>,
    /// User name; empty when there is none.
    pub user: String,
    /// Password; empty when there is none.
    pub password: String,
}

/// A packet from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// The first one.
    Connect(Connect),
    /// A message.
    Publish {
        /// Topic.
        topic: String,
        /// Quality of service, 0 to 2.
        qos: u8,
        /// Packet id; 0 with QoS 0.
        id: u16,
        /// Payload.
        payload: Bytes,
    },
    /// A message of QoS 1 has arrived.
    PubAck(u16),
    /// The end of a message of QoS 2 from the client.
    PubRel(u16),
    /// Parts of a message of QoS 2 to the client, which this server never sends.
    Other,
    /// Filters with the QoS asked for.
    Subscribe {
        /// Packet id.
        id: u16,
        /// Filters.
        filters: Vec<(String, u8)>,
    },
    /// Filters.
    Unsubscribe {
        /// Packet id.
        id: u16,
        /// Filters.
        filters: Vec<String>,
    },
    /// A sign of life.
    Ping,
    /// The client goes.
    Disconnect,
}

/// Why a stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A CONNECT of another version of the protocol.
    Protocol,
    /// A packet that is longer than allowed.
    Size,
    /// Anything else.
    Content,
}

/// Takes the next packet of at most `limit` bytes; `None` while it is not complete.
pub fn take(bytes: &mut BytesMut, limit: usize) -> Result<Option<Packet>, Malformed> {
    let mut length = 0_usize;
    let mut head = 1;
    loop {
        let Some(byte) = bytes.get(head) else {
            return Ok(None);
        };
        length |= usize::from(byte & 0x7F) << (7 * (head - 1));
        head += 1;
        if byte & 0x80 == 0 {
            break;
        }
        if head > 4 {
            return Err(Malformed::Content);
        }
    }
    if length > limit {
        return Err(Malformed::Size);
    }
    if bytes.len() < head + length {
        bytes.reserve(head + length - bytes.len());
        return Ok(None);
    }
    let Some(first) = bytes.first().copied() else {
        return Ok(None);
    };
    bytes.advance(head);
    let mut body = Body(bytes.split_to(length).freeze());
    let packet = parse(first, &mut body)?;
    Ok(Some(packet))
}

fn parse(first: u8, body: &mut Body) -> Result<Packet, Malformed> {
    let packet = match (first >> 4, first & 0x0F) {
        (1, 0) => Packet::Connect(connect(body)?),
        (3, flags) => return publish(flags, body),
        (4, 0) => Packet::PubAck(body.id()?),
        (5 | 7, 0) => {
            body.id()?;
            Packet::Other
        }
        (6, 2) => Packet::PubRel(body.id()?),
        (8, 2) => {
            let (id, mut filters) = (body.id()?, Vec::new());
            while !body.0.is_empty() {
                let filter = body.text()?;
                let qos = body.byte()?;
                if qos > 2 {
                    return Err(Malformed::Content);
                }
                filters.push((filter, qos));
            }
            if filters.is_empty() {
                return Err(Malformed::Content);
            }
            Packet::Subscribe { id, filters }
        }
        (10, 2) => {
            let (id, mut filters) = (body.id()?, Vec::new());
            while !body.0.is_empty() {
                filters.push(body.text()?);
            }
            if filters.is_empty() {
                return Err(Malformed::Content);
            }
            Packet::Unsubscribe { id, filters }
        }
        (12, 0) => Packet::Ping,
        (14, 0) => Packet::Disconnect,
        _ => return Err(Malformed::Content),
    };
    if body.0.is_empty() { Ok(packet) } else { Err(Malformed::Content) }
}

fn connect(body: &mut Body) -> Result<Connect, Malformed> {
    let protocol = body.text()?;
    let level = body.byte()?;
    // 3.1 differs in its name and level alone, as far as a server is concerned.
    if !matches!((protocol.as_str(), level), ("MQTT", 4) | ("MQIsdp", 3)) {
        return Err(Malformed::Protocol);
    }
    let flags = body.byte()?;
    let flag = |bit: u8| flags & bit != 0;
    if flag(0x01) || flags >> 3 & 3 == 3 || (!flag(0x04) && flags & 0x38 != 0) || (flag(0x40) && !flag(0x80))
    {
        return Err(Malformed::Content);
    }
    let keep_alive = body.u16()?;
    let client_id = body.text()?;
    let will = if flag(0x04) {
        let topic = body.text()?;
        Some(Will { topic, payload: body.bytes()? })
    } else {
        None
    };
    let user = if flag(0x80) { body.text()? } else { String::new() };
    let password = if flag(0x40) { body.bytes()? } else { Bytes::new() };
    let password = String::from_utf8_lossy(&password).into_owned();
    Ok(Connect { client_id, clean: flag(0x02), keep_alive, will, user, password })
}

fn publish(flags: u8, body: &mut Body) -> Result<Packet, Malformed> {
    let qos = flags >> 1 & 3;
    let topic = body.text()?;
    if qos > 2 || topic.is_empty() || topic.contains(['+', '#']) {
        return Err(Malformed::Content);
    }
    let id = if qos > 0 { body.id()? } else { 0 };
    Ok(Packet::Publish { topic, qos, id, payload: std::mem::take(&mut body.0) })
}

/// What is left of a packet's body.
struct Body(Bytes);

impl Body {
    fn byte(&mut self) -> Result<u8, Malformed> {
        self.0.try_get_u8().map_err(|_| Malformed::Content)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        self.0.try_get_u16().map_err(|_| Malformed::Content)
    }

    /// A packet id, which is never 0.
    fn id(&mut self) -> Result<u16, Malformed> {
        self.u16().and_then(|id| if id == 0 { Err(Malformed::Content) } else { Ok(id) })
    }

    fn bytes(&mut self) -> Result<Bytes, Malformed> {
        let length = usize::from(self.u16()?);
        if length > self.0.len() {
            return Err(Malformed::Content);
        }
        Ok(self.0.split_to(length))
    }

    fn text(&mut self) -> Result<String, Malformed> {
        let bytes = self.bytes()?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Malformed::Content)?;
        if text.contains('\0') { Err(Malformed::Content) } else { Ok(text.to_owned()) }
    }
}

/// CONNACK.
pub fn connack(session_present: bool, code: u8) -> Bytes {
    Bytes::copy_from_slice(&[0x20, 2, u8::from(session_present && code == 0), code])
}

/// PUBACK, PUBREC, PUBCOMP or UNSUBACK.
pub fn ack(first: u8, id: u16) -> Bytes {
    let [high, low] = id.to_be_bytes();
    Bytes::copy_from_slice(&[first, 2, high, low])
}

/// The first byte of a PUBACK.
pub const PUBACK: u8 = 0x40;
/// The first byte of a PUBREC.
pub const PUBREC: u8 = 0x50;
/// The first byte of a PUBCOMP.
pub const PUBCOMP: u8 = 0x70;
/// The first byte of an UNSUBACK.
pub const UNSUBACK: u8 = 0xB0;
/// PINGRESP.
pub const PONG: Bytes = Bytes::from_static(&[0xD0, 0]);

/// SUBACK.
pub fn suback(id: u16, codes: &[u8]) -> Bytes {
    let mut packet = vec![0x90];
    length(&mut packet, 2 + codes.len());
    packet.extend(id.to_be_bytes());
    packet.extend(codes);
    packet.into()
}

/// A PUBLISH to a client; `id` with QoS 1 only. A topic longer than 65,535 bytes is cut, which no topic here is.
pub fn publish_to(topic: &str, payload: &[u8], id: Option<u16>, again: bool) -> Bytes {
    let topic = topic.as_bytes();
    let topic = topic.get(..usize::from(u16::MAX)).unwrap_or(topic);
    let mut packet = Vec::with_capacity(topic.len() + payload.len() + 9);
    packet.push(0x30 | u8::from(id.is_some()) << 1 | u8::from(again) << 3);
    length(&mut packet, 2 + topic.len() + payload.len() + if id.is_some() { 2 } else { 0 });
    packet.extend(u16::try_from(topic.len()).unwrap_or_default().to_be_bytes());
    packet.extend(topic);
    packet.extend(id.iter().flat_map(|id| id.to_be_bytes()));
    packet.extend(payload);
    packet.into()
}

fn length(packet: &mut Vec<u8>, mut length: usize) {
    while length > 0x7F {
        packet.push(u8::try_from(length & 0x7F).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    packet.push(u8::try_from(length).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], portion: usize) -> Result<Vec<Packet>, Malformed> {
        let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
        for part in bytes.chunks(portion) {
            buffer.extend_from_slice(part);
            while let Some(packet) = take(&mut buffer, 1000)? {
                found.push(packet);
            }
        }
        Ok(found)
    }

    #[test]
    fn packets_in_any_portions() {
        let connect = b"\x10\x25\0\x04MQTT\x04\xC6\0\x3C\0\x03cid\0\x02/w\0\x04gone\0\x04user\0\x04pass";
        let stream = [
            &connect[..],
            b"\x82\x0E\0\x07\0\x02/a\x01\0\x04/b/+\0",
            b"\x32\x09\0\x02/t\0\x09abc",
            b"\x30\x04\0\x02/t",
            b"\xA2\x06\0\x08\0\x02/a",
            b"\x40\x02\0\x05\x62\x02\0\x06",
            b"\xC0\0\xE0\0",
        ]
        .concat();
        for portion in [1, 2, 3, 7, stream.len()] {
            let found = all(&stream, portion).unwrap();
            let Packet::Connect(connect) = &found[0] else { panic!("{found:?}") };
            assert_eq!(
                (connect.client_id.as_str(), connect.keep_alive, connect.clean, connect.user.as_str()),
                ("cid", 60, true, "user")
            );
            assert_eq!(connect.will, Some(Will { topic: "/w".into(), payload: "gone".into() }));
            let filters = vec![("/a".to_owned(), 1), ("/b/+".to_owned(), 0)];
            let message = |id, qos, payload: &'static str| Packet::Publish {
                topic: "/t".into(),
                qos,
                id,
                payload: payload.into(),
            };
            assert_eq!(
                found[1..],
                [
                    Packet::Subscribe { id: 7, filters },
                    message(9, 1, "abc"),
                    message(0, 0, ""),
                    Packet::Unsubscribe { id: 8, filters: vec!["/a".into()] },
                    Packet::PubAck(5),
                    Packet::PubRel(6),
                    Packet::Ping,
                    Packet::Disconnect,
                ]
            );
        }
    }

    #[test]
    fn what_is_no_mqtt() {
        for (bytes, why) in [
            (&b"\x10\x80\x80\x80\x80\x01"[..], Malformed::Content),
            (b"\x30\xE9\x07", Malformed::Size),
            (b"\x00\0", Malformed::Content),
            (b"\xF0\0", Malformed::Content),
            (b"\x80\x06\0\x07\0\x01a\0", Malformed::Content),
            (b"\x82\x02\0\x07", Malformed::Content),
            (b"\x82\x06\0\x07\0\x01a\x03", Malformed::Content),
            (b"\x82\x06\0\0\0\x01a\0", Malformed::Content),
            (b"\x82\x06\0\x07\0\x09a\0", Malformed::Content),
            (b"\x30\x02\0\0", Malformed::Content),
            (b"\x30\x03\0\x01#", Malformed::Content),
            (b"\x30\x03\0\x01\0", Malformed::Content),
            (b"\x30\x03\0\x01\xFF", Malformed::Content),
            (b"\x36\x05\0\x01a\0\x01", Malformed::Content),
            (b"\x32\x05\0\x01a\0\0", Malformed::Content),
            (b"\xC0\x01\0", Malformed::Content),
            (b"\x10\x0C\0\x04MQTT\x05\0\0\0\0\0", Malformed::Protocol),
            (b"\x10\x0C\0\x04MQTT\x04\x01\0\0\0\0", Malformed::Content),
            (b"\x10\x0C\0\x04MQTT\x04\x40\0\0\0\0", Malformed::Content),
        ] {
            assert_eq!(all(bytes, 100), Err(why), "{bytes:x?}");
        }
        assert_eq!(all(b"\x10\x80\x80", 1), Ok(Vec::new()), "not complete");
    }

    #[test]
    fn answers() {
        assert_eq!(connack(true, 0)[..], [0x20, 2, 1, 0]);
        assert_eq!(connack(true, BAD_LOGIN)[..], [0x20, 2, 0, 4]);
        assert_eq!(suback(7, &[1, REFUSED])[..], [0x90, 4, 0, 7, 1, 0x80]);
        assert_eq!(ack(UNSUBACK, 258)[..], [0xB0, 2, 1, 2]);
        assert_eq!(publish_to("/t", b"ab", Some(3), true)[..], *b"\x3A\x08\0\x02/t\0\x03ab");
        let long = publish_to("/t", &[0; 200], None, false);
        assert_eq!(long[..3], [0x30, 0xCC, 1]);
        assert_eq!(long.len(), 207);
    }
}
