// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use super::*;
use crate::mqtt::encode::*;
use crate::mqtt::options::Options;
use crate::net::{Security, Target};

fn options() -> Options {
    Options {
        target: Target { host: String::new(), port: 1, security: Security::Plain },
        client_id: "c".into(),
        username: "u".into(),
        password: "p".into(),
        clean_session: false,
        keepalive: Duration::from_secs(60),
        request_timeout: Duration::from_secs(2),
        max_packet_in: 1024,
        max_packet_out: 1024,
        kept: |_| false,
    }
}

#[test]
fn connect_carries_login_and_twice_the_keepalive() {
    let packet = connect(&options()).unwrap();
    assert_eq!(&packet[..], b"\x10\x13\0\x04MQTT\x04\xC0\0\x78\0\x01c\0\x01u\0\x01p");
    let clean = Options { clean_session: true, username: String::new(), ..options() };
    assert_eq!(&connect(&clean).unwrap()[..], b"\x10\x0D\0\x04MQTT\x04\x02\0\x78\0\x01c");
}

#[test]
fn keepalive_on_the_wire() {
    for (millis, seconds) in [(0, 0), (100, 1), (30_000, 60), (600_000, 1200), (1_200_000, 1200)] {
        let keepalive = Duration::from_millis(millis);
        assert_eq!(Options { keepalive, ..options() }.keepalive_on_wire(), seconds, "{millis} ms");
    }
}

#[test]
fn over_long_strings_are_refused_not_cut() {
    let long = "x".repeat(MAX_STRING + 1);
    assert!(connect(&Options { client_id: long.clone(), ..options() }).is_none());
    assert!(connect(&Options { username: long.clone(), ..options() }).is_none());
    assert!(connect(&Options { password: long.clone(), ..options() }).is_none());
    assert!(publish(&long, 0, false, 0, b"").is_none());
    assert!(subscribe(1, &long, 0).is_none());
    assert!(unsubscribe(1, &long).is_none());
    assert!(publish("/t", 1, false, 0, b"no packet id").is_none());
    assert!(subscribe(0, "/t", 0).is_none() && unsubscribe(0, "/t").is_none());
}

#[test]
fn packets_on_the_wire() {
    assert_eq!(&publish("/t", 0, false, 0, b"hi").unwrap()[..], b"\x30\x06\0\x02/thi");
    assert_eq!(&publish("/t", 1, false, 258, b"hi").unwrap()[..], b"\x32\x08\0\x02/t\x01\x02hi");
    assert_eq!(&publish("/t", 0, true, 0, b"hi").unwrap()[..], b"\x31\x06\0\x02/thi");
    assert_eq!(&publish("/t", 1, true, 258, b"hi").unwrap()[..], b"\x33\x08\0\x02/t\x01\x02hi");
    assert_eq!(&as_duplicate(&publish("/t", 1, false, 5, b"").unwrap())[..], b"\x3A\x06\0\x02/t\0\x05");
    assert_eq!(&subscribe(3, "/+", 1).unwrap()[..], b"\x82\x07\0\x03\0\x02/+\x01");
    assert_eq!(&unsubscribe(4, "/+").unwrap()[..], b"\xA2\x06\0\x04\0\x02/+");
    assert_eq!(&puback(0x1234)[..], b"\x40\x02\x12\x34");
    assert_eq!(&pubrec(1)[..], b"\x50\x02\0\x01");
    assert_eq!(&pubcomp(1)[..], b"\x70\x02\0\x01");
}

#[test]
fn publish_length_is_known_before_encoding() {
    for qos in [0, 1] {
        for size in [0, 1, 120, 121, 122, 123, 124, 16_375, 16_376, 16_377, 16_378, 16_379, 2_097_150] {
            let payload = vec![7; size];
            let packet = publish("/t", qos, false, 1, &payload).unwrap();
            assert_eq!(publish_len("/t", qos, &payload), packet.len(), "qos {qos}, {size} bytes");
        }
    }
}

fn incoming(topic: &str, qos: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    publish(topic, qos, false, id, payload).unwrap().to_vec()
}

fn message(topic: &str, qos: u8, id: u16, payload: &[u8]) -> Inbound {
    let wire_len = publish_len(topic, qos, payload);
    let (topic, payload) = (topic.to_owned(), payload.to_vec());
    Inbound::Publish(Publish { topic, payload, qos, dup: false, retain: false, id, wire_len })
}

fn too_large(topic: Option<&str>, qos: u8, id: u16, wire_len: usize) -> Inbound {
    Inbound::Dropped(Dropped { qos, id, wire_len, why: Why::TooLarge(topic.map(str::to_owned)) })
}

fn limit_for(topic: &str) -> usize {
    if topic == "/big" { 500 } else { 100 }
}

/// Feeds `bytes` in pieces of `step` and decodes all there is.
fn decode(bytes: &[u8], step: usize) -> Result<Vec<Inbound>, Malformed> {
    let mut decoder = Decoder::new(100);
    let mut packets = Vec::new();
    for piece in bytes.chunks(step) {
        decoder.feed(piece);
        while let Some(packet) = decoder.next(limit_for)? {
            packets.push(packet);
        }
    }
    Ok(packets)
}

#[test]
fn any_split_gives_the_same_packets() {
    let long_topic = format!("/{}", "x".repeat(MAX_JUDGED_TOPIC));
    let parts = [
        (b"\x20\x02\x01\0".to_vec(), Inbound::ConnAck { code: 0, session_present: true }),
        (b"\x20\x02\0\x05".to_vec(), Inbound::ConnAck { code: 5, session_present: false }),
        (b"\x20\x02\0\xFE".to_vec(), Inbound::ConnAck { code: 254, session_present: false }),
        (incoming("/t", 0, 0, b""), message("/t", 0, 0, b"")),
        (incoming("/t", 1, 9, b"hello"), message("/t", 1, 9, b"hello")),
        (incoming("/t", 1, 10, &[1; 200]), too_large(Some("/t"), 1, 10, 209)),
        (incoming("/big", 2, 11, &[2; 200]), message("/big", 2, 11, &[2; 200])),
        (incoming("/big", 0, 0, &[2; 600]), too_large(Some("/big"), 0, 0, 609)),
        (incoming(&long_topic, 1, 77, &[2; 600]), too_large(None, 1, 77, long_topic.len() + 607)),
        (b"\x40\x02\0\x09".to_vec(), Inbound::PubAck(9)),
        (b"\x62\x02\0\x0B".to_vec(), Inbound::PubRel(11)),
        (b"\x50\x02\0\x0B".to_vec(), Inbound::Ignored),
        (b"\x90\x03\0\x02\x01".to_vec(), Inbound::SubAck { id: 2, granted: true }),
        (b"\x90\x03\0\x03\x80".to_vec(), Inbound::SubAck { id: 3, granted: false }),
        (b"\xB0\x02\0\x04".to_vec(), Inbound::UnsubAck(4)),
        (b"\xD0\x00".to_vec(), Inbound::PingResp),
        (incoming("/t", 0, 0, &[9; 90]), message("/t", 0, 0, &[9; 90])),
    ];
    let bytes: Vec<u8> = parts.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
    let wanted: Vec<Inbound> = parts.into_iter().map(|(_, packet)| packet).collect();
    for step in (1..40).chain([64, 100, 1000, 4096, bytes.len()]) {
        assert_eq!(decode(&bytes, step).unwrap(), wanted, "pieces of {step}");
    }
}

#[test]
fn flags_of_a_message() {
    let Inbound::Publish(publish) = decode(b"\x3B\x05\0\x01a\0\x07", 1).unwrap().remove(0) else { panic!() };
    assert!(publish.dup && publish.retain && publish.qos == 1 && publish.id == 7);
}

#[test]
fn unusable_topics_are_dropped_and_the_stream_goes_on() {
    for topic in [&b""[..], b"#", b"/a/+", b"\xFF\xFE", b"/a\0b"] {
        let len = u8::try_from(topic.len()).unwrap();
        let mut bytes = vec![0x32, len + 4, 0, len];
        bytes.extend_from_slice(topic);
        bytes.extend_from_slice(b"\0\x08\xD0\0");
        let wire_len = topic.len() + 6;
        let dropped = Dropped { qos: 1, id: 8, wire_len, why: Why::BadTopic };
        assert_eq!(decode(&bytes, 1).unwrap(), [Inbound::Dropped(dropped), Inbound::PingResp]);
    }
}

#[test]
fn protocol_errors() {
    let table: &[(&[u8], &str)] = &[
        (b"\0\0", "type 0, which is reserved"),
        (b"\xF0\0", "type 15, which is reserved"),
        (b"\x10\x02\0\0", "CONNECT, which only a client sends"),
        (b"\x82\x06\0\x01\0\x01a\0", "SUBSCRIBE, which only a client sends"),
        (b"\xA2\x03\0\x01\0", "UNSUBSCRIBE, which only a client sends"),
        (b"\xC0\0", "PINGREQ, which only a client sends"),
        (b"\xE0\0", "DISCONNECT, which only a client sends"),
        (b"\x20\x03\0\0\0", "CONNACK of 3 bytes"),
        (b"\x21\x02\0\0", "CONNACK with flags 1"),
        (b"\x40\x03\0\x01\0", "PUBACK of 3 bytes"),
        (b"\x40\x01\0", "PUBACK of 1 byte"),
        (b"\x60\x02\0\x01", "PUBREL with flags 0"),
        (b"\x90\x02\0\x01", "SUBACK of 2 bytes"),
        (b"\x90\x03\0\x01\x03", "SUBACK with a code that does not exist: 3"),
        (b"\x90\xFF\x7F", "SUBACK of 16383 bytes"),
        (b"\xD0\x01\0", "PINGRESP of 1 byte"),
        (b"\x36\x05\0\x01a\0\x01", "PUBLISH with flags 6"),
        (b"\x30\x01\0", "PUBLISH of 1 byte"),
        (b"\x30\x03\0\x05a", "PUBLISH cut short"),
        (b"\x32\x03\0\x01a", "PUBLISH cut short"),
        (b"\x32\x05\0\x01a\0\0", "PUBLISH with packet id 0"),
        (b"\x30\xFF\x01\xFF\xFF", "PUBLISH cut short"),
        (b"\x30\xFF\xFF\xFF\xFF\x01", "a length of more than four bytes"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "PUBACK with flags 8"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "PUBREC with flags 3"),
    ];
    for (bytes, what) in table {
        for step in [1, bytes.len()] {
            assert_eq!(decode(bytes, step).unwrap_err().to_string(), *what, "pieces of {step}");
        }
    }
    let large_without_id: Vec<u8> = [&b"\x32\xC8\x01\0\x01a\0\0"[..], &[0; 195]].concat();
    assert_eq!(decode(&large_without_id, 7), Err(Malformed::NoId));
}

#[test]
fn a_huge_message_is_read_past_in_constant_memory() {
    let mut decoder = Decoder::new(100);
    let payload = 100_000_000usize;
    let remaining = 2 + 2 + 2 + payload;
    let mut head = vec![0x32];
    let mut left = remaining;
    while left > 0 {
        head.push(u8::try_from(left % 128).unwrap() | if left >= 128 { 0x80 } else { 0 });
        left /= 128;
    }
    let wire_len = head.len() + remaining;
    head.extend_from_slice(b"\0\x02/t\x01\x00");
    decoder.feed(&head);
    assert_eq!(decoder.next(limit_for), Ok(None));
    let block = vec![0xAA; 65_536];
    let mut left = payload;
    while left > 0 {
        let now = left.min(block.len());
        decoder.feed(&block[..now]);
        left -= now;
        if left > 0 {
            assert_eq!(decoder.next(limit_for), Ok(None));
        }
        assert!(decoder.rx.capacity() < 4 * block.len(), "{}", decoder.rx.capacity());
    }
    assert_eq!(decoder.next(limit_for), Ok(Some(too_large(Some("/t"), 1, 256, wire_len))));
    decoder.feed(b"\xD0\0");
    assert_eq!(decoder.next(limit_for), Ok(Some(Inbound::PingResp)));
}

#[test]
fn random_bytes_never_panic() {
    let mut seed = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_le_bytes()
    };
    for round in 0..20_000 {
        let mut bytes: Vec<u8> = (0..round % 9).flat_map(|_| random()).collect();
        // A plausible start reaches deeper.
        let start = [0x30, 0x32, 0x34, 0x40, 0x62, 0x90, 0xB0, 0x20][round % 8];
        if let Some(first) = bytes.first_mut() {
            *first = start;
        }
        if let Some(second) = bytes.get_mut(1) {
            *second &= 0x9F;
        }
        let whole = decode(&bytes, bytes.len().max(1));
        let split = decode(&bytes, 1);
        // An error may come earlier in one of them, but never for one alone.
        assert_eq!(whole.is_err(), split.is_err(), "{bytes:02X?}");
    }
}
