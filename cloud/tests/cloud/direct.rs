// SPDX-License-Identifier: MIT OR Apache-2.0
//! Large images over connections without TLS: whole, in parts, several on one connection, to slow clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::*;

const SIZE: u32 = 9_000_000;

fn serving(name: &str) -> (Cloud, String, String, Vec<u8>) {
    let mut cloud = Cloud::new(name);
    let file = cloud.path("fw.bin");
    let bytes = image(&file, SIZE);
    let add = ["firmware", "add", file.to_str().unwrap(), "--product", PRODUCT, "--version", "2.0.0"];
    cloud.ok(&add);
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let target = cloud.image_path("2.0.0");
    (cloud, origin, target, bytes)
}

/// The next answer on a connection: head, in small letters, and body.
fn answer(stream: &mut BufReader<TcpStream>) -> (String, Vec<u8>) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

fn connection(origin: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(origin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(stream)
}

#[test]
fn whole_and_in_parts() {
    let (_cloud, origin, target, bytes) = serving("direct-parts");
    let (head, body) = http(&origin, "GET", &target, "");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(head.matches("connection: close").count(), 1, "{head}");
    assert_eq!(head.matches("content-length: 9000000\r\n").count(), 1, "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert!(body == bytes);
    for (first, last) in [(0, 262_143), (1, 262_144), (4_000_001, 8_999_999), (8_999_990, 8_999_999)] {
        let range = format!("Range: bytes={first}-{last}\r\n");
        let (head, body) = http(&origin, "GET", &target, &range);
        assert!(head.starts_with("http/1.1 206"), "{head}");
        assert!(head.contains(&format!("content-range: bytes {first}-{last}/9000000")), "{head}");
        assert!(body == bytes[first..=last], "{first}-{last}");
    }
    let (head, body) = http(&origin, "HEAD", &target, "");
    assert!(head.contains("content-length: 9000000") && body.is_empty(), "{head}");
    let (head, body) = request(&origin, &format!("GET {target} HTTP/1.0\r\nHost: x\r\n\r\n"));
    assert!(head.contains("connection: close"), "{head}");
    assert!(body == bytes);
    // A request with a body of its own.
    let (_, body) = http(&origin, "GET", &target, "Content-Length: 5\r\n");
    assert!(body.is_empty() || body == bytes, "{}", body.len());
}

#[test]
fn a_connection_stays_open() {
    let (_cloud, origin, target, bytes) = serving("direct-kept");
    let mut stream = connection(&origin);
    let get = |range: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{range}\r\n");
    for _ in 0..2 {
        stream.get_mut().write_all(get("").as_bytes()).unwrap();
        let (head, body) = answer(&mut stream);
        assert!(!head.contains("connection: close"), "{head}");
        assert!(body == bytes);
        stream.get_mut().write_all(get("Range: bytes=5-9\r\n").as_bytes()).unwrap();
        assert!(answer(&mut stream).1 == bytes[5..10]);
    }
    // All requests at once, the answers in their order.
    let parts = [(0, 999_999), (7, 8), (1_000_000, 8_999_999), (3, 3), (2_000_000, 4_000_000)];
    let ask = |(first, last): (usize, usize)| get(&format!("Range: bytes={first}-{last}\r\n"));
    stream.get_mut().write_all(parts.map(ask).concat().as_bytes()).unwrap();
    for (first, last) in parts {
        assert!(answer(&mut stream).1 == bytes[first..=last], "{first}-{last}");
    }
}

#[test]
fn many_slow_clients() {
    let (_cloud, origin, target, bytes) = serving("direct-slow");
    let mut streams: Vec<_> = (0..600).map(|_| connection(&origin)).collect();
    for stream in &mut streams {
        write!(stream.get_mut(), "GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    }
    std::thread::sleep(Duration::from_millis(500));
    // While they take nothing, others are served.
    assert!(http(&origin, "GET", &target, "").1 == bytes);
    assert!(http(&origin, "GET", "/healthz", "").0.starts_with("http/1.1 200"));
    for stream in streams.iter_mut().step_by(100) {
        assert!(answer(stream).1 == bytes);
    }
}

#[test]
fn a_file_that_became_shorter() {
    let (cloud, origin, target, _) = serving("direct-short");
    let mut stream = connection(&origin);
    write!(stream.get_mut(), "GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut first = [0];
    stream.read_exact(&mut first).unwrap();
    let blobs = std::fs::read_dir(cloud.path("data/blobs")).unwrap();
    let folder = blobs.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
    let blob = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    std::fs::OpenOptions::new().write(true).open(blob).unwrap().set_len(u64::from(SIZE) - 1_000).unwrap();
    // The answer ends early, and the connection with it: no zeros in place of the bytes.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.len() < SIZE as usize, "{}", rest.len());
}
