// SPDX-License-Identifier: MIT OR Apache-2.0
//! The MQTT server: devices are kept apart, and a hostile one harms nobody but itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};

use crate::support::{Cloud, PATIENCE, PRODUCT};

pub fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    while length > 0x7F {
        packet.push((length & 0x7F) as u8 | 0x80);
        length >>= 7;
    }
    packet.push(length as u8);
    packet.extend(body);
    packet
}

/// CONNECT of a device of the product, with a client id of its own choice.
pub fn sign_in_as(client: &str, device: &str, secret: &str, clean: bool, will: Option<&str>) -> Vec<u8> {
    let signed = format!("clientId{client}deviceName{device}productKey{PRODUCT}");
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    let password: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    let flags = 0xC0 | u8::from(clean) << 1 | if will.is_some() { 4 } else { 0 };
    let body = [
        text("MQTT"),
        vec![4, flags, 0, 60],
        text(&format!("{client}|signmethod=hmacsha256,securemode=3|")),
        will.map(|topic| [text(topic), text("gone")].concat()).unwrap_or_default(),
        text(&format!("{device}&{PRODUCT}")),
        text(&password),
    ];
    packet(0x10, &body.concat())
}

pub fn sign_in(device: &str, secret: &str, clean: bool) -> Vec<u8> {
    sign_in_as(device, device, secret, clean, None)
}

pub fn subscribe(id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    for (filter, qos) in filters {
        body.extend(text(filter));
        body.push(*qos);
    }
    packet(0x82, &body)
}

pub fn publish(topic: &str, payload: &str, id: u16) -> Vec<u8> {
    packet(0x32, &[text(topic), id.to_be_bytes().to_vec(), payload.as_bytes().to_vec()].concat())
}

/// A connection on which packets are written and read as they are.
pub struct Raw {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Raw {
    pub fn connect(broker: &str, connect: &[u8]) -> Self {
        let stream = TcpStream::connect(broker).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut raw = Self { stream, bytes: Vec::new() };
        raw.send(connect);
        raw
    }

    /// Signed in.
    pub fn device(broker: &str, name: &str) -> Self {
        let mut raw = Self::connect(broker, &sign_in(name, &secret(name), true));
        assert_eq!(raw.next().unwrap(), [0x20, 2, 0, 0], "{name}");
        raw
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next packet, if it comes within a moment.
    pub fn next_soon(&mut self) -> Option<Vec<u8>> {
        if self.length().is_none_or(|length| self.bytes.len() < length) {
            self.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let mut bytes = [0; 4096];
            if let Ok(n) = self.stream.read(&mut bytes) {
                if n == 0 {
                    std::thread::sleep(Duration::from_millis(50));
                }
                self.bytes.extend(&bytes[..n]);
            }
        }
        let length = self.length().filter(|length| self.bytes.len() >= *length)?;
        let rest = self.bytes.split_off(length);
        Some(std::mem::replace(&mut self.bytes, rest))
    }

    /// The next packet; `None`: the server has closed the connection.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = self.length().filter(|length| self.bytes.len() >= *length) {
                let rest = self.bytes.split_off(length);
                return Some(std::mem::replace(&mut self.bytes, rest));
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(n) => self.bytes.extend(&bytes[..n]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn length(&self) -> Option<usize> {
        let mut length = 0;
        for n in 1..5 {
            let byte = *self.bytes.get(n)?;
            length |= usize::from(byte & 0x7F) << (7 * (n - 1));
            if byte & 0x80 == 0 {
                return Some(length + n + 1);
            }
        }
        panic!("the server sends nonsense");
    }

    /// The answer to a ping comes behind everything that the server had to say before.
    pub fn ping(&mut self) -> Vec<Vec<u8>> {
        self.send(&[0xC0, 0]);
        let mut before = Vec::new();
        loop {
            let packet = self.next().expect("the server hung up");
            if packet == [0xD0, 0] {
                return before;
            }
            before.push(packet);
        }
    }
}

pub fn secret(name: &str) -> String {
    format!("secret-of-{name}")
}

/// A cloud with devices `a` and `b`, and a gateway `g` that has the sub-device `s`.
pub fn cloud(name: &str) -> (Cloud, String) {
    let mut cloud = Cloud::new(name);
    for device in ["a", "b", "g", "s"] {
        cloud.ok(&["device", "add", PRODUCT, device, &secret(device)]);
    }
    let (broker, _) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let mut gateway = Raw::device(&broker, "g");
    let signed = format!("clientIdsdeviceNamesproductKey{PRODUCT}timestamp1");
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(secret("s").as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    let sign: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    let join = serde_json::json!({ "id": "1", "params": [{ "productKey": PRODUCT, "deviceName": "s", "clientId": "s",
        "timestamp": "1", "signmethod": "hmacSha256", "sign": sign }] });
    gateway.send(&subscribe(1, &[(&format!("/sys/{PRODUCT}/g/#"), 1)]));
    gateway.send(&publish(&format!("/sys/{PRODUCT}/g/thing/topo/add"), &join.to_string(), 2));
    loop {
        let packet = gateway.next().unwrap();
        if packet.windows(10).any(|w| w == b"\"code\":200") {
            break;
        }
    }
    (cloud, broker)
}

#[test]
fn subscriptions_are_for_own_topics() {
    let (_cloud, broker) = cloud("subscriptions");
    let t = |template: &str, device: &str| template.replace("PK", PRODUCT).replace("DN", device);
    for (device, template, whose, granted) in [
        ("a", "/ota/device/upgrade/PK/DN", "a", true),
        ("a", "/sys/PK/DN/#", "a", true),
        ("a", "/PK/DN/user/get", "a", true),
        ("a", "/ota/device/upgrade/PK/DN", "b", false),
        ("a", "/sys/PK/DN/#", "b", false),
        ("a", "/sys/PK/+/thing/config/push", "", false),
        ("a", "/ota/device/upgrade/PK/+", "", false),
        ("a", "/ota/device/upgrade/+/+", "", false),
        ("a", "#", "", false),
        ("a", "/#", "", false),
        ("a", "+/+/#", "", false),
        ("a", "/+/+/+/+/+", "", false),
        ("a", "$SYS/#", "", false),
        ("a", "$share/x//ota/device/upgrade/PK/DN", "a", false),
        ("a", "$share/x/#", "", false),
        ("a", "/sys/PK/DN/thing/#/x", "a", false),
        ("g", "/ota/device/upgrade/PK/DN", "s", true),
        ("g", "/sys/PK/DN/thing/#", "s", true),
        ("g", "/ota/device/upgrade/PK/DN", "a", false),
        ("a", "/ota/device/upgrade/PK/DN", "s", false),
    ] {
        let filter = t(template, whose);
        let mut raw = Raw::device(&broker, device);
        raw.send(&subscribe(7, &[(&filter, 1)]));
        let code = *raw.next().unwrap().last().unwrap();
        assert_eq!(code, if granted { 1 } else { 0x80 }, "{device} {filter}");
    }
}

#[test]
fn nobody_speaks_for_another() {
    let (cloud, broker) = cloud("publish");
    let report = r#"{"id":"1","params":{"version":"6.6.6"}}"#;
    let offer = r#"{"code":"1000","data":{"size":1,"version":"6","url":"http://evil/","md5":"0"},"id":1}"#;
    let topic = |word: &str, device: &str| format!("/ota/device/{word}/{PRODUCT}/{device}");
    let mut b = Raw::device(&broker, "b");
    b.send(&subscribe(1, &[(&topic("upgrade", "b"), 1)]));
    b.next().unwrap();
    for (device, topic, payload, allowed) in [
        ("a", topic("inform", "b"), report, false),
        ("a", topic("progress", "b"), r#"{"params":{"step":"50"}}"#, false),
        ("a", topic("upgrade", "b"), offer, false),
        ("a", topic("inform", "s"), report, false),
        ("g", topic("inform", "a"), report, false),
        ("a", "/ext/register".to_owned(), report, false),
        ("a", "$SYS/broker/x".to_owned(), report, false),
        ("g", topic("inform", "s"), r#"{"id":"1","params":{"version":"1.2.3"}}"#, true),
    ] {
        let mut raw = Raw::device(&broker, device);
        raw.send(&publish(&topic, payload, 9));
        let answer = raw.next();
        assert_eq!(answer.as_deref() == Some(&[0x40, 2, 0, 9]), allowed, "{device} {topic}: {answer:?}");
    }
    assert!(b.ping().is_empty(), "nothing reached b");
    let list = cloud.ok(&["device", "list"]);
    assert!(!list.contains("6.6.6"), "{list}");
    assert!(list.contains("/s 1.2.3"), "{list}");
}

#[test]
fn a_will_is_for_an_own_topic() {
    let (_cloud, broker) = cloud("will");
    let own = format!("/{PRODUCT}/a/user/gone");
    let other = format!("/ota/device/upgrade/{PRODUCT}/b");
    let connect = |will: &str| {
        Raw::connect(&broker, &sign_in_as("a", "a", &secret("a"), true, Some(will))).next().unwrap()
    };
    assert_eq!(connect(&own), [0x20, 2, 0, 0]);
    assert_eq!(connect(&other), [0x20, 2, 0, 2]);
}

#[test]
fn a_client_id_is_no_identity() {
    let (_cloud, broker) = cloud("client-id");
    let mut a = Raw::connect(&broker, &sign_in_as("same", "a", &secret("a"), false, None));
    assert_eq!(a.next().unwrap(), [0x20, 2, 0, 0]);
    // Another device with that client id, and somebody who does not know the secret.
    let mut b = Raw::connect(&broker, &sign_in_as("same", "b", &secret("b"), false, None));
    assert_eq!(b.next().unwrap(), [0x20, 2, 0, 0]);
    let mut thief = Raw::connect(&broker, &sign_in_as("same", "a", "wrong", false, None));
    assert_eq!(thief.next().unwrap(), [0x20, 2, 0, 4]);
    assert!(a.ping().is_empty() && b.ping().is_empty());
    // The same device again: the newer connection counts, with the session of the older one.
    a.send(&subscribe(1, &[(&format!("/{PRODUCT}/a/user/get"), 1)]));
    a.next().unwrap();
    let mut again = Raw::connect(&broker, &sign_in_as("another", "a", &secret("a"), false, None));
    assert_eq!(again.next().unwrap(), [0x20, 2, 1, 0], "session present");
    assert_eq!(a.next(), None, "the older one is closed");
    again.send(&publish(&format!("/{PRODUCT}/a/user/get"), "echo", 3));
    let heard = [again.next().unwrap(), again.next().unwrap()].concat();
    assert!(heard.windows(4).any(|w| w == b"echo"), "{heard:?}");
}

#[test]
fn qos_two_unsubscribe_and_ping() {
    let (cloud, broker) = cloud("qos2");
    let mut raw = Raw::device(&broker, "a");
    let inform = format!("/ota/device/inform/{PRODUCT}/a");
    let body = [text(&inform), vec![0, 5], br#"{"params":{"version":"7.7"}}"#.to_vec()].concat();
    raw.send(&packet(0x34, &body));
    assert_eq!(raw.next().unwrap(), [0x50, 2, 0, 5]);
    raw.send(&packet(0x3C, &body));
    assert_eq!(raw.next().unwrap(), [0x50, 2, 0, 5], "again: acknowledged, not handled twice");
    raw.send(&[0x62, 2, 0, 5]);
    assert_eq!(raw.next().unwrap(), [0x70, 2, 0, 5]);
    assert!(cloud.ok(&["device", "list"]).contains("/a 7.7"));
    raw.send(&packet(0xA2, &[vec![0, 6], text("/never/subscribed")].concat()));
    assert_eq!(raw.next().unwrap(), [0xB0, 2, 0, 6]);
    raw.send(&[0xE0, 0]);
    assert_eq!(raw.next(), None);
}

#[test]
fn hostile_packets_end_their_own_connection_alone() {
    let (_cloud, broker) = cloud("hostile");
    let mut bystander = Raw::device(&broker, "b");
    let long = "x".repeat(65_535);
    for bytes in [
        vec![0x30, 0xFF, 0xFF, 0xFF, 0x7F],
        vec![0x30, 0x80, 0x80, 0x80, 0x80],
        packet(0x30, &[0, 1, 0xFF]),
        packet(0x30, &text(&long)),
        packet(0x82, &[0, 0]),
        packet(0xF0, &[]),
        sign_in("a", &secret("a"), true),
    ] {
        let mut raw = Raw::device(&broker, "a");
        raw.send(&bytes);
        assert_eq!(raw.next(), None, "{:x?}", &bytes[..bytes.len().min(20)]);
    }
    let mut many = Raw::device(&broker, "a");
    for n in 0..30 {
        let filters: Vec<String> = (0..1000).map(|m| format!("/{PRODUCT}/a/user/{n}-{m}")).collect();
        let filters: Vec<(&str, u8)> = filters.iter().map(|f| (f.as_str(), 0)).collect();
        many.send(&subscribe(n + 1, &filters));
        let answer = many.next().unwrap();
        assert_eq!(*answer.last().unwrap(), if n < 20 { 0 } else { 0x80 }, "filters are limited");
    }
    assert!(bystander.ping().is_empty());
}

#[test]
fn more_devices_than_the_soft_limit_of_files() {
    let mut cloud = Cloud::new("files");
    cloud.ok(&["device", "add", PRODUCT, "a", &secret("a")]);
    let program = cloud.command(&["serve"]);
    let line = format!(
        "ulimit -S -n 64; exec {} serve --data {} --mqtt 127.0.0.1:0 --http 127.0.0.1:0 --ready-file {}",
        program.get_program().to_str().unwrap(),
        cloud.path("data").display(),
        cloud.path("ready.json").display()
    );
    let mut shell = std::process::Command::new("sh");
    let (broker, _) = cloud.started(shell.arg("-c").arg(line));
    let silent: Vec<TcpStream> = (0..150).map(|_| TcpStream::connect(&broker).unwrap()).collect();
    let start = Instant::now();
    let mut raw = Raw::device(&broker, "a");
    assert!(raw.ping().is_empty());
    assert!(start.elapsed() < Duration::from_secs(8), "it waited for others to go");
    drop(silent);
}
