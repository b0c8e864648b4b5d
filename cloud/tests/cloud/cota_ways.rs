// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways of a configuration to a device beside a push to the device itself: asked for, by a gateway, from the console.

use std::time::Duration;

use rumqttc::{Packet, QoS};
use serde_json::{Value, json};

use crate::console::{ask, get, send};
use crate::cota::{Bench, json_of, path_of, sys, until};
use crate::hub::{self, Raw, publish, subscribe};
use crate::jobs::count;
use crate::support::{Cloud, DEVICE, PASSWORD, PRODUCT, SECRET, device, http, wait};

/// A device that asks, fetches in parts, and answers late, by hand.
#[test]
fn asked_for_and_fetched_in_parts() {
    let bench = Bench::new(Cloud::new("cota-get"), 0);
    let of_product = bench.set_config("c", &[]);
    bench.cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    let (client, mut connection) = device(&bench.broker, PASSWORD, true);
    client.subscribe(sys(DEVICE, "get_reply"), QoS::AtLeastOnce).unwrap();
    let mut ask = || -> Value {
        client.publish(sys(DEVICE, "get"), QoS::AtLeastOnce, false, r#"{"id":7,"params":{}}"#).unwrap();
        wait(&mut connection, |packet| match packet {
            Packet::Publish(p) if p.topic == sys(DEVICE, "get_reply") => {
                serde_json::from_slice(&p.payload).ok()
            }
            _ => None,
        })
    };
    assert_eq!(ask()["data"]["configId"], of_product.as_str());
    let (id, a) = bench.create("a", &[]);
    bench.act(&id, &["approve", "start"]);
    let answer = ask();
    assert_eq!((&answer["id"], &answer["data"]["configId"]), (&json!("7"), &json!(a)), "its job's first");
    let path = path_of(&answer["data"]["url"]);
    let size = answer["data"]["configSize"].as_u64().unwrap();
    // Neither the head alone, nor a part before the last byte, nor what is not there.
    for (method, range) in [
        ("HEAD", String::new()),
        ("GET", "Range: bytes=0-9\r\n".to_owned()),
        ("GET", format!("Range: bytes={}-{}\r\n", size - 9, size - 2)),
        ("GET", format!("Range: bytes={size}-\r\n")),
    ] {
        http(&bench.origin, method, &path, &range);
    }
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(bench.cloud.update()["state"], "downloading");
    let forged = path.replace(&format!("/{a}/"), &format!("/{of_product}/"));
    assert!(http(&bench.origin, "GET", &forged, "").0.starts_with("http/1.1 403"));
    let (head, rest) = http(&bench.origin, "GET", &path, "Range: bytes=10-\r\n");
    assert!(head.starts_with("http/1.1 206") && rest.len() as u64 == size - 10, "{head}");
    let job = bench.wait(&id, "done");
    assert_eq!(count(&job, "succeeded"), 1, "{job}");
    // Now it is the device's own, and its address is no order's.
    let answer = ask();
    assert_eq!(answer["data"]["configId"], a.as_str());
    let body = http(&bench.origin, "GET", &path_of(&answer["data"]["url"]), "").1;
    assert_eq!(body, std::fs::read(bench.cloud.path("a")).unwrap());
    // What the cloud keeps for itself, no device can say.
    for topic in ["inform", "progress"] {
        let words = r#"{"params":{"version":"x","step":"-1","module":"$config"}}"#;
        let topic = format!("/ota/device/{topic}/{PRODUCT}/{DEVICE}");
        client.publish(topic, QoS::AtLeastOnce, false, words).unwrap();
    }
    assert_eq!(ask()["data"]["configId"], a.as_str());
    assert_eq!(bench.cloud.update()["state"], "succeeded");
}

/// A gateway listens, answers and fetches for its sub-device.
#[test]
fn of_a_sub_device() {
    let (cloud, broker) = hub::cloud("cota-sub");
    let ready: Value = serde_json::from_slice(&std::fs::read(cloud.path("ready.json")).unwrap()).unwrap();
    let origin = ready["http"].as_str().unwrap().strip_prefix("http://").unwrap();
    let file = cloud.path("c.json");
    std::fs::write(&file, "{}").unwrap();
    cloud.ok(&["job", "create", PRODUCT, "--config", file.to_str().unwrap(), "--device", "s"]);
    for action in ["approve", "start"] {
        cloud.ok(&["job", action, "1"]);
    }
    let mut gateway = Raw::device(&broker, "g");
    gateway.send(&subscribe(1, &[(&sys("s", "push"), 0)]));
    let push = loop {
        let packet = gateway.next().unwrap();
        if packet[0] >> 4 == 3 {
            break json_of(&packet);
        }
    };
    assert_eq!(http(origin, "GET", &path_of(&push["params"]["url"]), "").1, b"{}");
    let shown = |state: &str| cloud.ok(&["job", "show", "1"]).contains(state);
    until("all of it is fetched", || shown("s stage 1 installing 100 %"));
    let answer = json!({ "id": push["id"], "code": 200, "data": {} }).to_string();
    gateway.send(&publish(&sys("s", "push_reply"), &answer, 2));
    until("the gateway has answered", || shown("s stage 1 succeeded 100 %"));
}

/// A form with a file, as a browser sends it.
fn upload(origin: &str, bytes: &str) -> u16 {
    let part = |name: &str, value: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"rate.json\"\r\n\r\n";
    let body = format!("{}{}{file}{bytes}\r\n--x--\r\n", part("module", "$config"), part("product", PRODUCT));
    let headers = "Content-Type: multipart/form-data; boundary=x\r\nAccept-Language: en\r\n";
    ask(origin, "POST", "/console/upload", headers, body.as_bytes()).0
}

#[test]
fn from_the_console() {
    let bench = Bench::new(Cloud::new("cota-web"), 2);
    let origin = bench.origin.as_str();
    assert_eq!(
        (upload(origin, "{\"rate\":5}"), upload(origin, "{\"rate\":5}")),
        (303, 303),
        "it is the same"
    );
    assert_eq!(upload(origin, ""), 400);
    let (_, page) = get(origin, "/console/firmware");
    assert_eq!(page.matches("rate.json").count(), 1, "{page}");
    let (_, page) = get(origin, "/console/jobs/new?firmware=1");
    assert!(
        page.contains("· Configuration · rate.json") && page.contains("Devices are sent a push."),
        "{page}"
    );
    assert!(!page.contains("name=\"onenet\""), "it is for Aliyun's devices");
    let fields =
        "firmware=1&name=rates&verify=d0&stages=50%3A100&error_percent=20&error_min=1&timeout=5&offset=0";
    let (_, _, page) = send(origin, "/console/jobs/preview", fields);
    assert!(page.contains("2 devices would get it now."), "{page}");
    let (status, job, page) = send(origin, "/console/jobs", fields);
    assert_eq!((status, job.as_str()), (303, "/console/jobs/1"), "{page}");
    assert_eq!(send(origin, "/console/jobs/1/verify", "").0, 303);
    bench.wait("1", "verified");
    for action in ["approve", "start"] {
        assert_eq!(send(origin, &format!("/console/jobs/1/{action}"), "").0, 303, "{action}");
    }
    bench.wait("1", "done");
    let chinese = "Accept-Language: zh\r\n";
    for (path, english) in [
        ("/console/jobs", "· Configuration"),
        ("/console/jobs/1", "<dd>Configuration</dd>"),
        ("/console/firmware", "Configuration"),
        (&format!("/console/devices/{PRODUCT}/d1"), "<dt>Configuration</dt>"),
    ] {
        assert!(get(origin, path).1.contains(english), "{path}");
        let (_, _, page) = ask(origin, "GET", path, chinese, b"");
        assert!(page.contains("远程配置") && !page.contains("Configuration"), "{path}");
    }
    to_one_device(&bench);
}

/// By hand, without a job.
fn to_one_device(bench: &Bench) {
    let origin = bench.origin.as_str();
    assert_eq!(upload(origin, "{\"rate\":6}"), 303);
    assert_eq!(send(origin, &format!("/console/devices/{PRODUCT}/d1/push"), "firmware=2").0, 303);
    let state = || -> Value {
        let status: Value =
            serde_json::from_str(&bench.cloud.ok(&["status", PRODUCT, "d1", "--json"])).unwrap();
        status["devices"][0]["updates"][1]["state"].clone()
    };
    until("d1 has it", || state() == "succeeded");
}
