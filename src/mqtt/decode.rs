// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes to packets: guards around `mqttbytes`. Only packets that a server may send are decoded, their fixed lengths
//! and flags are checked, and a PUBLISH that is too large is read past in constant memory.

use std::fmt;

use bytes::{Buf, BytesMut};
use mqttbytes::v4;

use super::topic;

/// A topic name longer than this is not waited for when a large packet is judged: no filter can want it.
const MAX_JUDGED_TOPIC: usize = 1024;

/// A received packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inbound {
    ConnAck {
        code: u8,
        session_present: bool,
    },
    Publish(Publish),
    Dropped(Dropped),
    PubAck(u16),
    PubRel(u16),
    SubAck {
        id: u16,
        granted: bool,
    },
    UnsubAck(u16),
    PingResp,
    /// Legal, and without meaning for a client that sends QoS 0 and 1 only.
    Ignored,
}

/// A received application message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Publish {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub dup: bool,
    pub retain: bool,
    /// 0 with QoS 0.
    pub id: u16,
    /// Length of the whole packet on the wire.
    pub wire_len: usize,
}

/// A message that was read and not kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dropped {
    pub qos: u8,
    /// 0 with QoS 0.
    pub id: u16,
    pub wire_len: usize,
    pub why: Why,
}

/// Why a message was not kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Larger than allowed. The topic, unless that alone was too long.
    TooLarge(Option<String>),
    /// The topic is empty, not UTF-8, or holds a wildcard or NUL.
    BadTopic,
}

/// How the server broke the protocol: the connection cannot be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// A type that MQTT 3.1.1 reserves.
    Reserved(u8),
    /// A type that only a client sends.
    FromClient(u8),
    /// Flags that the type cannot have.
    Flags { kind: u8, flags: u8 },
    /// A length that the type cannot have, in bytes behind the fixed header.
    Length { kind: u8, remaining: usize },
    /// A length in more bytes than there may be.
    EndlessLength,
    /// Topic or packet id of a PUBLISH pass its end.
    CutShort,
    /// A PUBLISH with a packet id that does not exist.
    NoId,
    /// A code of a SUBACK that MQTT 3.1.1 does not know.
    SubackCode(u8),
    /// Signed in already.
    SecondConnack,
    /// Anything else about a packet of this type.
    Form(u8),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Reserved(kind) => write!(f, "type {kind}, which is reserved"),
            Self::FromClient(kind) => write!(f, "{}, which only a client sends", name(kind)),
            Self::Flags { kind, flags } => write!(f, "{} with flags {flags}", name(kind)),
            Self::Length { kind, remaining: 1 } => write!(f, "{} of 1 byte", name(kind)),
            Self::Length { kind, remaining } => write!(f, "{} of {remaining} bytes", name(kind)),
            Self::EndlessLength => f.write_str("a length of more than four bytes"),
            Self::CutShort => f.write_str("PUBLISH cut short"),
            Self::NoId => f.write_str("PUBLISH with packet id 0"),
            Self::SubackCode(code) => write!(f, "SUBACK with a code that does not exist: {code}"),
            Self::SecondConnack => f.write_str("a second CONNACK"),
            Self::Form(kind) => write!(f, "unreadable {}", name(kind)),
        }
    }
}

/// The name of a packet type.
fn name(kind: u8) -> &'static str {
    match kind {
        1 => "CONNECT",
        2 => "CONNACK",
        3 => "PUBLISH",
        4 => "PUBACK",
        5 => "PUBREC",
        6 => "PUBREL",
        7 => "PUBCOMP",
        8 => "SUBSCRIBE",
        9 => "SUBACK",
        10 => "UNSUBSCRIBE",
        11 => "UNSUBACK",
        12 => "PINGREQ",
        13 => "PINGRESP",
        14 => "DISCONNECT",
        _ => "a reserved type",
    }
}

impl Inbound {
    /// What it is called, as far as that is known.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::ConnAck { .. } => name(2),
            Self::Publish(_) | Self::Dropped(_) => name(3),
            Self::PubAck(_) => name(4),
            Self::PubRel(_) => name(6),
            Self::SubAck { .. } => name(9),
            Self::UnsubAck(_) => name(11),
            Self::PingResp => name(13),
            Self::Ignored => "PUBREC or PUBCOMP",
        }
    }
}

#[derive(Clone, Copy)]
struct Header {
    kind: u8,
    flags: u8,
    /// Length of the fixed header.
    head: usize,
    remaining: usize,
}

impl Header {
    fn total(&self) -> usize {
        self.head + self.remaining
    }
    fn qos(&self) -> u8 {
        self.flags >> 1 & 3
    }
}

/// A PUBLISH that is being read past. Counts are bytes still to come.
struct Skip {
    before_id: usize,
    id_bytes: usize,
    id: u16,
    after_id: usize,
    qos: u8,
    wire_len: usize,
    topic: Option<String>,
}

/// Splits the byte stream of one connection into packets.
pub(super) struct Decoder {
    rx: BytesMut,
    /// PUBLISH packets up to this length are taken whatever their topic is.
    limit: usize,
    skip: Option<Skip>,
}

impl Decoder {
    pub(super) fn new(limit: usize) -> Self {
        Self { rx: BytesMut::new(), limit, skip: None }
    }

    /// Adds received bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.rx.extend_from_slice(bytes);
    }

    /// The next packet, or `None` when more bytes are needed. `limit_for` is asked for the largest packet that a
    /// topic may bring, for packets above the common limit only.
    pub(super) fn next(&mut self, limit_for: impl Fn(&str) -> usize) -> Result<Option<Inbound>, Malformed> {
        if self.skip.is_some() {
            return self.advance_skip();
        }
        let Some(header) = parse_header(&self.rx)? else { return Ok(None) };
        let is_publish = header.kind == 3;
        if is_publish && header.total() > self.limit {
            match self.judge_large(&header, limit_for)? {
                Judgement::Keep => {}
                Judgement::MoreBytes => return Ok(None),
                Judgement::Drop(skip) => {
                    self.rx.advance(header.head);
                    self.skip = Some(skip);
                    return self.advance_skip();
                }
            }
        }
        if self.rx.len() < header.total() {
            return Ok(None);
        }
        let body = self.rx.get(header.head..header.total()).ok_or(Malformed::Form(header.kind))?;
        if is_publish {
            let (topic, id) = publish_head(body, &header)?.ok_or(Malformed::CutShort)?;
            if !std::str::from_utf8(topic).is_ok_and(topic::valid_received) {
                let dropped = Dropped { qos: header.qos(), id, wire_len: header.total(), why: Why::BadTopic };
                self.rx.advance(header.total());
                return Ok(Some(Inbound::Dropped(dropped)));
            }
        }
        let packet = v4::read(&mut self.rx, usize::MAX);
        translate(packet, &header).map(Some)
    }

    fn judge_large(
        &self,
        header: &Header,
        limit_for: impl Fn(&str) -> usize,
    ) -> Result<Judgement, Malformed> {
        let body = self.rx.get(header.head..).unwrap_or_default();
        let Some(topic_len) = be16(body) else { return Ok(Judgement::MoreBytes) };
        let topic_len = usize::from(topic_len);
        let id_bytes = if header.qos() > 0 { 2 } else { 0 };
        let after_id = header.remaining.checked_sub(2 + topic_len + id_bytes).ok_or(Malformed::CutShort)?;
        let mut topic = None;
        if topic_len <= MAX_JUDGED_TOPIC {
            let Some(bytes) = body.get(2..2 + topic_len) else { return Ok(Judgement::MoreBytes) };
            if let Ok(text) = std::str::from_utf8(bytes) {
                if header.total() <= limit_for(text) {
                    return Ok(Judgement::Keep);
                }
                topic = Some(text.to_owned());
            }
        }
        let (qos, wire_len) = (header.qos(), header.total());
        Ok(Judgement::Drop(Skip {
            before_id: 2 + topic_len,
            id_bytes,
            id: 0,
            after_id,
            qos,
            wire_len,
            topic,
        }))
    }

    fn advance_skip(&mut self) -> Result<Option<Inbound>, Malformed> {
        let Some(skip) = &mut self.skip else { return Ok(None) };
        drop_front(&mut self.rx, &mut skip.before_id);
        while skip.before_id == 0 && skip.id_bytes > 0 && self.rx.has_remaining() {
            skip.id = skip.id << 8 | u16::from(self.rx.get_u8());
            skip.id_bytes -= 1;
        }
        if skip.before_id > 0 || skip.id_bytes > 0 {
            return Ok(None);
        }
        drop_front(&mut self.rx, &mut skip.after_id);
        if skip.after_id > 0 {
            return Ok(None);
        }
        let Some(done) = self.skip.take() else { return Ok(None) };
        if done.qos > 0 && done.id == 0 {
            return Err(Malformed::NoId);
        }
        let why = Why::TooLarge(done.topic);
        Ok(Some(Inbound::Dropped(Dropped { qos: done.qos, id: done.id, wire_len: done.wire_len, why })))
    }
}

enum Judgement {
    Keep,
    MoreBytes,
    Drop(Skip),
}

fn drop_front(rx: &mut BytesMut, count: &mut usize) {
    let now = rx.len().min(*count);
    rx.advance(now);
    *count -= now;
}

fn be16(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|pair| u16::from_be_bytes(*pair))
}

fn parse_header(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    let mut remaining = 0usize;
    for (index, &byte) in rest.iter().take(4).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let header = Header { kind: first >> 4, flags: first & 15, head: index + 2, remaining };
            return plausible(&header).map(|()| Some(header));
        }
    }
    if rest.len() < 4 { Ok(None) } else { Err(Malformed::EndlessLength) }
}

/// Type, flags and length are those of a packet that a server sends to a client.
fn plausible(header: &Header) -> Result<(), Malformed> {
    let Header { kind, flags, remaining, .. } = *header;
    // PUBREL alone has a flag set that is always the same.
    let wanted = match kind {
        3 => flags,
        6 => 2,
        _ => 0,
    };
    let fits = match kind {
        2 | 4 | 5 | 6 | 7 | 11 => remaining == 2,
        3 => remaining >= 2,
        // One filter per SUBSCRIBE goes out, so one code comes back; some slack costs nothing.
        9 => (3..=64).contains(&remaining),
        13 => remaining == 0,
        0 | 15.. => return Err(Malformed::Reserved(kind)),
        _ => return Err(Malformed::FromClient(kind)),
    };
    if flags != wanted || (kind == 3 && header.qos() > 2) {
        return Err(Malformed::Flags { kind, flags });
    }
    if fits { Ok(()) } else { Err(Malformed::Length { kind, remaining }) }
}

/// Topic and packet id at the front of a PUBLISH, or `None` when `body` is too short to hold them.
fn publish_head<'a>(body: &'a [u8], header: &Header) -> Result<Option<(&'a [u8], u16)>, Malformed> {
    let Some(topic_len) = be16(body) else { return Ok(None) };
    let topic_end = 2 + usize::from(topic_len);
    let Some(topic) = body.get(2..topic_end) else { return Ok(None) };
    if header.qos() == 0 {
        return Ok(Some((topic, 0)));
    }
    match body.get(topic_end..).and_then(be16) {
        Some(0) => Err(Malformed::NoId),
        Some(id) => Ok(Some((topic, id))),
        None => Ok(None),
    }
}

fn translate(packet: Result<v4::Packet, mqttbytes::Error>, header: &Header) -> Result<Inbound, Malformed> {
    use v4::Packet as P;
    Ok(match packet {
        Ok(P::ConnAck(p)) => Inbound::ConnAck { code: p.code as u8, session_present: p.session_present },
        // Codes beyond those of the standard are refusals too.
        Err(mqttbytes::Error::InvalidConnectReturnCode(code)) => {
            Inbound::ConnAck { code, session_present: false }
        }
        Ok(P::Publish(p)) => Inbound::Publish(Publish {
            // Copies: a slice of the receive buffer would keep all of that alive while it is queued.
            payload: p.payload.to_vec(),
            topic: p.topic,
            qos: p.qos as u8,
            dup: p.dup,
            retain: p.retain,
            id: p.pkid,
            wire_len: header.total(),
        }),
        Ok(P::PubAck(p)) => Inbound::PubAck(p.pkid),
        Ok(P::PubRel(p)) => Inbound::PubRel(p.pkid),
        Ok(P::SubAck(p)) => Inbound::SubAck {
            id: p.pkid,
            granted: !matches!(p.return_codes.first(), None | Some(v4::SubscribeReasonCode::Failure)),
        },
        Ok(P::UnsubAck(p)) => Inbound::UnsubAck(p.pkid),
        Ok(P::PingResp) => Inbound::PingResp,
        Ok(P::PubRec(_) | P::PubComp(_)) => Inbound::Ignored,
        Err(mqttbytes::Error::InvalidSubscribeReasonCode(code)) => return Err(Malformed::SubackCode(code)),
        Ok(_) | Err(_) => return Err(Malformed::Form(header.kind)),
    })
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;

/// All packets of a connection that came in pieces of `cut` bytes, in words, and how it ended: for fuzzing.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn decode_all(bytes: &[u8], cut: usize) -> Vec<String> {
    let mut decoder = Decoder::new(256);
    let mut packets = Vec::new();
    for piece in bytes.chunks(cut) {
        decoder.feed(piece);
        loop {
            match decoder.next(|topic| if topic.starts_with("/ota") { 4096 } else { 0 }) {
                Ok(Some(packet)) => packets.push(format!("{packet:?}")),
                Ok(None) => break,
                Err(error) => {
                    packets.push(format!("{error:?}"));
                    return packets;
                }
            }
        }
    }
    packets
}
