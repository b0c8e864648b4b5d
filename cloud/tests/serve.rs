// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole cloud as a process: a device signs in, reports, is offered firmware, downloads it and succeeds.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // A test's way to fail.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use rumqttc::{Client, ConnectReturnCode, Connection, ConnectionError, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};

/// How long anything may take; only reached when the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

const PRODUCT: &str = "a1RIsMLz2BJ";
const DEVICE: &str = "example1";
const SECRET: &str = "RDXf67itLqZCwdMCRrw0N5FHbv5D7jrE";
const CLIENT_ID: &str = "a1RIsMLz2BJ.example1|timestamp=2524608000000,_v=sdk-c-3.0.1,securemode=3,\
                         signmethod=hmacsha256,lan=C,gw=0,ext=0|";
const PASSWORD: &str = "962B1892E19A9BB0F740F6F5AC0769674D52F4AE30D138572C00CA2E56D8EFB6";

struct Cloud {
    dir: PathBuf,
    server: Option<Child>,
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
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("otakit-cloud-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self { dir, server: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_otakit-cloud"));
        command.args(words).arg("--data").arg(self.path("data"));
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn ok(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts the server on free ports; gives the addresses of broker and origin.
    fn serve(&mut self, options: &[&str]) -> (String, String) {
        let ready = self.path("ready.json");
        let mut command = self.command(&["serve", "--http", "127.0.0.1:0", "--settle", "300"]);
        self.server = Some(command.args(options).arg("--ready-file").arg(&ready).spawn().unwrap());
        let start = Instant::now();
        while !ready.exists() {
            assert!(start.elapsed() < PATIENCE, "the server does not get ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        let address: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
        let text = |field: &str| address.get(field).and_then(Value::as_str).unwrap().to_owned();
        (text("mqtt"), text("http").strip_prefix("http://").unwrap().to_owned())
    }

    /// The device's last update, as `status --json` shows it.
    fn update(&self) -> Value {
        let status: Value = serde_json::from_str(&self.ok(&["status", PRODUCT, DEVICE, "--json"])).unwrap();
        let updates = status.pointer("/devices/0/updates").unwrap().as_array().unwrap().clone();
        updates.last().cloned().unwrap_or(Value::Null)
    }

    fn wait_for_state(&self, state: &str) -> Value {
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

fn connect(broker: &str, password: &str) -> (Client, Connection) {
    let (host, port) = broker.split_once(':').unwrap();
    let mut options = MqttOptions::new(CLIENT_ID, host, port.parse().unwrap());
    options.set_credentials(format!("{DEVICE}&{PRODUCT}"), password).set_clean_session(false);
    Client::new(options, 10)
}

/// Polls until `wanted` picks something out of an event.
fn wait<T>(connection: &mut Connection, mut wanted: impl FnMut(&Packet) -> Option<T>) -> T {
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

fn offer(packet: &Packet) -> Option<Value> {
    match packet {
        Packet::Publish(p) if p.topic == format!("/ota/device/upgrade/{PRODUCT}/{DEVICE}") => {
            assert_eq!(p.qos, QoS::AtLeastOnce);
            Some(serde_json::from_slice(&p.payload).unwrap())
        }
        _ => None,
    }
}

/// One request over a new connection: head and body of the answer.
fn http(origin: &str, method: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(origin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let body = answer.split_off(end);
    (String::from_utf8(answer).unwrap().to_ascii_lowercase(), body)
}

fn image(path: &Path, size: u32) -> Vec<u8> {
    let bytes: Vec<u8> = (0..size).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(path, &bytes).unwrap();
    bytes
}

#[test]
fn an_update_from_report_to_success() {
    let mut cloud = Cloud::new("update");
    let file = cloud.path("fw.bin");
    let bytes = image(&file, 60_000);
    let name = file.to_str().unwrap();
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    cloud.ok(&["firmware", "add", name, "--product", PRODUCT, "--version", "1.9.0", "--auto"]);
    let (broker, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    // While the server runs, through its API.
    cloud.ok(&["firmware", "add", name, "--product", PRODUCT, "--version", "1.10.0", "--auto"]);

    let (client, mut connection) = connect(&broker, PASSWORD);
    // As Link Kit does: report first, subscribe afterwards.
    let inform = format!("/ota/device/inform/{PRODUCT}/{DEVICE}");
    client.publish(&inform, QoS::AtLeastOnce, false, r#"{"id":0,"params":{"version":"1.0.0"}}"#).unwrap();
    client.subscribe(format!("/ota/device/upgrade/{PRODUCT}/{DEVICE}"), QoS::AtLeastOnce).unwrap();
    let offer = wait(&mut connection, offer);
    assert_eq!(offer.pointer("/data/version").unwrap(), "1.10.0");
    assert_eq!(offer.pointer("/data/size").unwrap(), 60_000);
    assert_eq!(cloud.wait_for_state("pushed").get("from").unwrap(), "1.0.0");

    let url = offer.pointer("/data/url").unwrap().as_str().unwrap();
    let path = url.strip_prefix(&format!("http://{origin}")).unwrap();
    check_origin(&origin, path, &bytes);

    let progress = format!("/ota/device/progress/{PRODUCT}/{DEVICE}");
    for step in ["0", "50", "100"] {
        let report = format!(r#"{{"id":0,"params":{{"step":"{step}","desc":"hello"}}}}"#);
        client.publish(&progress, QoS::AtLeastOnce, false, report).unwrap();
        wait(&mut connection, |p| matches!(p, Packet::PubAck(_)).then_some(()));
    }
    let update = cloud.wait_for_state("downloading");
    let steps = update.get("steps").unwrap().as_array().unwrap();
    let seen: Vec<i64> = steps.iter().map(|s| s.get("step").unwrap().as_i64().unwrap()).collect();
    assert_eq!(seen, [0, 50, 100]);

    let failed = r#"{"id":0,"params":{"step":"-3","desc":""}}"#;
    client.publish(&progress, QoS::AtLeastOnce, false, failed).unwrap();
    wait(&mut connection, |p| matches!(p, Packet::PubAck(_)).then_some(()));
    let reason = cloud.wait_for_state("failed").get("reason").unwrap().clone();
    assert_eq!(reason, "verification failed");

    client.publish(&inform, QoS::AtLeastOnce, false, r#"{"id":0,"params":{"version":"1.10.0"}}"#).unwrap();
    wait(&mut connection, |p| matches!(p, Packet::PubAck(_)).then_some(()));
    cloud.ok(&["status", PRODUCT, DEVICE, "--wait", "20"]);
    cloud.wait_for_state("succeeded");

    // A command pushes an older version too, and the device may ask for it again.
    cloud.ok(&["push", PRODUCT, DEVICE, "--version", "1.9.0"]);
    let pushed = wait(&mut connection, self::offer);
    assert_eq!(pushed.pointer("/data/version").unwrap(), "1.9.0");
    let request = format!("/ota/device/request/{PRODUCT}/{DEVICE}");
    client.subscribe(&request, QoS::AtLeastOnce).unwrap();
    wait(&mut connection, |p| matches!(p, Packet::SubAck(_)).then_some(()));
    let ask = r#"{"id":0,"params":{"version":"1.10.0"}}"#;
    client.publish(&request, QoS::AtLeastOnce, false, ask).unwrap();
    let answer = wait(&mut connection, |packet| match packet {
        Packet::Publish(p) if p.topic == request => {
            let message: Value = serde_json::from_slice(&p.payload).unwrap();
            message.get("data").is_some().then_some(message)
        }
        _ => None,
    });
    assert_eq!(answer.get("data"), pushed.get("data"));
    assert_eq!(answer.get("id"), pushed.get("id"));

    // The other way to ask, for the device and for a module that nobody has.
    let get = format!("/sys/{PRODUCT}/{DEVICE}/thing/ota/firmware/get");
    let reply = format!("{get}_reply");
    client.subscribe(&reply, QoS::AtLeastOnce).unwrap();
    wait(&mut connection, |p| matches!(p, Packet::SubAck(_)).then_some(()));
    for (params, data) in [("{}", pushed.get("data").unwrap().clone()), (r#"{"module":"m"}"#, json!({}))] {
        let ask =
            format!(r#"{{"id":"7","version":"1.0","params":{params},"method":"thing.ota.firmware.get"}}"#);
        client.publish(&get, QoS::AtLeastOnce, false, ask).unwrap();
        let answer: Value = wait(&mut connection, |packet| match packet {
            Packet::Publish(p) if p.topic == reply => Some(serde_json::from_slice(&p.payload).unwrap()),
            _ => None,
        });
        assert_eq!(answer.get("data"), Some(&data));
        assert_eq!(
            (answer.pointer("/id").unwrap(), answer.pointer("/code").unwrap()),
            (&json!("7"), &json!(200))
        );
    }
}

fn check_origin(origin: &str, path: &str, bytes: &[u8]) {
    let (head, body) = http(origin, "GET", path, "");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(body, bytes);
    let tag = head.split("etag: ").nth(1).unwrap().split('\r').next().unwrap().to_owned();

    let current = format!("Range: bytes=59990-\r\nIf-Range: {tag}\r\n");
    let outdated = "Range: bytes=59990-\r\nIf-Range: \"other\"\r\n";
    for (method, headers, status, field, wanted) in [
        ("GET", "", "200", "content-length: 60000", bytes),
        ("HEAD", "", "200", "content-length: 60000", &[]),
        ("GET", "Range: bytes=100-199\r\n", "206", "content-range: bytes 100-199/60000", &bytes[100..200]),
        ("GET", current.as_str(), "206", "content-range: bytes 59990-59999/60000", &bytes[59_990..]),
        ("GET", outdated, "200", "content-length: 60000", bytes),
        ("GET", "Range: bytes=60000-\r\n", "416", "content-range: bytes */60000", &[]),
    ] {
        let (head, body) = http(origin, method, path, headers);
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{headers}: {head}");
        assert!(head.contains(&format!("{field}\r\n")), "{headers}: {head}");
        assert_eq!(body, wanted, "{headers}");
    }
    let (head, _) = http(origin, "GET", "/firmware/none/fw.bin", "");
    assert!(head.starts_with("http/1.1 404"), "{head}");
}

#[test]
fn a_wrong_secret_and_an_unknown_device_are_refused() {
    let mut cloud = Cloud::new("refused");
    let (broker, _) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let refused = || {
        let (_client, mut connection) = connect(&broker, PASSWORD);
        match connection.iter().next().unwrap() {
            Err(ConnectionError::ConnectionRefused(code)) => code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(), ConnectReturnCode::BadUserNamePassword);
    cloud.ok(&["device", "add", PRODUCT, DEVICE, "another"]);
    assert_eq!(refused(), ConnectReturnCode::BadUserNamePassword);
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let (_client, mut connection) = connect(&broker, PASSWORD);
    wait(&mut connection, |p| matches!(p, Packet::ConnAck(_)).then_some(()));
    assert!(cloud.ok(&["status", PRODUCT, DEVICE]).contains("yes"));
}

#[test]
fn exit_codes() {
    let cloud = Cloud::new("codes");
    let file = cloud.path("fw.bin");
    image(&file, 10);
    let name = file.to_str().unwrap();
    let code = |words: &[&str]| cloud.run(words).status.code();
    assert_eq!(code(&["push", PRODUCT, DEVICE]), Some(3));
    assert_eq!(code(&["status", PRODUCT, DEVICE]), Some(1));
    assert_eq!(code(&["device", "add", "../x", DEVICE, SECRET]), Some(1));
    assert_eq!(code(&["frobnicate"]), Some(2));
    let add = ["firmware", "add", name, "--product", PRODUCT, "--version", "1"];
    assert_eq!(code(&add), Some(0));
    assert_eq!(code(&add), Some(1), "the same version again");
    assert_eq!(code(&[&add[..], &["--replace"]].concat()), Some(0));
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    assert_eq!(code(&["status", PRODUCT, DEVICE, "--wait", "0"]), Some(4));
}

/// A plain broker without any sign-in, as a deployment of its own would be.
fn foreign_broker() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = rumqttd::ServerSettings {
        name: "plain".into(),
        listen: free,
        tls: None,
        next_connection_delay_ms: 0,
        connections: rumqttd::ConnectionSettings {
            connection_timeout_ms: 5_000,
            max_payload_size: 65_536,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: false,
        },
    };
    let router = rumqttd::RouterConfig {
        max_connections: 100,
        max_outgoing_packet_count: 200,
        max_segment_size: 1 << 20,
        max_segment_count: 4,
        ..rumqttd::RouterConfig::default()
    };
    let v4 = Some(HashMap::from([("plain".to_owned(), server)]));
    let mut broker = rumqttd::Broker::new(rumqttd::Config { router, v4, ..rumqttd::Config::default() });
    std::thread::spawn(move || broker.start().unwrap());
    let start = Instant::now();
    while TcpStream::connect(free).is_err() {
        assert!(start.elapsed() < PATIENCE, "the broker does not get ready");
        std::thread::sleep(Duration::from_millis(20));
    }
    free.to_string()
}

#[test]
fn an_external_broker_and_remote_configuration() {
    let mut cloud = Cloud::new("external");
    let file = cloud.path("config.json");
    std::fs::write(&file, r#"{"interval":5}"#).unwrap();
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let broker = foreign_broker();
    let (_, origin) = cloud.serve(&["--broker", &format!("mqtt://{broker}")]);
    let (client, mut connection) = connect(&broker, "anything");
    let sys = |rest: &str| format!("/sys/{PRODUCT}/{DEVICE}/thing/{rest}");
    for topic in ["config/get_reply", "config/push", "deviceinfo/update_reply"] {
        client.subscribe(sys(topic), QoS::AtMostOnce).unwrap();
        wait(&mut connection, |p| matches!(p, Packet::SubAck(_)).then_some(()));
    }
    let mut receive = |topic: &str| {
        wait(&mut connection, |packet| match packet {
            Packet::Publish(p) if p.topic == sys(topic) => {
                Some(serde_json::from_slice::<Value>(&p.payload).unwrap())
            }
            _ => None,
        })
    };
    let update = r#"{"id":"1","version":"1.0","params":[],"method":"thing.deviceinfo.update"}"#;
    client.publish(sys("deviceinfo/update"), QoS::AtLeastOnce, false, update).unwrap();
    assert_eq!(receive("deviceinfo/update_reply").get("code").unwrap(), 200);

    let get = r#"{"id" : 0,"version":"1.0","params":{"configScope":"product","getType":"file","attributeKeys":""},"method":"thing.config.get"}"#;
    client.publish(sys("config/get"), QoS::AtMostOnce, false, get).unwrap();
    assert_ne!(receive("config/get_reply").get("code").unwrap(), 200, "there is none yet");

    let set = ["config", "set", "--product", PRODUCT, "--file", file.to_str().unwrap(), "--push"];
    cloud.ok(&set);
    let pushed = receive("config/push");
    client.publish(sys("config/get"), QoS::AtMostOnce, false, get).unwrap();
    let reply = receive("config/get_reply");
    assert_eq!(reply.get("code").unwrap(), 200);
    assert_eq!(reply.get("data"), pushed.get("params"));
    assert_eq!(reply.pointer("/data/configSize").unwrap(), 14);
    let url = reply.pointer("/data/url").unwrap().as_str().unwrap();
    let path = url.strip_prefix(&format!("http://{origin}")).unwrap();
    assert_eq!(http(&origin, "GET", path, "").1, br#"{"interval":5}"#);
}

#[test]
fn a_killed_server_leaves_its_memory() {
    let mut cloud = Cloud::new("killed");
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let (broker, _) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let again = cloud.run(&["serve", "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    assert_eq!(again.status.code(), Some(1), "two servers on one directory");
    let (client, mut connection) = connect(&broker, PASSWORD);
    let inform = format!("/ota/device/inform/{PRODUCT}/{DEVICE}");
    let report = r#"{"id":"2","params":{"version":"3.1"}}"#;
    client.publish(&inform, QoS::AtLeastOnce, false, report).unwrap();
    let start = Instant::now();
    while !cloud.ok(&["device", "list"]).contains("3.1") {
        assert!(start.elapsed() < PATIENCE, "the report does not arrive");
        let _ = connection.recv_timeout(Duration::from_millis(50));
    }
    let mut server = cloud.server.take().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    // The address file is still there; commands see that nobody answers and use the files.
    assert!(cloud.path("data/server.json").exists());
    assert!(cloud.ok(&["device", "list"]).contains("3.1"));
    assert_eq!(cloud.run(&["push", PRODUCT, DEVICE]).status.code(), Some(3));
    std::fs::remove_file(cloud.path("ready.json")).unwrap();
    cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    assert!(cloud.ok(&["device", "list"]).contains("3.1"));
}
