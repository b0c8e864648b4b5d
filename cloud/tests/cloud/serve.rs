// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole cloud: a device signs in, reports, is offered firmware, downloads it and succeeds.

use std::time::{Duration, Instant};

use rumqttc::{ConnectReturnCode, ConnectionError, Packet, QoS};
use serde_json::{Value, json};

use crate::support::{
    Cloud, DEVICE, Mosquitto, PASSWORD, PATIENCE, PRODUCT, SECRET, connect, http, image, offer, wait,
};

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
    let update = cloud.wait_for_state("installing");
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
    assert_eq!(apart_from_signature(&answer), apart_from_signature(&pushed));
    assert_eq!(answer.get("id"), pushed.get("id"));

    // The other way to ask, for the device and for a module that nobody has.
    let get = format!("/sys/{PRODUCT}/{DEVICE}/thing/ota/firmware/get");
    let reply = format!("{get}_reply");
    client.subscribe(&reply, QoS::AtLeastOnce).unwrap();
    wait(&mut connection, |p| matches!(p, Packet::SubAck(_)).then_some(()));
    for (params, data) in [("{}", apart_from_signature(&pushed)), (r#"{"module":"m"}"#, json!({}))] {
        let ask =
            format!(r#"{{"id":"7","version":"1.0","params":{params},"method":"thing.ota.firmware.get"}}"#);
        client.publish(&get, QoS::AtLeastOnce, false, ask).unwrap();
        let answer: Value = wait(&mut connection, |packet| match packet {
            Packet::Publish(p) if p.topic == reply => Some(serde_json::from_slice(&p.payload).unwrap()),
            _ => None,
        });
        assert_eq!(apart_from_signature(&answer), data);
        assert_eq!(
            (answer.pointer("/id").unwrap(), answer.pointer("/code").unwrap()),
            (&json!("7"), &json!(200))
        );
    }
}

/// A message's data; each offer's URL has an end and a signature of its own.
fn apart_from_signature(message: &Value) -> Value {
    let mut data = message.get("data").unwrap().clone();
    if let Some(url) = data.get_mut("url") {
        *url = json!(url.as_str().unwrap().split('?').next());
    }
    data
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
    let (head, _) = http(origin, "GET", "/firmware/99/0/fw.bin", "");
    assert!(head.starts_with("http/1.1 403"), "{head}");
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

#[test]
fn an_external_broker_and_remote_configuration() {
    let mut cloud = Cloud::new("external");
    let file = cloud.path("config.json");
    std::fs::write(&file, r#"{"interval":5}"#).unwrap();
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let mosquitto = Mosquitto::start(cloud.path("mosquitto"));
    let broker = mosquitto.address();
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
