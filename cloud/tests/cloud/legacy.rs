// SPDX-License-Identifier: MIT OR Apache-2.0
//! A data directory of version 0.1 is taken over whole, once; a hostile one is not taken at all.

use serde_json::{Value, json};

use crate::support::{Cloud, DEVICE, PRODUCT, http};

fn put(cloud: &Cloud, path: &str, value: &Value) {
    let path = cloud.path("data").join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, value.to_string()).unwrap();
}

fn digests(bytes: &[u8]) -> (String, String) {
    use sha2::Digest;
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    (hex(&md5::Md5::digest(bytes)), hex(&sha2::Sha256::digest(bytes)))
}

/// What version 0.1 left: a device with a history, a gateway's sub-device, firmware, a configuration.
fn old_directory(name: &str) -> Cloud {
    let cloud = Cloud::new(name);
    let (md5, sha256) = digests(b"the image");
    let content = |name: &str| json!({ "name": name, "size": 9, "md5": md5, "sha256": sha256 });
    let id = format!("{PRODUCT}-2.0.0");
    put(
        &cloud,
        &format!("firmware/{id}/firmware.json"),
        &json!({ "id": id, "product_key": PRODUCT, "version": "2.0.0",
        "auto": true, "omit_md5": false, "added_at": "2026-01-31T23:59:59.123Z", "content": content("fw.bin") }),
    );
    std::fs::write(cloud.path("data").join("firmware").join(&id).join("fw.bin"), b"the image").unwrap();
    put(
        &cloud,
        &format!("config/{PRODUCT}/config.json"),
        &json!({ "product_key": PRODUCT, "id": "x", "content": content("c.json") }),
    );
    std::fs::write(cloud.path("data").join("config").join(PRODUCT).join("c.json"), b"the image").unwrap();
    let step = |n: i32| json!({ "at": "2026-02-01T00:00:00.001Z", "step": n, "desc": format!("at {n}") });
    put(
        &cloud,
        &format!("devices/{PRODUCT}/{DEVICE}.json"),
        &json!({ "product_key": PRODUCT, "device_name": DEVICE,
        "device_secret": "s3cret", "version": "1.0.0", "version_at": "2026-02-01T00:00:00.000Z", "gateway": format!("{PRODUCT}/zz"),
        "modules": { "app": "7" }, "updates": [
            { "id": 1, "from": "0.9", "to": "1.0.0", "firmware": "gone", "pushes": 2, "pushed_at": "2026-01-01T00:00:00.000Z",
              "state": "succeeded", "ended_at": "2026-01-01T00:01:00.000Z", "steps": [step(0), step(100)] },
            { "id": 2, "from": "1.0.0", "to": "2.0.0", "firmware": id, "pushes": 1, "pushed_at": "2026-02-01T00:00:00.000Z",
              "state": "pushed", "steps": [] }] }),
    );
    put(
        &cloud,
        &format!("devices/{PRODUCT}/zz.json"),
        &json!({ "product_key": PRODUCT, "device_name": "zz", "device_secret": "s" }),
    );
    put(
        &cloud,
        &format!("onenet/{PRODUCT}/{DEVICE}.json"),
        &json!({ "product_key": PRODUCT, "device_name": DEVICE, "tasks": [
        { "tid": 7, "token": "ota_0", "token_at": 1, "state": "waiting", "steps": [3], "order": { "firmware": id, "kind": 2,
          "signal": 0, "power": 0, "retry": 0, "interval": 0, "token_life": 60 } }] }),
    );
    cloud
}

#[test]
fn taken_over_once() {
    let mut cloud = old_directory("legacy");
    let (_, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let view = |cloud: &Cloud| -> Value {
        serde_json::from_str(&cloud.ok(&["status", PRODUCT, DEVICE, "--json"])).unwrap()
    };
    let status = view(&cloud);
    let device = &status["devices"][0];
    assert_eq!((&device["version"], &device["modules"]["app"]), (&json!("1.0.0"), &json!("7")));
    assert_eq!(device["gateway"], format!("{PRODUCT}/zz"));
    let updates = device["updates"].as_array().unwrap();
    let brief: Vec<_> =
        updates.iter().map(|u| (u["to"].as_str().unwrap(), u["state"].as_str().unwrap())).collect();
    assert_eq!(brief, [("1.0.0", "succeeded"), ("2.0.0", "pushed")]);
    assert_eq!(
        updates[0]["steps"][1],
        json!({ "at": "2026-02-01T00:00:00.001Z", "step": 100, "desc": "at 100" })
    );
    let firmware = &status["firmware"][0];
    assert_eq!((&firmware["auto"], &firmware["id"]), (&json!(true), &json!(format!("{PRODUCT}-2.0.0"))));
    let path = cloud.image_path(firmware["version"].as_str().unwrap());
    assert_eq!(http(&origin, "GET", &path, "").1, b"the image");
    assert!(cloud.ok(&["onenet", "tasks", PRODUCT, DEVICE]).contains("ota_0"));
    // What is deleted now does not come back with the next start.
    cloud.ok(&["device", "delete", PRODUCT, DEVICE]);
    cloud.kill();
    cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    assert!(!cloud.ok(&["device", "list"]).contains(DEVICE));
}

#[test]
fn a_directory_that_is_not_what_it_says_is_left_alone() {
    let evil = json!({ "product_key": "../../evil", "device_name": "d", "device_secret": "s" });
    let no_secret = json!({ "product_key": "p", "device_name": "d", "device_secret": "" });
    for (file, value) in [
        ("devices/a/evil.json", evil),
        ("devices/a/none.json", no_secret),
        ("devices/a/torn.json", json!("x")),
    ] {
        let cloud = old_directory("hostile-legacy");
        put(&cloud, file, &value);
        let refused = cloud.run(&["device", "list"]);
        assert_eq!(refused.status.code(), Some(1), "{file}");
        std::fs::remove_file(cloud.path("data").join(file)).unwrap();
        // Nothing was taken from the refused one: the next try is the first.
        assert_eq!(cloud.ok(&["device", "list"]).lines().count(), 2, "{file}");
    }
    // An image that is not the one of its description.
    let cloud = old_directory("other-image");
    std::fs::write(
        cloud.path("data").join("firmware").join(format!("{PRODUCT}-2.0.0")).join("fw.bin"),
        b"another x",
    )
    .unwrap();
    let refused = cloud.run(&["device", "list"]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("is not the image"), "the reason is told");
}
