// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets to bytes: guards around `mqttbytes`. A failed encode leaves nothing behind, and strings that are too long
//! for MQTT are refused rather than cut.

use bytes::{Bytes, BytesMut};
use mqttbytes::QoS;
use mqttbytes::v4;

use super::options::Options;

/// The longest string that MQTT can carry, in bytes.
pub(super) const MAX_STRING: usize = u16::MAX as usize;

fn encode(write: impl FnOnce(&mut BytesMut) -> Result<usize, mqttbytes::Error>) -> Option<Bytes> {
    // A buffer of its own for each packet: the codec leaves half a packet behind when it fails, and writes the
    // CONNECT flags at an offset from the buffer's start.
    let mut scratch = BytesMut::new();
    write(&mut scratch).ok()?;
    Some(scratch.freeze())
}

fn qos_of(qos: u8) -> QoS {
    mqttbytes::qos(qos).unwrap_or(QoS::AtMostOnce)
}

/// CONNECT, or `None` when a string is too long for MQTT.
pub(super) fn connect(options: &Options) -> Option<Bytes> {
    if [&options.client_id, &options.username, &options.password].iter().any(|s| s.len() > MAX_STRING) {
        return None;
    }
    let mut packet = v4::Connect::new(options.client_id.as_str());
    packet.clean_session = options.clean_session;
    packet.keep_alive = options.keepalive_on_wire();
    // MQTT 3.1.1 has no password without a user name.
    if !options.username.is_empty() {
        packet.set_login(options.username.as_str(), options.password.as_str());
    }
    encode(|b| packet.write(b))
}

/// Bytes that a PUBLISH takes on the wire.
pub(super) fn publish_len(topic: &str, qos: u8, payload: &[u8]) -> usize {
    let remaining = 2 + topic.len() + if qos > 0 { 2 } else { 0 } + payload.len();
    1 + length_len(remaining) + remaining
}

fn length_len(remaining: usize) -> usize {
    match remaining {
        0..128 => 1,
        128..16_384 => 2,
        16_384..2_097_152 => 3,
        _ => 4,
    }
}

/// PUBLISH; `id` counts for QoS above 0 only, and must not be 0 then. Retained: the server keeps it for whoever
/// subscribes later.
pub(super) fn publish(topic: &str, qos: u8, retain: bool, id: u16, payload: &[u8]) -> Option<Bytes> {
    if topic.len() > MAX_STRING {
        return None;
    }
    let mut packet = v4::Publish::from_bytes(topic, qos_of(qos), Bytes::copy_from_slice(payload));
    packet.pkid = id;
    packet.retain = retain;
    encode(|b| packet.write(b))
}

/// The same PUBLISH, marked as sent before.
pub(super) fn as_duplicate(packet: &[u8]) -> Bytes {
    let mut copy = BytesMut::from(packet);
    if let Some(first) = copy.first_mut() {
        *first |= 0x08;
    }
    copy.freeze()
}

/// SUBSCRIBE for one filter.
pub(super) fn subscribe(id: u16, filter: &str, qos: u8) -> Option<Bytes> {
    if filter.len() > MAX_STRING || id == 0 {
        return None;
    }
    let mut packet = v4::Subscribe::new(filter, qos_of(qos));
    packet.pkid = id;
    encode(|b| packet.write(b))
}

/// UNSUBSCRIBE for one filter.
pub(super) fn unsubscribe(id: u16, filter: &str) -> Option<Bytes> {
    if filter.len() > MAX_STRING || id == 0 {
        return None;
    }
    let mut packet = v4::Unsubscribe::new(filter);
    packet.pkid = id;
    encode(|b| packet.write(b))
}

/// The packets that consist of a type and at most a packet id.
pub(super) fn puback(id: u16) -> Bytes {
    short(0x40, id)
}
/// Answer to an inbound QoS 2 PUBLISH.
pub(super) fn pubrec(id: u16) -> Bytes {
    short(0x50, id)
}
/// Answer to PUBREL.
pub(super) fn pubcomp(id: u16) -> Bytes {
    short(0x70, id)
}
/// Keep-alive.
pub(super) fn pingreq() -> Bytes {
    Bytes::from_static(&[0xC0, 0x00])
}
/// The orderly end.
pub(super) fn disconnect() -> Bytes {
    Bytes::from_static(&[0xE0, 0x00])
}

fn short(first: u8, id: u16) -> Bytes {
    let [high, low] = id.to_be_bytes();
    Bytes::copy_from_slice(&[first, 2, high, low])
}
