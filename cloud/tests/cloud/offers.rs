// SPDX-License-Identifier: MIT OR Apache-2.0
//! An order reaches its device, however the device comes and goes.

use std::time::{Duration, Instant};

use rumqttc::{Packet, QoS};
use serde_json::Value;

use crate::support::{
    Cloud, DEVICE, Mosquitto, PASSWORD, PATIENCE, PRODUCT, SECRET, device, image, offer, wait,
};

fn upgrade() -> String {
    format!("/ota/device/upgrade/{PRODUCT}/{DEVICE}")
}

fn inform() -> String {
    format!("/ota/device/inform/{PRODUCT}/{DEVICE}")
}

/// A cloud with the device and two firmwares.
fn cloud(name: &str) -> Cloud {
    let cloud = Cloud::new(name);
    let file = cloud.path("fw.bin");
    image(&file, 1000);
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    for version in ["2.0.0", "3.0.0"] {
        let add = ["firmware", "add", file.to_str().unwrap(), "--product", PRODUCT, "--version", version];
        cloud.ok(&add);
    }
    cloud
}

#[test]
fn a_push_to_a_device_with_a_clean_session_that_is_away() {
    let mut cloud = cloud("away");
    let (broker, _) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    {
        let (client, mut connection) = device(&broker, PASSWORD, true);
        client.subscribe(upgrade(), QoS::AtLeastOnce).unwrap();
        wait(&mut connection, |p| matches!(p, Packet::SubAck(_)).then_some(()));
    }
    let start = Instant::now();
    while cloud.ok(&["status", PRODUCT, DEVICE]).contains(" yes ") {
        assert!(start.elapsed() < PATIENCE, "still on line");
        std::thread::sleep(Duration::from_millis(20));
    }
    cloud.ok(&["push", PRODUCT, DEVICE, "--version", "2.0.0"]);
    assert_eq!(cloud.update().get("pushes").unwrap(), 0);
    let (client, mut connection) = device(&broker, PASSWORD, true);
    client.subscribe(upgrade(), QoS::AtLeastOnce).unwrap();
    assert_eq!(wait(&mut connection, offer).pointer("/data/version").unwrap(), "2.0.0");
    assert_eq!(cloud.update().get("pushes").unwrap(), 1);
}

#[test]
fn an_open_order_survives_a_restart_of_the_cloud_and_is_given_at_the_next_report() {
    let mut cloud = cloud("again");
    let (broker, _) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    cloud.ok(&["push", PRODUCT, DEVICE, "--version", "2.0.0"]);
    cloud.kill();
    let (broker_now, _) = cloud.serve(&["--mqtt", &broker]);
    assert_eq!(broker_now, broker);
    for round in 1..=3 {
        // Each time the device takes the offer, loses its power, and comes back with the old version.
        let (client, mut connection) = device(&broker, PASSWORD, true);
        client.subscribe(upgrade(), QoS::AtLeastOnce).unwrap();
        let report = r#"{"id":"1","params":{"version":"1.0.0"}}"#;
        client.publish(inform(), QoS::AtLeastOnce, false, report).unwrap();
        assert_eq!(wait(&mut connection, offer).pointer("/data/version").unwrap(), "2.0.0", "{round}");
        let progress = format!("/ota/device/progress/{PRODUCT}/{DEVICE}");
        client.publish(progress, QoS::AtLeastOnce, false, r#"{"params":{"step":"10"}}"#).unwrap();
        // The third of its messages: who does not wait for that does not send it.
        wait(&mut connection, |p| matches!(p, Packet::PubAck(ack) if ack.pkid == 3).then_some(()));
        cloud.wait_for_state("downloading");
    }
    assert_eq!(cloud.update().get("pushes").unwrap(), 3);
}

#[test]
fn a_report_on_the_same_connection_gets_the_open_order_again() {
    let mut cloud = cloud("same");
    let (broker, _) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let (client, mut connection) = device(&broker, PASSWORD, false);
    client.subscribe(upgrade(), QoS::AtLeastOnce).unwrap();
    wait(&mut connection, |p| matches!(p, Packet::SubAck(_)).then_some(()));
    cloud.ok(&["push", PRODUCT, DEVICE, "--version", "2.0.0"]);
    let first = wait(&mut connection, offer);
    std::thread::sleep(Duration::from_millis(700)); // Longer than the time to settle.
    client.publish(inform(), QoS::AtLeastOnce, false, r#"{"params":{"version":"1.0.0"}}"#).unwrap();
    // Its address is a fresh one.
    let without_url = |mut offer: Value| {
        offer["data"]["url"] = Value::Null;
        offer
    };
    assert_eq!(without_url(wait(&mut connection, offer)), without_url(first));
}

#[test]
fn the_newest_order_counts() {
    let mut cloud = cloud("newest");
    let (broker, _) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    cloud.ok(&["push", PRODUCT, DEVICE, "--version", "2.0.0"]);
    cloud.ok(&["push", PRODUCT, DEVICE, "--version", "3.0.0"]);
    let status: Value = serde_json::from_str(&cloud.ok(&["status", PRODUCT, DEVICE, "--json"])).unwrap();
    let updates = status.pointer("/devices/0/updates").unwrap().as_array().unwrap();
    let states: Vec<&str> = updates.iter().map(|u| u["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["superseded", "queued"]);
    let (client, mut connection) = device(&broker, PASSWORD, true);
    client.subscribe(upgrade(), QoS::AtLeastOnce).unwrap();
    assert_eq!(wait(&mut connection, offer).pointer("/data/version").unwrap(), "3.0.0");
}

#[test]
fn connect_and_subscribe_in_one_segment() {
    use std::io::{Read, Write};
    let mut cloud = cloud("segment");
    let (broker, _) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    cloud.ok(&["push", PRODUCT, DEVICE, "--version", "2.0.0"]);
    let mut stream = std::net::TcpStream::connect(&broker).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let subscribe = crate::hub::subscribe(7, &[(&upgrade(), 1)]);
    stream.write_all(&[crate::hub::sign_in(DEVICE, SECRET, true), subscribe].concat()).unwrap();
    let mut heard: Vec<u8> = Vec::new();
    while !heard.windows(5).any(|w| w == b"2.0.0") {
        let mut bytes = [0; 1024];
        let n = stream.read(&mut bytes).unwrap();
        assert!(n > 0, "the cloud hung up");
        heard.extend(&bytes[..n]);
    }
}

#[test]
fn what_a_push_may_not_mean_is_remarked() {
    let mut cloud = cloud("remark");
    let (broker, _) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let (client, mut connection) = device(&broker, PASSWORD, true);
    client.publish(inform(), QoS::AtLeastOnce, false, r#"{"params":{"version":"2.0.0"}}"#).unwrap();
    wait(&mut connection, |p| matches!(p, Packet::PubAck(_)).then_some(()));
    let push = |version: &str| cloud.run(&["push", PRODUCT, DEVICE, "--version", version]);
    let said = |version: &str| String::from_utf8(push(version).stderr).unwrap();
    assert!(said("2.0.0").contains("runs 2.0.0 already"), "{}", said("2.0.0"));
    assert_eq!(said("3.0.0"), "");
    let unknown = said("9.9");
    assert!(unknown.contains("no firmware 9.9 for product"), "{unknown}");
}

#[test]
fn a_broker_that_is_restarted_hears_from_the_cloud_again() {
    let mut cloud = cloud("restart");
    let mut broker = Mosquitto::start(cloud.path("mosquitto"));
    cloud.serve(&["--broker", &format!("mqtt://{}", broker.address())]);
    let names: Vec<String> = (0..400).map(|n| format!("other{n}")).collect();
    broker.stop();
    // More than the client's queue holds, while the broker is away.
    cloud.control(|post| {
        for name in &names {
            post(
                "/api/devices",
                &serde_json::json!({"product_key": PRODUCT, "device_name": name, "device_secret": "s"}),
            );
            let order = serde_json::json!({"product_key": PRODUCT, "device_name": name, "version": "2.0.0"});
            post("/api/push", &order);
        }
    });
    broker.run();
    let start = Instant::now();
    loop {
        // A device reports until the cloud has heard it.
        let (client, mut connection) = device(&broker.address(), "anything", true);
        client.publish(inform(), QoS::AtLeastOnce, false, r#"{"params":{"version":"1.0.0"}}"#).unwrap();
        wait(&mut connection, |p| matches!(p, Packet::PubAck(_)).then_some(()));
        std::thread::sleep(Duration::from_millis(200));
        if cloud.ok(&["device", "list"]).contains(&format!("{DEVICE} 1.0.0")) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "the cloud is deaf");
    }
}
