// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs that give configurations: devices that answer pushes and fetch as devices do, on both databases.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hub::{Raw, publish, sign_in, subscribe};
use crate::jobs::count;
use crate::postgres::Postgres;
use crate::support::{Cloud, PATIENCE, PRODUCT, http};

/// What a device does with a push.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// It takes it, and fetches all of it.
    Good,
    /// It answers with code 400.
    Refuses,
    /// It takes it, and does not fetch.
    Takes,
}

type Moods = Arc<Mutex<HashMap<String, Mood>>>;
/// Who, and what was in the push.
type Pushes = Arc<Mutex<Vec<(String, Value)>>>;

pub struct Bench {
    pub cloud: Cloud,
    pub broker: String,
    pub origin: String,
    moods: Moods,
    pushes: Pushes,
    stop: Arc<AtomicBool>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The path and query of a URL.
pub fn path_of(url: &Value) -> String {
    format!("/{}", url.as_str().unwrap().splitn(4, '/').nth(3).unwrap())
}

pub fn json_of(packet: &[u8]) -> Value {
    let text = String::from_utf8_lossy(packet).into_owned();
    serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap()
}

pub fn sys(name: &str, rest: &str) -> String {
    format!("/sys/{PRODUCT}/{name}/thing/config/{rest}")
}

impl Bench {
    /// A cloud with files of configurations `a`, `b` and `c`, and this many devices on line.
    pub fn new(mut cloud: Cloud, devices: usize) -> Self {
        for name in ["a", "b", "c"] {
            std::fs::write(cloud.path(name), format!("{{\"is\":\"{name}\"}}").repeat(40)).unwrap();
        }
        let (broker, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
        let (moods, pushes, stop) = (Moods::default(), Pushes::default(), Arc::default());
        let bench = Self { cloud, broker, origin, moods, pushes, stop };
        for n in 0..devices {
            let name = format!("d{n}");
            bench.cloud.ok(&["device", "add", PRODUCT, &name, "secret"]);
            bench.live(&name);
        }
        bench
    }

    fn live(&self, name: &str) {
        let mut raw = Raw::connect(&self.broker, &sign_in(name, "secret", true));
        assert_eq!(raw.next().unwrap(), [0x20, 2, 0, 0], "{name}");
        raw.send(&subscribe(1, &[(&sys(name, "push"), 0)]));
        assert_eq!(raw.next().unwrap()[0], 0x90);
        let (name, origin, stop) = (name.to_owned(), self.origin.clone(), self.stop.clone());
        let (moods, pushes) = (self.moods.clone(), self.pushes.clone());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let Some(packet) = raw.next_soon().filter(|packet| packet[0] >> 4 == 3) else {
                    continue;
                };
                let push = json_of(&packet);
                pushes.lock().unwrap().push((name.clone(), push.clone()));
                let mood = moods.lock().unwrap().get(&name).copied().unwrap_or(Mood::Good);
                let code = if mood == Mood::Refuses { "400" } else { "200" };
                let answer = json!({ "id": push["id"], "code": code, "data": {} }).to_string();
                raw.send(&publish(&sys(&name, "push_reply"), &answer, 3));
                if mood == Mood::Good {
                    let (head, body) = http(&origin, "GET", &path_of(&push["params"]["url"]), "");
                    assert!(head.starts_with("http/1.1 200"), "{head}");
                    assert_eq!(push["params"]["configSize"], body.len());
                }
            }
        });
    }

    fn mood(&self, name: &str, mood: Mood) {
        self.moods.lock().unwrap().insert(name.to_owned(), mood);
    }

    /// The ids of the configurations that a device was pushed.
    fn pushed(&self, name: &str) -> Vec<String> {
        let pushes = self.pushes.lock().unwrap();
        let own = pushes.iter().filter(|(device, _)| device == name);
        own.map(|(_, push)| push["params"]["configId"].as_str().unwrap().to_owned()).collect()
    }

    fn file(&self, name: &str) -> String {
        self.cloud.path(name).to_str().unwrap().to_owned()
    }

    /// Makes a job; its number and the configuration's id.
    pub fn create(&self, file: &str, words: &[&str]) -> (String, String) {
        let file = self.file(file);
        let made = self.cloud.ok(&[&["job", "create", PRODUCT, "--config", &file], words].concat());
        assert!(made.contains(" configuration to "), "{made}");
        let id = made.split(' ').nth(1).unwrap().trim_end_matches(':').to_owned();
        let version = self.job(&id)["version"].as_str().unwrap().to_owned();
        (id, version)
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
        let mut job = Value::Null;
        until(state, || {
            job = self.job(id);
            job["state"] == state
        });
        job
    }

    pub fn set_config(&self, file: &str, words: &[&str]) -> String {
        let file = self.file(file);
        let set = self.cloud.ok(&[&["config", "set", "--product", PRODUCT, "--file", &file], words].concat());
        set.split(' ').nth(2).unwrap().to_owned()
    }
}

pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// A whole life: tried first, in steps, stopped by a device that refuses, tried again, taken back.
fn rolled_out(cloud: Cloud) {
    let bench = Bench::new(cloud, 5);
    let of_product = bench.set_config("c", &[]);
    let preview = bench.cloud.ok(&["job", "preview", PRODUCT, "--config", &bench.file("a")]);
    assert_eq!(preview.lines().count(), 5, "{preview}");
    assert!(!bench.cloud.ok(&["firmware", "list"]).contains("configuration"), "a preview keeps nothing");
    let words =
        ["--verify", "d0", "--stage", "50:100", "--stage", "100:0", "--error-percent", "50", "--name", "x"];
    let (id, a) = bench.create("a", &words);
    bench.act(&id, &["verify"]);
    let job = bench.wait(&id, "verified");
    assert_eq!((&job["module"], &job["trial"]["succeeded"]), (&json!("$config"), &json!(1)), "{job}");
    for n in 1..5 {
        bench.mood(&format!("d{n}"), Mood::Refuses);
    }
    bench.act(&id, &["approve", "start"]);
    let job = bench.wait(&id, "paused");
    assert_eq!(
        job["failures"]["the device answered the push with code 400"], job["counts"]["failed"],
        "{job}"
    );
    for n in 1..5 {
        bench.mood(&format!("d{n}"), Mood::Good);
    }
    bench.act(&id, &["retry", "resume"]);
    let job = bench.wait(&id, "done");
    assert_eq!((count(&job, "succeeded"), count(&job, "failed")), (4, 0), "{job}");
    assert_eq!(bench.pushed("d0"), [a.as_str()], "who has it already is left out");
    let status: Value = serde_json::from_str(&bench.cloud.ok(&["status", PRODUCT, "d1", "--json"])).unwrap();
    assert_eq!(status["devices"][0]["modules"]["$config"], a.as_str(), "{status}");
    assert_eq!(status["devices"][0]["updates"][0]["from"], of_product.as_str(), "{status}");
    taken_back(&bench, &id, &a, &of_product);
}

/// A second job, and back from it: to the first one's; and from that to the product's.
fn taken_back(bench: &Bench, id: &str, a: &str, of_product: &str) {
    let (second, b) = bench.create("b", &["--device", "d1", "--source", a]);
    bench.act(&second, &["approve", "start"]);
    bench.wait(&second, "done");
    for (job, wanted) in [(second.as_str(), a), (id, of_product)] {
        let done: Value = serde_json::from_str(&bench.cloud.ok(&["job", "rollback", job, "--json"])).unwrap();
        assert_eq!(done["jobs"][0]["version"], wanted, "{done}");
        let back = bench.wait(&done["jobs"][0]["id"].to_string(), "done");
        assert_eq!(count(&back, "failed") + count(&back, "dropped"), 0, "{back}");
    }
    assert_eq!(bench.pushed("d1").last().unwrap(), a, "it has had a newer order since the first job");
    assert_eq!(bench.pushed("d2").last().unwrap(), of_product);
    assert!(bench.pushed("d1").contains(&b));
    let refused =
        bench.cloud.run(&["firmware", "delete", "--product", PRODUCT, "--module", "$config", "--version", a]);
    assert_eq!(refused.status.code(), Some(1), "jobs name it");
}

#[test]
fn on_sqlite() {
    rolled_out(Cloud::new("cota"));
}

#[test]
fn on_postgresql() {
    let postgres = Postgres::start("cota");
    rolled_out(Cloud::on("cota-postgresql", &postgres.url()));
}

#[test]
fn the_newest_wins_even_over_a_device_that_has_begun() {
    let bench = Bench::new(Cloud::new("cota-newest"), 1);
    bench.mood("d0", Mood::Takes);
    let (first, _) = bench.create("a", &["--retries", "1", "--timeout", "5"]);
    bench.act(&first, &["approve", "start"]);
    until("d0 has answered", || bench.cloud.ok(&["status", PRODUCT, "d0"]).contains("downloading"));
    assert_eq!(count(&bench.job(&first), "running"), 1, "an answer alone is not all");
    bench.mood("d0", Mood::Good);
    let (second, b) = bench.create("b", &[]);
    bench.act(&second, &["approve", "start"]);
    let job = bench.wait(&second, "done");
    assert_eq!(count(&job, "succeeded"), 1, "{job}");
    let job = bench.wait(&first, "done");
    assert_eq!((count(&job, "succeeded"), count(&job, "dropped")), (0, 1), "{job}");
    // The older one cannot be fetched any more, so it does not come after the newer one.
    let old = path_of(&bench.pushes.lock().unwrap()[0].1["params"]["url"]);
    assert!(http(&bench.origin, "GET", &old, "").0.starts_with("http/1.1 410"));
    assert_eq!(bench.pushed("d0").last(), Some(&b));
    // A push of the product's configuration is an order, too.
    let of_product = bench.set_config("c", &["--push"]);
    until("d0 is pushed it", || bench.pushed("d0").last() == Some(&of_product));
    assert!(!bench.cloud.ok(&["status", PRODUCT, "d0", "--json"]).contains("$config\":"));
}

#[test]
fn devices_that_come_later_join() {
    let bench = Bench::new(Cloud::new("cota-dynamic"), 1);
    let (id, a) = bench.create("a", &["--dynamic"]);
    bench.act(&id, &["approve", "start"]);
    until("d0 has it", || count(&bench.job(&id), "succeeded") == 1);
    bench.cloud.ok(&["device", "add", PRODUCT, "later", "secret"]);
    until("it waits for the device", || count(&bench.job(&id), "running") == 1);
    bench.live("later");
    until("the later one has it", || count(&bench.job(&id), "succeeded") == 2);
    assert_eq!(bench.pushed("later"), [a]);
    bench.act(&id, &["pause", "cancel"]);
}

/// A push that got lost is given again when the device is back, and after the server was killed.
#[test]
fn given_again() {
    let mut bench = Bench::new(Cloud::new("cota-again"), 1);
    bench.mood("d0", Mood::Takes);
    let (id, a) = bench.create("a", &[]);
    bench.act(&id, &["approve", "start"]);
    until("d0 has answered", || bench.cloud.ok(&["status", PRODUCT, "d0"]).contains("downloading"));
    bench.stop.store(true, Ordering::Relaxed);
    bench.cloud.kill();
    let (broker, origin) =
        bench.cloud.serve(&["--mqtt", &bench.broker.clone(), "--http", &bench.origin.clone()]);
    assert_eq!((&broker, &origin), (&bench.broker, &bench.origin));
    bench.stop = Arc::default();
    bench.mood("d0", Mood::Good);
    bench.live("d0");
    let job = bench.wait(&id, "done");
    assert_eq!(count(&job, "succeeded"), 1, "{job}");
    assert_eq!(bench.pushed("d0"), [a.as_str(), a.as_str()]);
}

#[test]
fn what_is_refused() {
    let bench = Bench::new(Cloud::new("cota-refused"), 1);
    let refused = |words: &[&str]| {
        let output = bench.cloud.run(words);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{words:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let file = bench.file("a");
    std::fs::write(bench.cloud.path("empty"), "").unwrap();
    assert!(refused(&["job", "create", PRODUCT, "--config", &bench.file("empty")]).contains("empty"));
    assert!(refused(&["job", "create", PRODUCT, "--config", &bench.file("absent")]).contains("absent"));
    refused(&["job", "create", PRODUCT, "--config", &file, "--version", "1"]);
    refused(&["job", "create", PRODUCT, "--config", &file, "--onenet", "sota"]);
    refused(&["job", "create", PRODUCT]);
    let said = refused(&["job", "create", PRODUCT, "--version", "x", "--module", "$config"]);
    assert!(said.contains("no configuration x for product"), "{said}");
    let add = ["firmware", "add", &file, "--product", PRODUCT, "--version", "1", "--module", "$config"];
    assert!(refused(&add).contains("module \"$config\""));
    let (id, a) = bench.create("a", &[]);
    bench.act(&id, &["approve", "start"]);
    bench.wait(&id, "done");
    let said = refused(&["job", "rollback", &id]);
    assert!(said.contains("d0: it had no configuration before that is known"), "{said}");
    let again = refused(&["job", "create", PRODUCT, "--config", &file]);
    assert!(again.contains(&format!("those that run {a} already are left out")), "{again}");
}
