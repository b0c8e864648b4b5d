// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attacks over MQTT that go on: thousands of broken packets, and two clients that fight for one identity.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::attacks::memory;
use crate::hub::{Raw, cloud, packet, publish, secret, sign_in, subscribe, text};
use crate::kill::random;
use crate::support::{PRODUCT, request};

/// Packets that are right, for [`broken`] to spoil.
fn right(n: u64) -> Vec<u8> {
    let topic = format!("/ota/device/inform/{PRODUCT}/a");
    match n % 8 {
        0 => publish(&topic, r#"{"id":"1","params":{"version":"1.0"}}"#, 7),
        1 => subscribe(3, &[(&format!("/sys/{PRODUCT}/a/#"), 1), (&topic, 0)]),
        2 => packet(0xA2, &[vec![0, 6], text(&topic)].concat()),
        3 => packet(0x34, &[text(&topic), vec![0, 5], b"{}".to_vec()].concat()),
        4 => vec![0x62, 2, 0, 5],
        5 => vec![0xC0, 0],
        6 => sign_in("a", &secret("a"), true),
        _ => publish(
            &format!("/sys/{PRODUCT}/a/thing/event/property/post"),
            r#"{"id":[[[[{"params":{}}]]]]}"#,
            8,
        ),
    }
}

/// A packet with bytes changed, cut off, put in or doubled.
fn broken(luck: &mut u64) -> Vec<u8> {
    let mut bytes = right(random(luck));
    for _ in 0..=random(luck) % 4 {
        let at = random(luck) as usize % bytes.len();
        let byte = random(luck) as u8;
        match random(luck) % 6 {
            0 => bytes[at] ^= 1 << (byte % 8),
            1 => bytes[at] = byte,
            2 => bytes.truncate(at + 1),
            3 => bytes.insert(at, byte),
            4 => bytes.extend_from_within(at..),
            _ => bytes[at] = 0xFF,
        }
    }
    bytes
}

#[test]
fn four_thousand_broken_packets() {
    let (cloud, broker) = cloud("broken");
    let mut bystander = Raw::device(&broker, "b");
    let mut luck = 0x9E37_79B9_7F4A_7C15;
    let mut connections = 0;
    let mut sent = 0;
    while sent < 4_000 {
        // Half of them from somebody who has not signed in.
        connections += 1;
        let signed_in = connections % 2 == 0;
        let mut stream = std::net::TcpStream::connect(&broker).unwrap();
        if signed_in {
            stream.write_all(&sign_in("a", &secret("a"), true)).unwrap();
        }
        for _ in 0..20 {
            sent += 1;
            // It may have hung up, as is right.
            if stream.write_all(&broken(&mut luck)).is_err() {
                break;
            }
        }
    }
    assert!(bystander.ping().iter().all(|packet| packet[0] >> 4 == 3), "the other device is served");
    let list = cloud.ok(&["device", "list"]);
    assert!(list.lines().count() == 4, "the same devices: {list}");
    let peak = memory(&cloud, "VmHWM");
    assert!(peak < 60_000, "{peak} KB");
}

#[test]
fn two_clients_with_one_identity() {
    let (mut cloud, _) = cloud("contest");
    cloud.kill();
    let log = cloud.path("log");
    let mut command = cloud.command(&["serve", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    command.arg("--ready-file").arg(cloud.path("ready.json"));
    command.stdout(std::process::Stdio::null()).stderr(std::fs::File::create(&log).unwrap());
    let (broker, origin) = cloud.started(&mut command);
    let page = |language: &str| {
        let head = format!(
            "GET /console/devices/{PRODUCT}/a HTTP/1.1\r\nHost: {origin}\r\nConnection: close\r\nAccept-Language: {language}\r\n\r\n"
        );
        String::from_utf8(request(&origin, &head).1).unwrap()
    };
    let warnings = ["Two devices use this identity", "有两台设备使用同一身份"];
    let mut last = Raw::device(&broker, "a");
    for n in 0..4 {
        assert!(!page("en").contains(warnings[0]), "{n} times may be a bad line");
        let next = Raw::device(&broker, "a");
        assert_eq!(last.next(), None, "the newer connection counts");
        last = next;
    }
    assert!(page("en").contains(warnings[0]) && page("zh").contains(warnings[1]));
    let start = Instant::now();
    let mut slow = Raw::device(&broker, "a");
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(900), "it is made to wait: {waited:?}");
    // But not for longer than a device waits for its CONNACK, 2 s by default: it would never get in.
    assert!(waited < Duration::from_millis(1_900), "{waited:?}");
    assert!(slow.ping().is_empty());
    // Other devices are not.
    let start = Instant::now();
    Raw::device(&broker, "b");
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    let text = std::fs::read_to_string(&log).unwrap();
    let told = text.lines().filter(|line| line.contains("two clients use the identity")).count();
    let again = text.lines().filter(|line| line.contains("signed in again")).count();
    assert_eq!((told, again), (1, 3), "{text}");
}
