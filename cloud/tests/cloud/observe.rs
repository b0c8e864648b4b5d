// SPDX-License-Identifier: MIT OR Apache-2.0
//! What operators see: metrics, probes, the log; and what never stands in any of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rumqttc::QoS;
use serde_json::{Value, json};

use crate::access::{ADMIN, ask, set_password};
use crate::support::*;

/// A number of `/metrics`.
fn number(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.split(' ').next() == Some(name));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn metrics_and_probes() {
    let mut cloud = Cloud::new("metrics");
    image(&cloud.path("fw.bin"), 100_000);
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let file = cloud.path("fw.bin");
    cloud.ok(&["firmware", "add", file.to_str().unwrap(), "--product", PRODUCT, "--version", "2.0.0"]);
    let (broker, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let metrics = || {
        let head = format!("GET /metrics HTTP/1.1\r\nHost: {origin}\r\nConnection: close\r\n\r\n");
        let (head, body) = request(&origin, &head);
        assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
        String::from_utf8(body).unwrap()
    };
    let before = metrics();
    assert_eq!((number(&before, "otakit_devices"), number(&before, "otakit_devices_online")), (1.0, 0.0));
    let (client, mut connection) = connect(&broker, PASSWORD);
    client.subscribe(format!("/ota/device/upgrade/{PRODUCT}/{DEVICE}"), QoS::AtLeastOnce).unwrap();
    wait(&mut connection, |p| matches!(p, rumqttc::Packet::SubAck(_)).then_some(()));
    cloud.ok(&["push", PRODUCT, DEVICE]);
    wait(&mut connection, offer);
    assert_eq!(http(&origin, "GET", &cloud.image_path("2.0.0"), "").1.len(), 100_000);
    let after = metrics();
    assert_eq!(number(&after, "otakit_devices_online"), 1.0);
    assert_eq!(number(&after, "otakit_updates{state=\"pushed\"}"), 1.0);
    assert_eq!(number(&after, "otakit_offers_total"), 1.0);
    let grown = |name: &str| number(&after, name) - number(&before, name);
    assert!(grown("otakit_http_sent_bytes_total") > 100_000.0, "{after}");
    assert!(number(&after, "otakit_http_requests_total{status=\"200\"}") >= 4.0, "{after}");
    assert!(grown("otakit_db_write_seconds_count") >= 1.0 && grown("otakit_db_write_seconds_sum") > 0.0);
    for (path, wanted) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let (head, body) = http(&origin, "GET", path, "");
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert_eq!(String::from_utf8(body).unwrap(), wanted);
    }
    set_password(&cloud, ADMIN);
    assert_eq!(ask(&origin, "GET", "/metrics", "", "").0, 401);
    assert_eq!(ask(&origin, "GET", "/healthz", "", "").0, 200);
}

#[test]
fn a_device_writes_no_lines_of_the_log() {
    let mut cloud = Cloud::new("injection");
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let log = cloud.path("log");
    let mut command =
        cloud.command(&["serve", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log", "json"]);
    command.arg("--ready-file").arg(cloud.path("ready.json"));
    command.stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap());
    let (broker, _) = cloud.started(&mut command);
    let (client, mut connection) = connect(&broker, PASSWORD);
    let odd = "\n{\"at\":\"forged\"}\r\u{1b}[31m\u{202e}";
    let topic = format!("/ota/device/inform/{PRODUCT}/{DEVICE}");
    for version in [odd.to_owned(), "x".repeat(9_000)] {
        let body = json!({ "id": "1", "params": { "version": version } }).to_string();
        client.publish(&topic, QoS::AtLeastOnce, false, body).unwrap();
        wait(&mut connection, |p| matches!(p, rumqttc::Packet::PubAck(_)).then_some(()));
    }
    // Sent away, with a line: not its own topic.
    client.publish(format!("/ota/device/inform/{PRODUCT}/x\u{1b}[2J"), QoS::AtMostOnce, false, odd).unwrap();
    while connection.recv_timeout(Duration::from_secs(5)).is_ok_and(|event| event.is_ok()) {}
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("not its own"), "{text}");
    for line in text.lines() {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?} is no line of the log"));
        assert_ne!(line["at"], "forged");
        assert!(line["text"].as_str().unwrap().chars().count() < 3000);
    }
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
}

#[test]
fn one_address_does_not_take_all_connections() {
    let mut cloud = Cloud::new("crowd");
    let (_, http) = cloud.serve(&["--mqtt", "127.0.0.1:0", "--per-address", "3"]);
    let mut held: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(&http).unwrap()).collect();
    for stream in &mut held {
        // An answer shows that the connection has its place.
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: {http}\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n");
    assert_eq!(raw(&http, &request), b"", "one too many is closed without a word");
    drop(held.pop());
    let start = Instant::now();
    while !raw(&http, &request).starts_with(b"HTTP/1.1 200") {
        assert!(start.elapsed() < PATIENCE, "the place that became free is not given");
    }
}

/// Takes as long as the server's patience, half a minute.
#[test]
fn half_requests_end_and_others_are_served() {
    let mut cloud = Cloud::new("half");
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let head = format!("POST /api/config?product=p HTTP/1.1\r\nHost: {origin}\r\n");
    let body = format!("{head}Content-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n");
    let mut streams: Vec<TcpStream> = (0..300)
        .map(|n| {
            let mut stream = TcpStream::connect(&origin).unwrap();
            stream.write_all(if n % 2 == 0 { &head } else { &body }.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(ask(&origin, "GET", "/api/status", "", "").0, 200, "others are served");
    let start = Instant::now();
    for stream in &mut streams {
        stream.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
        let mut rest = Vec::new();
        // An end or a reset; not silence.
        if let Err(error) = stream.read_to_end(&mut rest) {
            assert!(!matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
        }
    }
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}
