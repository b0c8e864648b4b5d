// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cloud as a process, a broker beside it, and clients.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS};
use serde_json::Value;

/// How long anything may take; only reached when the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const PRODUCT: &str = "a1RIsMLz2BJ";
pub const DEVICE: &str = "example1";
pub const SECRET: &str = "RDXf67itLqZCwdMCRrw0N5FHbv5D7jrE";
pub const CLIENT_ID: &str = "a1RIsMLz2BJ.example1|timestamp=2524608000000,_v=sdk-c-3.0.1,securemode=3,\
                         signmethod=hmacsha256,lan=C,gw=0,ext=0|";
pub const PASSWORD: &str = "962B1892E19A9BB0F740F6F5AC0769674D52F4AE30D138572C00CA2E56D8EFB6";

pub struct Cloud {
    pub dir: PathBuf,
    pub server: Option<Child>,
    db: Option<String>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Cloud {
    pub fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("otakit-cloud-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self { dir, server: None, db: None }
    }

    /// On a database elsewhere.
    pub fn on(name: &str, db: &str) -> Self {
        let mut cloud = Self::new(name);
        cloud.db = Some(db.to_owned());
        cloud
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_otakit-cloud"));
        command.args(words).arg("--data").arg(self.path("data"));
        if let Some(db) = &self.db {
            command.env("OTAKIT_CLOUD_DB", db);
        }
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    pub fn ok(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts the server on free ports; gives the addresses of broker and origin.
    pub fn serve(&mut self, options: &[&str]) -> (String, String) {
        let mut command = self.command(&["serve"]);
        if !options.contains(&"--settle") {
            command.args(["--settle", "300"]);
        }
        if !options.contains(&"--http") {
            command.args(["--http", "127.0.0.1:0"]);
        }
        command.args(options).arg("--ready-file").arg(self.path("ready.json"));
        self.started(&mut command)
    }

    /// Ends the server without a warning.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
        let _ = std::fs::remove_file(self.path("ready.json"));
    }

    /// Many requests to the control API.
    pub fn control(&self, work: impl FnOnce(&dyn Fn(&str, &Value))) {
        let address: Value =
            serde_json::from_slice(&std::fs::read(self.path("ready.json")).unwrap()).unwrap();
        let origin =
            address.get("http").and_then(Value::as_str).unwrap().strip_prefix("http://").unwrap().to_owned();
        work(&|path, body| {
            let body = body.to_string();
            let mut stream = TcpStream::connect(&origin).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let head = format!("POST {path} HTTP/1.1\r\nHost: {origin}\r\nConnection: close\r\n");
            let kind = "Content-Type: application/json\r\n";
            write!(stream, "{head}{kind}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        });
    }

    /// Starts the server by a command that writes `ready.json`. The origin's address is `host:port`, or a whole URL with TLS.
    pub fn started(&mut self, command: &mut Command) -> (String, String) {
        let ready = self.path("ready.json");
        self.server = Some(command.spawn().unwrap());
        let start = Instant::now();
        while !ready.exists() {
            assert!(start.elapsed() < PATIENCE, "the server does not get ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        let address: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
        let text = |field: &str| address.get(field).and_then(Value::as_str).unwrap().to_owned();
        (text("mqtt"), text("http").trim_start_matches("http://").to_owned())
    }

    /// The path and query of an image, as an offer has them.
    pub fn image_path(&self, version: &str) -> String {
        let url = self.ok(&["firmware", "url", "--product", PRODUCT, "--version", version]);
        format!("/{}", url.trim().splitn(4, '/').nth(3).unwrap())
    }

    /// The device's last update, as `status --json` shows it.
    pub fn update(&self) -> Value {
        let status: Value = serde_json::from_str(&self.ok(&["status", PRODUCT, DEVICE, "--json"])).unwrap();
        let updates = status.pointer("/devices/0/updates").unwrap().as_array().unwrap().clone();
        updates.last().cloned().unwrap_or(Value::Null)
    }

    pub fn wait_for_state(&self, state: &str) -> Value {
        let start = Instant::now();
        loop {
            let update = self.update();
            if update.get("state").and_then(Value::as_str) == Some(state) {
                return update;
            }
            assert!(start.elapsed() < PATIENCE, "not {state}: {update}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub fn connect(broker: &str, password: &str) -> (Client, Connection) {
    device(broker, password, false)
}

pub fn device(broker: &str, password: &str, clean: bool) -> (Client, Connection) {
    let (host, port) = broker.split_once(':').unwrap();
    let mut options = MqttOptions::new(CLIENT_ID, host, port.parse().unwrap());
    options.set_credentials(format!("{DEVICE}&{PRODUCT}"), password).set_clean_session(clean);
    Client::new(options, 10)
}

/// Polls until `wanted` picks something out of an event.
pub fn wait<T>(connection: &mut Connection, mut wanted: impl FnMut(&Packet) -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        match connection.recv_timeout(Duration::from_millis(200)) {
            Ok(Ok(Event::Incoming(packet))) => {
                if let Some(found) = wanted(&packet) {
                    return found;
                }
            }
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(error)) => panic!("{error}"),
        }
    }
    panic!("nothing came in time");
}

/// One request over a new connection: head, in small letters, and body of the answer.
pub fn http(origin: &str, method: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
    request(origin, &format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"))
}

/// A whole request as it is: head, in small letters, and body of the answer.
pub fn request(origin: &str, text: &str) -> (String, Vec<u8>) {
    let mut answer = raw(origin, text);
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let body = answer.split_off(end);
    (String::from_utf8(answer).unwrap().to_ascii_lowercase(), body)
}

/// The bytes that come back.
pub fn raw(origin: &str, text: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(origin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // A server may refuse before it has read all.
    let _ = stream.write_all(text.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

pub fn image(path: &Path, size: u32) -> Vec<u8> {
    let bytes: Vec<u8> = (0..size).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(path, &bytes).unwrap();
    bytes
}

/// A plain broker without any sign-in, as a deployment of its own would be.
pub struct Mosquitto {
    port: u16,
    dir: PathBuf,
    process: Option<Child>,
}

impl Mosquitto {
    pub fn start(dir: PathBuf) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::fs::create_dir_all(&dir).unwrap();
        let config = format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n");
        std::fs::write(dir.join("mosquitto.conf"), config).unwrap();
        let mut broker = Self { port, dir, process: None };
        broker.run();
        broker
    }

    pub fn run(&mut self) {
        // Debian keeps it where a user's path does not lead.
        let path = format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("mosquitto");
        command.env("PATH", path).arg("-c").arg(self.dir.join("mosquitto.conf"));
        self.process =
            Some(command.stderr(std::process::Stdio::null()).spawn().expect("mosquitto is needed"));
        let start = Instant::now();
        while TcpStream::connect(self.address()).is_err() {
            assert!(start.elapsed() < PATIENCE, "the broker does not get ready");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

pub fn offer(packet: &Packet) -> Option<Value> {
    match packet {
        Packet::Publish(p) if p.topic == format!("/ota/device/upgrade/{PRODUCT}/{DEVICE}") => {
            assert_eq!(p.qos, QoS::AtLeastOnce);
            Some(serde_json::from_slice(&p.payload).unwrap())
        }
        _ => None,
    }
}
