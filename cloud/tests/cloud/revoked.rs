// SPDX-License-Identifier: MIT OR Apache-2.0
//! Devices that are sent away, secrets that stay secret, and a server that refuses a large image.

use serde_json::json;

use crate::hub::{Raw, publish, secret, sign_in, subscribe};
use crate::postgres::Postgres;
use crate::support::{Cloud, PRODUCT};

/// A cloud with devices `a`, `b` and a gateway `g`, on either database.
fn on_both(name: &str, test: impl Fn(&Cloud, &str)) {
    let postgres = Postgres::start(name);
    for mut cloud in [Cloud::new(name), Cloud::on(&format!("{name}-postgres"), &postgres.url())] {
        for device in ["a", "b", "g"] {
            cloud.ok(&["device", "add", PRODUCT, device, &secret(device), "--ps", "product"]);
        }
        let (broker, _) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
        test(&cloud, &broker);
    }
}

#[test]
fn a_device_that_is_deleted_or_has_a_new_secret_is_sent_away() {
    on_both("revoked", |cloud, broker| {
        let (mut a, mut b) = (Raw::device(broker, "a"), Raw::device(broker, "b"));
        cloud.ok(&["device", "add", PRODUCT, "a", &secret("a")]);
        assert!(a.ping().is_empty(), "its secret is the same");
        cloud.ok(&["device", "add", PRODUCT, "a", "another"]);
        assert_eq!(a.next(), None);
        assert_eq!(Raw::connect(broker, &sign_in("a", &secret("a"), true)).next().unwrap(), [0x20, 2, 0, 4]);
        assert_eq!(Raw::connect(broker, &sign_in("a", "another", true)).next().unwrap(), [0x20, 2, 0, 0]);
        cloud.ok(&["device", "delete", PRODUCT, "b"]);
        assert_eq!(b.next(), None);
        // What its session knew is gone too.
        cloud.ok(&["device", "add", PRODUCT, "b", &secret("b")]);
        let again = Raw::connect(broker, &sign_in("b", &secret("b"), false)).next().unwrap();
        assert_eq!(again, [0x20, 2, 0, 0]);
    });
}

#[test]
fn a_gateway_is_not_told_the_secret_of_a_device_that_is_on_line_by_itself() {
    on_both("told", |_, broker| {
        let mut gateway = Raw::device(broker, "g");
        gateway.send(&subscribe(1, &[(&format!("/sys/{PRODUCT}/g/#"), 0)]));
        let mut asked = |id: u16, name: &str| {
            let params = [json!({ "productKey": PRODUCT, "deviceName": name })];
            let message = json!({ "id": id.to_string(), "params": params }).to_string();
            gateway.send(&publish(&format!("/sys/{PRODUCT}/g/thing/sub/register"), &message, id));
            loop {
                let packet = gateway.next().unwrap();
                let text = String::from_utf8_lossy(&packet).into_owned();
                if text.contains("register_reply") {
                    return text.contains(&secret(name));
                }
            }
        };
        assert!(asked(2, "a"), "it has never been on line");
        let mut a = Raw::device(broker, "a");
        a.send(&publish(&format!("/ota/device/inform/{PRODUCT}/a"), r#"{"params":{"version":"1.0"}}"#, 1));
        a.next().unwrap();
        assert!(!asked(3, "a"), "it has been now");
        assert!(asked(4, "b"));
    });
}

#[test]
fn the_server_says_why_it_does_not_take_a_large_image() {
    let mut cloud = Cloud::new("refused-early");
    let image = cloud.path("large");
    std::fs::File::create(&image).unwrap().set_len(40 << 20).unwrap();
    let image = image.to_str().unwrap();
    let add = ["firmware", "add", image, "--product", PRODUCT, "--version", "2.0.0"];
    cloud.ok(&add);
    cloud.serve(&["--mqtt", "127.0.0.1:0", "--max-image", "20"]);
    for (replace, wanted) in [(&[][..], "exists already (use --replace)"), (&["--replace"], "larger than")] {
        let refused = cloud.run(&[&add[..], replace].concat());
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1));
        assert!(said.contains(wanted), "{said}");
    }
}
