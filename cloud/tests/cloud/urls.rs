// SPDX-License-Identifier: MIT OR Apache-2.0
//! The URLs of offers: only those that were given out, and only for a while.

use std::time::{Duration, Instant};

use rumqttc::{Connection, QoS};
use serde_json::{Value, json};

use crate::support::*;

/// A cloud with a device, an image and a server; the device is on line.
fn offering(name: &str, options: &[&str]) -> (Cloud, String, rumqttc::Client, Connection, Vec<u8>) {
    let mut cloud = Cloud::new(name);
    let bytes = image(&cloud.path("fw.bin"), 20_000);
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let file = cloud.path("fw.bin");
    cloud.ok(&["firmware", "add", file.to_str().unwrap(), "--product", PRODUCT, "--version", "2.0.0"]);
    let (broker, origin) = cloud.serve(&[&["--mqtt", "127.0.0.1:0"], options].concat());
    let (client, mut connection) = connect(&broker, PASSWORD);
    client.subscribe(format!("/ota/device/upgrade/{PRODUCT}/{DEVICE}"), QoS::AtLeastOnce).unwrap();
    client
        .subscribe(format!("/sys/{PRODUCT}/{DEVICE}/thing/ota/firmware/get_reply"), QoS::AtLeastOnce)
        .unwrap();
    let mut acks = 0;
    wait(&mut connection, |packet| {
        acks += u8::from(matches!(packet, rumqttc::Packet::SubAck(_)));
        (acks == 2).then_some(())
    });
    (cloud, origin, client, connection, bytes)
}

/// The path and query of an offer's URL.
fn target(offer: &Value) -> String {
    let url = offer.pointer("/data/url").and_then(Value::as_str).unwrap();
    format!("/{}", url.splitn(4, '/').nth(3).unwrap())
}

fn status(origin: &str, target: &str) -> u16 {
    http(origin, "GET", target, "").0.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The answer to a request for the open offer.
fn asked_again(client: &rumqttc::Client, connection: &mut Connection) -> Value {
    let body = json!({ "id": "7", "params": {}, "method": "thing.ota.firmware.get" }).to_string();
    client
        .publish(format!("/sys/{PRODUCT}/{DEVICE}/thing/ota/firmware/get"), QoS::AtMostOnce, false, body)
        .unwrap();
    wait(connection, |packet| match packet {
        rumqttc::Packet::Publish(p) if p.topic.ends_with("get_reply") => {
            serde_json::from_slice(&p.payload).ok()
        }
        _ => None,
    })
}

#[test]
fn forged_ones_are_refused() {
    let (mut cloud, origin, _client, mut connection, bytes) = offering("urls-forged", &[]);
    cloud.ok(&["push", PRODUCT, DEVICE]);
    let good = target(&wait(&mut connection, offer));
    assert_eq!(http(&origin, "GET", &good, "").1, bytes);
    assert!(http(&origin, "GET", &good, "Range: bytes=10-19\r\n").0.starts_with("http/1.1 206"));
    let (path, query) = good.split_once('?').unwrap();
    let expires: u64 = query.strip_prefix("Expires=").unwrap().split('&').next().unwrap().parse().unwrap();
    let day = expires - std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!((86_000..=86_400).contains(&day), "a day: {day}");
    let longer = good.replace(&format!("Expires={expires}"), &format!("Expires={}", expires + 1));
    let (head, last) = good.split_at(good.len() - 1);
    let other = if last == "0" { "1" } else { "0" };
    for forged in [
        path.to_owned(),
        format!("{path}?"),
        format!("{path}?Expires={expires}"),
        format!("{path}?Expires={expires}&Signature="),
        format!("{path}?Expires={expires}&Signature={}", "0".repeat(64)),
        longer,
        head.to_owned(),
        format!("{head}{other}"),
        format!("{good}00"),
        good.replace("/firmware/1/", "/firmware/2/"),
        good.replace("fw.bin", "fw%2ebin"),
        good.replace("/firmware/", "//firmware/"),
        format!("/config/{PRODUCT}/1?{query}"),
    ] {
        let answer = status(&origin, &forged);
        assert!(matches!(answer, 403 | 404 | 421), "{forged}: {answer}");
        if forged.starts_with("/firmware/") {
            assert_eq!(answer, 403, "{forged}");
        }
    }
    assert_eq!(status(&origin, &format!("{good}&Expires={expires}")), 400, "twice");
    // The key outlives the process: what was given out stays good.
    cloud.kill();
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    assert_eq!(status(&origin, &good), 200);
}

#[test]
fn one_that_has_ended_is_renewed() {
    let (cloud, origin, client, mut connection, bytes) = offering("urls-ended", &["--url-life", "1"]);
    cloud.ok(&["push", PRODUCT, DEVICE]);
    let first = target(&wait(&mut connection, offer));
    let start = Instant::now();
    while status(&origin, &first) != 403 {
        assert!(start.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    let text = String::from_utf8(http(&origin, "GET", &first, "").1).unwrap();
    assert!(text.contains("has ended; ask for the firmware again"), "{text}");
    // A download that was half done goes on with the new one; a slow machine gets more than one try.
    let start = Instant::now();
    loop {
        let second = target(&asked_again(&client, &mut connection));
        assert_ne!(first, second);
        let (head, body) = http(&origin, "GET", &second, "Range: bytes=10000-\r\n");
        if head.starts_with("http/1.1 206") {
            assert_eq!(body, bytes[10_000..]);
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{head}");
    }
}
