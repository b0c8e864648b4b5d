// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server killed again and again while jobs run: what was acknowledged holds, no job is in a state that cannot be, no
//! device is updated twice by one job, and afterwards everything comes to its end.

use std::collections::{HashMap, HashSet};
use std::io::{Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hub::{publish, sign_in, subscribe};
use crate::kill::{random, rounds};
use crate::postgres::Postgres;
use crate::support::{Cloud, PATIENCE, PRODUCT};

/// Devices that take what they are offered.
const DEVICES: usize = 6;
/// Jobs that are on their way at a time.
const AT_A_TIME: usize = 3;
/// Firmware to roll out, one after the other.
const VERSIONS: usize = 8;

fn secret(name: &str) -> String {
    format!("secret-of-{name}")
}

/// A connection of a device, which may break at any time.
struct Link {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Link {
    fn open(broker: &str, name: &str) -> std::io::Result<Self> {
        let mut stream = TcpStream::connect(broker)?;
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        stream.write_all(&sign_in(name, &secret(name), true))?;
        Ok(Self { stream, bytes: Vec::new() })
    }

    /// The next packet; `None`: nothing has come for a moment.
    fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(end) = length(&self.bytes).filter(|end| self.bytes.len() >= *end) {
                let rest = self.bytes.split_off(end);
                return Ok(Some(std::mem::replace(&mut self.bytes, rest)));
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.bytes.extend(&buffer[..n]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(None),
                Err(e) => return Err(e),
            }
        }
    }
}

/// How long the packet is that these bytes begin with.
fn length(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    for n in 1..5 {
        let byte = *bytes.get(n)?;
        length |= usize::from(byte & 0x7F) << (7 * (n - 1));
        if byte & 0x80 == 0 {
            return Some(length + n + 1);
        }
    }
    None
}

/// What a device is, whatever becomes of its connections.
struct Device {
    name: String,
    /// What it runs.
    version: String,
    /// How often it has installed something.
    installed: usize,
}

/// A device that installs what it is offered. One offer in ten fails.
fn device(state: &Mutex<Device>, broker: &str, stop: &AtomicBool) {
    let name = state.lock().unwrap().name.clone();
    let topic = |word: &str| format!("/ota/device/{word}/{PRODUCT}/{name}");
    let mut luck = name.bytes().fold(7_u64, |n, byte| n * 31 + u64::from(byte));
    let mut session = || -> std::io::Result<()> {
        let mut link = Link::open(broker, &name)?;
        let version = |version: &str| format!(r#"{{"params":{{"version":"{version}"}}}}"#);
        link.stream.write_all(&subscribe(1, &[(&topic("upgrade"), 0)]))?;
        let runs = state.lock().unwrap().version.clone();
        link.stream.write_all(&publish(&topic("inform"), &version(&runs), 2))?;
        while !stop.load(Ordering::Relaxed) {
            let Some(packet) = link.next()? else { continue };
            if packet[0] >> 4 != 3 {
                continue;
            }
            let text = String::from_utf8_lossy(&packet).into_owned();
            let begin = text.find('{').ok_or_else(|| Error::other("an offer without a body"))?;
            let offer: Value = serde_json::from_str(&text[begin..])?;
            let Some(wanted) = offer.pointer("/data/version").and_then(Value::as_str) else { continue };
            let step = |n: i32| format!(r#"{{"params":{{"step":"{n}","desc":""}}}}"#);
            link.stream.write_all(&publish(&topic("progress"), &step(1), 3))?;
            std::thread::sleep(Duration::from_millis(random(&mut luck) % 30));
            if random(&mut luck).is_multiple_of(10) {
                link.stream.write_all(&publish(&topic("progress"), &step(-2), 4))?;
                continue;
            }
            link.stream.write_all(&publish(&topic("progress"), &step(100), 5))?;
            {
                let mut state = state.lock().unwrap();
                wanted.clone_into(&mut state.version);
                state.installed += 1;
            }
            link.stream.write_all(&publish(&topic("inform"), &version(wanted), 6))?;
        }
        Ok(())
    };
    while !stop.load(Ordering::Relaxed) {
        if session().is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// One request; the answer to one that was accepted, and whether it was.
fn ask(origin: &str, method: &str, path: &str, body: &Value) -> std::io::Result<(bool, Value)> {
    let mut stream = TcpStream::connect(origin)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let body = if method == "GET" { String::new() } else { body.to_string() };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {origin}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    let announced = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    if announced != Some(body.len()) {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    assert!(!head.starts_with("HTTP/1.1 5"), "{method} {path}: {answer}");
    Ok((head.starts_with("HTTP/1.1 200"), serde_json::from_str(body)?))
}

/// The states that a job may be in after it has been in this one.
fn reachable(state: &str) -> &'static [&'static str] {
    match state {
        "draft" => &["draft", "approved", "running", "paused", "done", "cancelled"],
        "approved" => &["approved", "running", "paused", "done", "cancelled"],
        "running" | "paused" => &["running", "paused", "done", "cancelled"],
        "done" => &["done"],
        "cancelled" => &["cancelled"],
        other => panic!("a job that is {other}"),
    }
}

/// Somebody who makes jobs and drives them; what the server has acknowledged of each.
fn manager(origin: &str, stop: &AtomicBool, seen: &Mutex<HashMap<i64, String>>) {
    let (mut n, mut luck) = (0_usize, 99_u64);
    let mut open: Vec<i64> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(5));
        if open.len() < AT_A_TIME {
            n += 1;
            let spec = json!({ "stages": [{ "percent": 50, "success": 0 }, { "percent": 100, "success": 0 }], "retries": 2, "dynamic": n.is_multiple_of(5) });
            let new = json!({ "name": format!("n{n}"), "product": PRODUCT, "version": format!("2.{}", n % VERSIONS), "spec": spec });
            if let Ok((true, job)) = ask(origin, "POST", "/api/jobs", &new) {
                let id = job["id"].as_i64().unwrap();
                seen.lock().unwrap().insert(id, "draft".to_owned());
                open.push(id);
            }
            continue;
        }
        let place = usize::try_from(random(&mut luck)).unwrap_or_default() % open.len();
        let id = open[place];
        let chance = random(&mut luck) % 20;
        let actions: &[&str] = match chance {
            0 => &["cancel"],
            1 => &["rollback"],
            2..=4 => &["pause"],
            5 => &["retry"],
            _ => &["approve", "start", "resume"],
        };
        for action in actions {
            let Ok((true, job)) = ask(origin, "POST", &format!("/api/jobs/{id}/{action}"), &json!({})) else {
                continue;
            };
            let mut seen = seen.lock().unwrap();
            let of_answer = if *action == "rollback" {
                for back in job["jobs"].as_array().unwrap() {
                    seen.insert(back["id"].as_i64().unwrap(), back["state"].as_str().unwrap().to_owned());
                }
                // One that was done stays so.
                continue;
            } else {
                job["state"].as_str().unwrap().to_owned()
            };
            seen.insert(id, of_answer);
        }
        if let Ok((true, job)) = ask(origin, "GET", &format!("/api/jobs/{id}"), &Value::Null) {
            let state = job["state"].as_str().unwrap().to_owned();
            if matches!(state.as_str(), "done" | "cancelled") {
                open.remove(place);
            }
            seen.lock().unwrap().insert(id, state);
        }
    }
}

/// What no job may be, whatever has happened.
fn impossible(job: &Value) -> Option<String> {
    let state = job["state"].as_str().unwrap();
    let devices = job["devices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |states: &[&str]| devices.iter().find(|d| states.contains(&d["state"].as_str().unwrap()));
    match state {
        "draft" | "approved" if !devices.is_empty() => {
            return Some("it has devices before it has begun".to_owned());
        }
        "done" => {
            if let Some(open) = of(&["waiting", "queued", "pushed", "downloading", "installing", "begun"]) {
                return Some(format!("it is done and {open} is not"));
            }
        }
        "cancelled" => {
            if let Some(open) = of(&["waiting", "queued", "pushed", "begun"]) {
                return Some(format!("it is cancelled and {open} is open"));
            }
        }
        _ => {}
    }
    let final_state = matches!(state, "done" | "cancelled");
    if final_state != job["ended_at"].is_string() {
        return Some(format!("it is {state} and its end is {}", job["ended_at"]));
    }
    let begun = !matches!(state, "draft" | "approved" | "cancelled");
    if begun && !job["started_at"].is_string() {
        return Some(format!("it is {state} and has not begun"));
    }
    let counts: u64 = job["counts"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    (counts != devices.len() as u64).then(|| format!("{counts} devices are counted of {}", devices.len()))
}

fn check(cloud: &Cloud, seen: &HashMap<i64, String>, devices: &[Arc<Mutex<Device>>]) -> Vec<Value> {
    let listed: Value = serde_json::from_str(&cloud.ok(&["job", "list", "--json"])).unwrap();
    let ids: Vec<i64> = listed.as_array().unwrap().iter().map(|job| job["id"].as_i64().unwrap()).collect();
    for (id, state) in seen {
        assert!(ids.contains(id), "job {id} was acknowledged as {state} and is lost");
    }
    let mut jobs = Vec::new();
    for id in ids {
        let job: Value =
            serde_json::from_str(&cloud.ok(&["job", "show", &id.to_string(), "--json"])).unwrap();
        if let Some(acknowledged) = seen.get(&id) {
            let state = job["state"].as_str().unwrap();
            assert!(reachable(acknowledged).contains(&state), "job {id} was {acknowledged} and is {state}");
        }
        assert_eq!(impossible(&job), None, "{job}");
        jobs.push(job);
    }
    let status: Value = serde_json::from_str(&cloud.ok(&["status", "--json"])).unwrap();
    for device in status["devices"].as_array().unwrap() {
        let updates = device["updates"].as_array().unwrap();
        let of_jobs: Vec<i64> = updates.iter().filter_map(|update| update["job"].as_i64()).collect();
        assert_eq!(
            of_jobs.iter().collect::<HashSet<_>>().len(),
            of_jobs.len(),
            "twice by one job: {updates:?}"
        );
        let open = updates.iter().filter(|u| u["ended_at"].is_null()).count();
        assert!(open <= 1, "two orders at a time: {updates:?}");
    }
    assert_eq!(status["devices"].as_array().unwrap().len(), devices.len());
    jobs
}

fn killed_again_and_again(mut cloud: Cloud, rounds: usize) {
    let devices: Vec<Arc<Mutex<Device>>> = (0..DEVICES)
        .map(|n| {
            let name = format!("j{n}");
            cloud.ok(&["device", "add", PRODUCT, &name, &secret(&name)]);
            Arc::new(Mutex::new(Device { name, version: "2.0".to_owned(), installed: 0 }))
        })
        .collect();
    let image = cloud.path("image.bin");
    std::fs::write(&image, b"image").unwrap();
    for n in 0..VERSIONS {
        let version = format!("2.{n}");
        cloud.ok(&["firmware", "add", image.to_str().unwrap(), "--product", PRODUCT, "--version", &version]);
    }
    let serve = ["--settle", "20"];
    let (broker, origin) = cloud.serve(&[&["--mqtt", "127.0.0.1:0"], &serve[..]].concat());
    let again = [&["--mqtt", &broker, "--http", &origin], &serve[..]].concat();
    let (stop, asleep) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let seen: Arc<Mutex<HashMap<i64, String>>> = Arc::default();
    let mut threads: Vec<std::thread::JoinHandle<()>> = Vec::new();
    for state in &devices {
        let (state, broker, stop) = (state.clone(), broker.clone(), stop.clone());
        threads.push(std::thread::spawn(move || device(&state, &broker, &stop)));
    }
    let (of_manager, known, address) = (asleep.clone(), seen.clone(), origin.clone());
    let person = std::thread::spawn(move || manager(&address, &of_manager, &known));
    let mut luck = 0x2545_F491_4F6C_DD1D;
    for round in 0..rounds {
        let (before, start) = (seen.lock().unwrap().len(), Instant::now());
        std::thread::sleep(Duration::from_millis(20 + random(&mut luck) % 200));
        // Now and then not while it starts, however slow this machine is.
        while round.is_multiple_of(4)
            && seen.lock().unwrap().len() == before
            && start.elapsed() < PATIENCE / 10
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        cloud.kill();
        cloud.serve(&again);
        if round % 20 == 19 {
            // What was acknowledged before the look holds in it.
            let before = seen.lock().unwrap().clone();
            check(&cloud, &before, &devices);
        }
    }
    asleep.store(true, Ordering::Relaxed);
    person.join().unwrap();
    let known = seen.lock().unwrap().clone();
    let jobs = check(&cloud, &known, &devices);

    // Nothing is stuck: what is on its way comes to an end by itself.
    for job in &jobs {
        let id = job["id"].to_string();
        match job["state"].as_str().unwrap() {
            "paused" => drop(cloud.ok(&["job", "resume", &id])),
            "draft" | "approved" => drop(cloud.ok(&["job", "cancel", &id])),
            _ => {}
        }
    }
    let start = Instant::now();
    loop {
        let jobs = check(&cloud, &known, &devices);
        let ends = |job: &Value| {
            let all_ended = job["counts"]["waiting"] == 0 && job["counts"]["running"] == 0;
            matches!(job["state"].as_str().unwrap(), "done" | "cancelled")
                || job["spec"]["dynamic"] == true && all_ended
        };
        let Some(stuck) = jobs.iter().find(|job| !ends(job)) else { break };
        assert!(start.elapsed() < PATIENCE * 2, "stuck: {stuck}");
        std::thread::sleep(Duration::from_millis(200));
    }
    stop.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let installed: usize = devices.iter().map(|device| device.lock().unwrap().installed).sum();
    let ended = jobs.iter().filter(|job| job["state"] == "done").count();
    println!(
        "{rounds} kills: {} jobs, {ended} of them done by themselves, {installed} updates installed",
        jobs.len()
    );
    assert!(
        jobs.len() >= rounds / 10 && installed >= rounds / 4,
        "nothing was going on: {} {installed}",
        jobs.len()
    );
}

#[test]
fn on_sqlite() {
    killed_again_and_again(Cloud::new("kill-jobs-sqlite"), rounds());
}

#[test]
fn on_postgresql() {
    let postgres = Postgres::start("kill-jobs");
    killed_again_and_again(Cloud::on("kill-jobs-postgresql", &postgres.url()), rounds());
}
