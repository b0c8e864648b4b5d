// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fault server as a process, seen by a client that takes every byte as it comes.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A test's way to fail.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take; only reached when the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

struct Faults {
    port_file: PathBuf,
    server: Child,
    port: u16,
}

impl Drop for Faults {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_file(&self.port_file);
    }
}

impl Faults {
    fn start(name: &str) -> Self {
        let port_file = std::env::temp_dir().join(format!("otakit-faults-{name}-{}", std::process::id()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_otakit-cloud"));
        let server = command.arg("faults").arg("--port-file").arg(&port_file).spawn().unwrap();
        let start = Instant::now();
        while !port_file.exists() {
            assert!(start.elapsed() < PATIENCE, "the server does not get ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        let port = std::fs::read_to_string(&port_file).unwrap().trim().parse().unwrap();
        Self { port_file, server, port }
    }

    /// Everything that comes over one connection, and the error that ended it.
    fn get(&self, target: &str, headers: &str) -> (Vec<u8>, Option<ErrorKind>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").unwrap();
        let mut answer = Vec::new();
        let error = stream.read_to_end(&mut answer).err().map(|e| e.kind());
        (answer, error)
    }

    /// Head and body of an answer.
    fn answer(&self, target: &str, headers: &str) -> (String, Vec<u8>) {
        let (mut answer, _) = self.get(target, headers);
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let body = answer.split_off(end);
        (String::from_utf8(answer).unwrap(), body)
    }

    fn json(&self, target: &str) -> Value {
        serde_json::from_slice(&self.answer(target, "").1).unwrap()
    }
}

/// The generator as it is documented.
fn image(size: u64) -> Vec<u8> {
    let words = (0..size.div_ceil(8)).flat_map(|k| {
        let mut z = size.wrapping_add((k + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)).to_le_bytes()
    });
    words.take(usize::try_from(size).unwrap()).collect()
}

#[test]
fn cases_digests_and_the_honest_one() {
    let faults = Faults::start("honest");
    let cases = faults.json("/cases");
    let cases = cases.as_array().unwrap();
    assert!(cases.len() >= 200, "{}", cases.len());
    for field in ["name", "family", "about", "expect"] {
        assert!(cases.iter().all(|c| c.get(field).is_some()), "{field}");
    }
    let image = image(60_000);
    assert_eq!(faults.answer("/ok/60000", "").1, image);
    let (head, body) = faults.answer("/ok/60000", "Range: bytes=59990-\r\n");
    assert!(head.starts_with("HTTP/1.1 206 "), "{head}");
    assert!(head.contains("Content-Range: bytes 59990-59999/60000\r\n"), "{head}");
    assert_eq!(body, &image[59_990..]);
    let (head, body) = faults.answer("/ok/5368709120", "Range: bytes=5368709119-\r\n");
    assert!(head.contains("Content-Length: 1\r\n"), "{head}");
    assert_eq!(body.len(), 1);

    let digest = faults.json("/digest/3");
    assert_eq!(digest.get("size").unwrap(), 3);
    // Of the first three bytes of the generator with seed 3, computed elsewhere.
    assert_eq!(digest.get("md5").unwrap(), "fafb5d1d22ace2b67de485f79cce8577");
    assert!(faults.answer("/no-such-case/3", "").0.starts_with("HTTP/1.1 404 "));
}

#[test]
fn a_download_is_resumed_and_the_log_shows_it() {
    let faults = Faults::start("resume");
    let image = image(60_000);
    let (head, first) = faults.answer("/resume/60000?k=a", "");
    assert!(head.contains("Content-Length: 60000\r\n"), "{head}");
    assert_eq!(first, &image[..20_000]);
    let (head, rest) =
        faults.answer("/resume/60000?k=a", "Range: bytes=20000-\r\nIf-Range: \"image-60000\"\r\n");
    assert!(head.starts_with("HTTP/1.1 206 "), "{head}");
    assert_eq!([first, rest].concat(), image);
    // Another token begins at the start.
    assert_eq!(faults.answer("/resume/60000?k=b", "").1.len(), 20_000);

    let log = faults.json("/log?k=a");
    assert_eq!(log.get("connections").unwrap(), 2);
    let headers = log.pointer("/requests/1/headers").unwrap();
    assert_eq!(headers.pointer("/1/0").unwrap(), "Range");
    assert_eq!(headers.pointer("/1/1").unwrap(), "bytes=20000-");
    assert_eq!(headers.pointer("/2/0").unwrap(), "If-Range");
}

#[test]
fn lies_are_told_as_described() {
    let faults = Faults::start("lies");
    let image = image(3_000);
    let (bytes, error) = faults.get("/rst/3000", "");
    assert_eq!(error, Some(ErrorKind::ConnectionReset));
    assert!(bytes.ends_with(&image[..1_000]));
    assert_eq!(faults.get("/close/3000", ""), (Vec::new(), None));
    let (head, body) = faults.answer("/404-same-length/3000", "");
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    assert_eq!(body.len(), 3_000);
    let (head, body) = faults.answer("/length-negative/3000", "");
    assert!(head.contains("Content-Length: -5\r\n"), "{head}");
    assert_eq!(body, image);
    let (_, body) = faults.answer("/flip-last/3000", "");
    assert_eq!(body[..2_999], image[..2_999]);
    assert_eq!(body[2_999], image[2_999] ^ 1);
}

#[test]
fn framing_is_as_described() {
    let faults = Faults::start("framing");
    let (head, body) = faults.answer("/chunked-7/10", "");
    assert!(!head.contains("Content-Length"), "{head}");
    assert!(body.starts_with(b"7\r\n") && body.ends_with(b"\r\n0\r\n\r\n"));
    let (head, _) = faults.answer("/503-retry-after/3000", "");
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("Retry-After: 1\r\n"), "{head}");
    assert!(faults.answer("/503-retry-after/3000", "").0.starts_with("HTTP/1.1 200 "));
    let (head, body) = faults.answer("/gzip/3000", "Accept-Encoding: gzip\r\n");
    assert!(head.contains("Content-Encoding: gzip\r\n"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
    let (head, _) = faults.answer("/redirect-absolute/3000?k=a", "");
    assert!(head.contains("Location: http://x/ok/3000?k=a\r\n"), "{head}");
}
