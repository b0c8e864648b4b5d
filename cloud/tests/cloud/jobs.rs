// SPDX-License-Identifier: MIT OR Apache-2.0
//! Roll-outs: devices that report as devices do, and jobs that go on, stop and end by it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::hub::{Raw, publish, sign_in, subscribe};
use crate::support::{Cloud, PATIENCE, PRODUCT};

fn secret(name: &str) -> String {
    format!("secret-of-{name}")
}

/// What a device does with an offer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It takes it, and reports the new version.
    Good,
    /// It downloads and fails.
    Bad,
    /// It begins and says nothing more.
    Stuck,
    /// It begins, and comes to its end when it is in another mood.
    Slow,
}

/// Devices that run in threads until the fleet is dropped.
pub struct Fleet {
    stop: Arc<AtomicBool>,
    moods: Arc<Mutex<HashMap<String, Mood>>>,
    /// The versions that each was offered.
    offers: Arc<Mutex<HashMap<String, Vec<String>>>>,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Fleet {
    fn new() -> Self {
        Self { stop: Arc::default(), moods: Arc::default(), offers: Arc::default() }
    }

    pub fn mood(&self, name: &str, mood: Mood) {
        self.moods.lock().unwrap().insert(name.to_owned(), mood);
    }

    pub fn offered(&self, name: &str) -> Vec<String> {
        self.offers.lock().unwrap().get(name).cloned().unwrap_or_default()
    }

    /// A device that runs 1.0.
    fn add(&self, broker: &str, name: &str) {
        let (broker, name, stop) = (broker.to_owned(), name.to_owned(), self.stop.clone());
        let (moods, offers) = (self.moods.clone(), self.offers.clone());
        let mut raw = Raw::connect(&broker, &sign_in(&name, &secret(&name), true));
        assert_eq!(raw.next().unwrap(), [0x20, 2, 0, 0], "{name}");
        let topic = |word: &str| format!("/ota/device/{word}/{PRODUCT}/{name}");
        raw.send(&subscribe(1, &[(&topic("upgrade"), 0)]));
        let (inform, progress) = (topic("inform"), topic("progress"));
        let version = |version: &str| format!(r#"{{"params":{{"version":"{version}"}}}}"#);
        raw.send(&publish(&inform, &version("1.0"), 2));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let Some(packet) = raw.next_soon() else {
                    continue;
                };
                if packet[0] >> 4 != 3 {
                    continue;
                }
                let text = String::from_utf8_lossy(&packet).into_owned();
                let offer: Value = serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap();
                let wanted = offer.pointer("/data/version").unwrap().as_str().unwrap().to_owned();
                offers.lock().unwrap().entry(name.clone()).or_default().push(wanted.clone());
                let mood = || moods.lock().unwrap().get(&name).copied().unwrap_or(Mood::Good);
                let step = |n: i32| format!(r#"{{"params":{{"step":"{n}","desc":""}}}}"#);
                raw.send(&publish(&progress, &step(1), 3));
                while mood() == Mood::Slow && !stop.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(10));
                }
                match mood() {
                    Mood::Good => {
                        raw.send(&publish(&progress, &step(100), 4));
                        raw.send(&publish(&inform, &version(&wanted), 5));
                    }
                    Mood::Bad => raw.send(&publish(&progress, &step(-3), 6)),
                    Mood::Stuck | Mood::Slow => {}
                }
            }
        });
    }
}

pub struct Bench {
    pub cloud: Cloud,
    pub broker: String,
    pub fleet: Fleet,
}

impl Bench {
    /// A cloud with this many devices on line that run 1.0, and firmware 2.0 and 3.0.
    pub fn new(name: &str, devices: usize) -> Self {
        Self::on(Cloud::new(name), devices)
    }

    /// The same in a cloud of the test's own.
    pub fn on(mut cloud: Cloud, devices: usize) -> Self {
        for version in ["2.0", "3.0"] {
            let image = cloud.path(version);
            std::fs::write(&image, version).unwrap();
            cloud.ok(&[
                "firmware",
                "add",
                image.to_str().unwrap(),
                "--product",
                PRODUCT,
                "--version",
                version,
            ]);
        }
        let (broker, _) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
        let bench = Self { cloud, broker, fleet: Fleet::new() };
        for n in 0..devices {
            bench.device(&format!("d{n}"));
        }
        bench.until("every device has reported", || {
            bench.cloud.ok(&["device", "list"]).matches(" 1.0\n").count() == devices
        });
        bench
    }

    fn device(&self, name: &str) {
        self.cloud.ok(&["device", "add", PRODUCT, name, &secret(name)]);
        self.fleet.add(&self.broker, name);
    }

    pub fn until(&self, what: &str, done: impl Fn() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < PATIENCE, "not in time: {what}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    pub fn create(&self, words: &[&str]) -> String {
        let made = self.cloud.ok(&[&["job", "create", PRODUCT, "--version", "2.0"], words].concat());
        made.split(' ').nth(1).unwrap().trim_end_matches(':').to_owned()
    }

    pub fn job(&self, id: &str) -> Value {
        serde_json::from_str(&self.cloud.ok(&["job", "show", id, "--json"])).unwrap()
    }

    pub fn act(&self, id: &str, actions: &[&str]) {
        for action in actions {
            self.cloud.ok(&["job", action, id]);
        }
    }

    pub fn wait(&self, id: &str, state: &str) -> Value {
        let start = Instant::now();
        loop {
            let job = self.job(id);
            if job["state"] == state {
                return job;
            }
            assert!(start.elapsed() < PATIENCE, "not {state}: {job}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    pub fn refused(&self, words: &[&str]) -> String {
        let output = self.cloud.run(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

pub fn count(job: &Value, what: &str) -> u64 {
    job["counts"][what].as_u64().unwrap()
}

#[test]
fn from_draft_to_done() {
    let bench = Bench::new("job", 5);
    let id = bench.create(&["--name", "spring", "--verify", "d0"]);
    assert!(bench.refused(&["job", "start", &id]).contains("is draft"));
    assert!(bench.refused(&["job", "approve", &id]).contains("verified first"));
    bench.act(&id, &["verify"]);
    let job = bench.wait(&id, "verified");
    assert_eq!((&job["trial"]["succeeded"], count(&job, "succeeded")), (&Value::from(1), 0), "only the one");
    bench.act(&id, &["approve", "start"]);
    let job = bench.wait(&id, "done");
    // d0 has it already and is left out.
    assert_eq!((count(&job, "succeeded"), count(&job, "failed")), (4, 0), "{job}");
    assert_eq!(bench.cloud.ok(&["device", "list"]).matches(" 2.0\n").count(), 5);
    assert!(bench.refused(&["job", "cancel", &id]).contains("is done"));
}

#[test]
fn a_trial_that_fails() {
    let bench = Bench::new("trial", 2);
    bench.fleet.mood("d0", Mood::Bad);
    let id = bench.create(&["--verify", "d0"]);
    bench.act(&id, &["verify"]);
    let job = bench.wait(&id, "verify_failed");
    assert_eq!(job["failures"]["verification failed"], 1, "{job}");
    assert!(bench.refused(&["job", "approve", &id]).contains("verify_failed"));
    bench.fleet.mood("d0", Mood::Good);
    bench.act(&id, &["verify"]);
    bench.wait(&id, "verified");
    assert!(bench.fleet.offered("d1").is_empty());
}

#[test]
fn gray_steps_and_a_failure_that_stops_the_job() {
    let bench = Bench::new("gray", 10);
    for n in 0..10 {
        bench.fleet.mood(&format!("d{n}"), Mood::Bad);
    }
    let id = bench.create(&["--stage", "10:100", "--stage", "100:0", "--error-percent", "50"]);
    bench.act(&id, &["approve", "start"]);
    let job = bench.wait(&id, "paused");
    // One report was enough: the stage of one device failed, and nobody else was offered anything.
    assert_eq!((count(&job, "failed"), count(&job, "waiting")), (1, 9), "{job}");
    assert!(job["reason"].as_str().unwrap().contains("1 of 1 devices failed"), "{job}");
    let offered = (0..10).filter(|n| !bench.fleet.offered(&format!("d{n}")).is_empty()).count();
    assert_eq!(offered, 1);
    for n in 0..10 {
        bench.fleet.mood(&format!("d{n}"), Mood::Good);
    }
    bench.act(&id, &["retry", "resume"]);
    let job = bench.wait(&id, "done");
    assert_eq!((count(&job, "succeeded"), &job["stage"]), (10, &Value::from(1)), "{job}");
}

#[test]
fn pause_resume_cancel() {
    let bench = Bench::new("pause", 3);
    let id = bench.create(&["--rate", "1"]);
    bench.act(&id, &["approve", "start", "pause"]);
    bench.until("the first device has it", || count(&bench.job(&id), "succeeded") == 1);
    assert_eq!(bench.job(&id)["state"], "paused");
    assert!(bench.refused(&["job", "pause", &id]).contains("is paused"));
    bench.act(&id, &["resume", "cancel"]);
    let job = bench.job(&id);
    assert_eq!((count(&job, "succeeded"), count(&job, "dropped")), (1, 2), "{job}");
}

#[test]
fn retries_and_a_device_that_does_not_end() {
    let bench = Bench::new("retries", 2);
    bench.fleet.mood("d0", Mood::Bad);
    let id = bench.create(&["--retries", "2"]);
    bench.act(&id, &["approve", "start"]);
    let job = bench.wait(&id, "done");
    assert_eq!((count(&job, "succeeded"), count(&job, "failed")), (1, 1), "{job}");
    assert_eq!(bench.fleet.offered("d0").len(), 3, "two more tries");
}

#[test]
fn the_newest_job_wins_but_not_over_a_device_at_work() {
    let bench = Bench::new("newest-job", 2);
    bench.fleet.mood("d0", Mood::Stuck);
    let first = bench.create(&["--device", "d0"]);
    bench.act(&first, &["approve", "start"]);
    bench.until("d0 is at work", || bench.cloud.ok(&["status", PRODUCT, "d0"]).contains("downloading"));
    let second = bench.cloud.ok(&["job", "create", PRODUCT, "--version", "3.0"]);
    let second = second.split(' ').nth(1).unwrap().trim_end_matches(':').to_owned();
    bench.act(&second, &["approve", "start"]);
    bench.until("d1 has the newer one", || count(&bench.job(&second), "succeeded") == 1);
    let job = bench.job(&second);
    assert_eq!(
        (count(&job, "waiting"), &job["state"]),
        (1, &Value::from("running")),
        "d0 is left in peace: {job}"
    );
    bench.fleet.mood("d0", Mood::Good);
    bench.act(&first, &["cancel"]);
    let job = bench.wait(&second, "done");
    assert_eq!(count(&job, "succeeded"), 2, "{job}");
    assert_eq!(bench.fleet.offered("d0"), ["2.0", "3.0"]);
}

#[test]
fn devices_that_come_later_and_groups() {
    let bench = Bench::new("dynamic", 1);
    bench.cloud.ok(&["device", "tag", PRODUCT, "d0", "lab"]);
    assert!(
        bench
            .refused(&["job", "create", PRODUCT, "--version", "2.0", "--tag", "field"])
            .contains("no device of")
    );
    assert!(
        bench
            .refused(&["job", "create", PRODUCT, "--version", "2.0", "--device", "x"])
            .contains("x is no device")
    );
    assert!(bench.refused(&["job", "create", PRODUCT, "--version", "9"]).contains("no firmware 9"));
    assert_eq!(
        bench.cloud.ok(&["job", "preview", PRODUCT, "--version", "2.0", "--tag", "lab"]),
        "d0 stage 0\n"
    );
    let id = bench.create(&["--tag", "field", "--dynamic"]);
    bench.act(&id, &["approve", "start"]);
    bench.device("later");
    bench.cloud.ok(&["device", "tag", PRODUCT, "later", "field"]);
    bench.until("the later one has it", || count(&bench.job(&id), "succeeded") == 1);
    assert!(bench.fleet.offered("d0").is_empty());
    assert_eq!(bench.job(&id)["state"], "running", "more may come");
}

#[test]
fn a_job_survives_a_killed_server() {
    let mut bench = Bench::new("job-killed", 6);
    for n in 0..6 {
        bench.fleet.mood(&format!("d{n}"), Mood::Stuck);
    }
    let id = bench.create(&["--stage", "50:100", "--stage", "100:0"]);
    bench.act(&id, &["approve", "start"]);
    bench.until("three are at work", || count(&bench.job(&id), "running") == 3);
    let origin: Value =
        serde_json::from_slice(&std::fs::read(bench.cloud.path("ready.json")).unwrap()).unwrap();
    let origin = origin["http"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    bench.cloud.kill();
    let broker = bench.broker.clone();
    bench.cloud.serve(&["--mqtt", &broker, "--http", &origin]);
    let job = bench.job(&id);
    assert_eq!(
        (count(&job, "running"), count(&job, "waiting"), &job["state"]),
        (3, 3, &Value::from("running"))
    );
    // The devices come back with the old version, and are given the same order again.
    bench.fleet = Fleet::new();
    for n in 0..6 {
        bench.fleet.add(&broker, &format!("d{n}"));
    }
    let job = bench.wait(&id, "done");
    assert_eq!(count(&job, "succeeded"), 6, "{job}");
    let status: Value = serde_json::from_str(&bench.cloud.ok(&["status", "--json"])).unwrap();
    for device in status["devices"].as_array().unwrap() {
        assert_eq!(device["updates"].as_array().unwrap().len(), 1, "no device is updated twice: {device}");
    }
}
