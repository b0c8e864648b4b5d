// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs whose devices are OneNET's: each gets a task when its turn comes, and what it reports moves the job.

use std::time::Instant;

use serde_json::{Value, json};

use crate::access::ask;
use crate::hub::{Raw, packet, subscribe, text};
use crate::planted::{base64, hmac};
use crate::support::{Cloud, PATIENCE, image};

const PRODUCT: &str = "123123";
const KEY: &[u8] = b"an access key of the test";

/// A device of the general API.
struct Device {
    origin: String,
    name: String,
}

impl Device {
    fn token(&self) -> String {
        let resource = format!("products/{PRODUCT}/devices/{}", self.name);
        let sign = base64(&hmac(KEY, &format!("4102444800\nsha256\n{resource}\n2018-10-31")));
        let escape = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        format!(
            "version=2018-10-31&res={}&et=4102444800&method=sha256&sign={}",
            escape(&resource),
            escape(&sign)
        )
    }

    /// The number of the answer, and its data.
    fn ask(&self, method: &str, path: &str, body: &str) -> (i64, Value) {
        let headers = format!("Authorization: {}\r\n", self.token());
        let (status, _, answer) = ask(&self.origin, method, path, &headers, body);
        assert_eq!(status, 200, "{path}: {answer}");
        (answer["errno"].as_i64().unwrap(), answer["data"].clone())
    }

    fn runs(&self, version: &str) {
        let body = json!({ "s_version": version, "f_version": "1.0.0" }).to_string();
        assert_eq!(self.ask("POST", &format!("/ota/device/version?dev_id={}", self.name), &body).0, 0);
    }

    fn check(&self, version: &str) -> (i64, Value) {
        self.ask("GET", &format!("/ota/south/check?dev_id={}&type=2&version={version}", self.name), "")
    }

    fn stands(&self, task: &str) -> i64 {
        self.ask("GET", &format!("/ota/south/download/{task}/check?dev_id={}", self.name), "").0
    }

    fn report(&self, task: &str, step: u32) -> i64 {
        let path = format!("/ota/south/device/download/{task}/progress?dev_id={}", self.name);
        self.ask("POST", &path, &json!({ "step": step }).to_string()).0
    }

    /// Does what a task orders, from the check to the new version.
    fn updates(&self, from: &str) -> String {
        let task = self.wait_for_task(from);
        let token = task["token"].as_str().unwrap();
        assert_eq!(self.stands(token), 0);
        for step in [50, 100, 201] {
            assert_eq!(self.report(token, step), 0, "{step}");
        }
        let version = task["target"].as_str().unwrap();
        self.runs(version);
        version.to_owned()
    }

    fn wait_for_task(&self, from: &str) -> Value {
        let start = Instant::now();
        loop {
            let (number, task) = self.check(from);
            if number == 0 {
                return task;
            }
            assert!(number == 11 && start.elapsed() < PATIENCE, "{}: {number}", self.name);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

fn job(cloud: &Cloud, id: i64) -> Value {
    serde_json::from_str(&cloud.ok(&["job", "show", &id.to_string(), "--json"])).unwrap()
}

fn until(cloud: &Cloud, id: i64, what: &str, done: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let job = job(cloud, id);
        if done(&job) {
            return job;
        }
        assert!(start.elapsed() < PATIENCE, "not {what}: {job}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// A cloud with devices that run 1.0.0, and firmware of both versions.
fn cloud(name: &str, count: usize) -> (Cloud, String, Vec<Device>) {
    let mut cloud = Cloud::new(name);
    image(&cloud.path("fw.bin"), 5_000);
    for version in ["1.0.0", "2.0.0"] {
        let file = cloud.path("fw.bin");
        cloud.ok(&["firmware", "add", file.to_str().unwrap(), "--product", PRODUCT, "--version", version]);
    }
    let names: Vec<String> = (1..=count).map(|n| format!("o{n}")).collect();
    for name in &names {
        cloud.ok(&["device", "add", PRODUCT, name, &base64(KEY)]);
    }
    let (broker, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    let devices: Vec<Device> =
        names.into_iter().map(|name| Device { origin: origin.clone(), name }).collect();
    devices.iter().for_each(|device| device.runs("1.0.0"));
    (cloud, broker, devices)
}

fn start(cloud: &Cloud, options: &[&str]) -> i64 {
    let words = [&["job", "create", PRODUCT, "--version", "2.0.0", "--onenet", "sota"], options].concat();
    let made = cloud.ok(&words);
    let id = made.split([' ', ':']).nth(1).unwrap().to_owned();
    cloud.ok(&["job", "approve", &id]);
    cloud.ok(&["job", "start", &id]);
    id.parse().unwrap()
}

#[test]
fn tasks_in_gray_steps_and_back_again() {
    let (cloud, broker, devices) = cloud("onenet-job", 3);
    // A device that listens is told when there is a task.
    let connect = |device: &Device| {
        let body =
            [text("MQTT"), vec![4, 0xC2, 0, 60], text(&device.name), text(PRODUCT), text(&device.token())];
        let mut raw = Raw::connect(&broker, &packet(0x10, &body.concat()));
        assert_eq!(raw.next().unwrap(), [0x20, 2, 0, 0]);
        raw.send(&subscribe(1, &[(&format!("$sys/{PRODUCT}/{}/ota/inform", device.name), 1)]));
        assert_eq!(*raw.next().unwrap().last().unwrap(), 1);
        raw
    };
    let mut listening: Vec<Raw> = devices.iter().map(connect).collect();
    let id = start(&cloud, &["--power", "20", "--signal", "7", "--stage", "34:100", "--stage", "100"]);
    let running = until(&cloud, id, "begun", |job| job["counts"]["running"] == 1);
    assert_eq!(running["spec"]["onenet"]["power"], 20);
    let first: Vec<&Device> = devices.iter().filter(|device| device.check("1.0.0").0 == 0).collect();
    assert_eq!(first.len(), 1, "one of three in the first step; the others have no task yet");
    let (_, task) = first[0].check("1.0.0");
    assert_eq!((&task["power"], &task["signal"], &task["target"]), (&json!(20), &json!(7), &json!("2.0.0")));
    let place = devices.iter().position(|device| device.name == first[0].name).unwrap();
    let notice = String::from_utf8_lossy(&listening[place].next().unwrap()).into_owned();
    assert!(notice.contains(&format!("$sys/{PRODUCT}/{}/ota/inform", first[0].name)), "{notice}");
    assert_eq!(
        job(&cloud, id)["devices"].as_array().unwrap().iter().filter(|d| d["state"] == "pushed").count(),
        1
    );
    first[0].updates("1.0.0");
    for device in devices.iter().filter(|device| device.name != first[0].name) {
        device.updates("1.0.0");
    }
    let done = until(&cloud, id, "done", |job| job["state"] == "done");
    assert_eq!(done["counts"]["succeeded"], 3, "{done}");
    // Back, by tasks again.
    cloud.ok(&["job", "rollback", &id.to_string()]);
    for device in &devices {
        assert_eq!(device.updates("2.0.0"), "1.0.0");
    }
    until(&cloud, id + 1, "done", |job| job["state"] == "done" && job["counts"]["succeeded"] == 3);
}

#[test]
fn failures_second_tries_and_a_job_that_is_called_off() {
    let (cloud, _, devices) = cloud("onenet-fail", 2);
    let id = start(&cloud, &["--retries", "1", "--error-percent", "100", "--error-min", "2"]);
    let first = devices[0].wait_for_task("1.0.0")["token"].as_str().unwrap().to_owned();
    assert_eq!(devices[0].stands(&first), 0);
    assert_eq!(devices[0].report(&first, 205), 0);
    assert_eq!(devices[0].report(&first, 205), 20, "that task has ended");
    // The second try is another task.
    let second = devices[0].wait_for_task("1.0.0")["token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(devices[0].stands(&second), 0);
    assert_eq!(devices[0].report(&second, 102), 0);
    let failed = until(&cloud, id, "failed", |job| job["counts"]["failed"] == 1);
    assert!(failed["failures"].to_string().contains("download failed: code 102"), "{failed}");
    let open = devices[1].wait_for_task("1.0.0")["token"].as_str().unwrap().to_owned();
    cloud.ok(&["job", "cancel", &id.to_string()]);
    assert_eq!(devices[1].check("1.0.0").0, 11, "no task");
    assert_eq!(devices[1].stands(&open), 22, "cancelled");
    assert_eq!(job(&cloud, id)["counts"]["dropped"], 1);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (cloud, _, _) = cloud("onenet-odd", 1);
    let file = cloud.path("fw.bin");
    for words in [&["--version", "3+build"][..], &["--version", "3.0.0", "--module", "m"]] {
        cloud.ok(&[&["firmware", "add", file.to_str().unwrap(), "--product", PRODUCT], words].concat());
    }
    for (words, why) in [
        (&["--version", "3+build", "--onenet", "fota"][..], "OneNET takes 1 to 20 letters"),
        (&["--version", "3.0.0", "--module", "m", "--onenet", "sota"], "OneNET has no modules"),
        (&["--version", "2.0.0", "--onenet", "sota", "--power", "101"], "power is 101"),
    ] {
        let refused = cloud.run(&[&["job", "create", PRODUCT, "--dynamic"], words].concat());
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && said.contains(why), "{words:?}: {said}");
    }
}
