// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server killed again and again while devices report and people add things: what was acknowledged is there.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::hub::{publish, sign_in, subscribe};
use crate::postgres::Postgres;
use crate::support::{Cloud, PATIENCE, PRODUCT};

/// Devices that report at the same time.
const DEVICES: usize = 4;

/// What one client has seen acknowledged.
#[derive(Default)]
struct Seen {
    /// Numbers of progress reports.
    steps: Vec<u32>,
    /// The last version, by its number.
    version: u32,
    /// Devices and firmware that were added.
    devices: Vec<String>,
    firmware: Vec<String>,
}

fn secret(name: &str) -> String {
    format!("secret-of-{name}")
}

/// Sends a message and waits for its acknowledgement.
fn report(stream: &mut TcpStream, topic: &str, payload: &str) -> std::io::Result<()> {
    stream.write_all(&publish(topic, payload, 9))?;
    acknowledged(stream, [0x40, 2, 0, 9])
}

/// Reads until these four bytes come; offers that come in between are passed over.
fn acknowledged(stream: &mut TcpStream, wanted: [u8; 4]) -> std::io::Result<()> {
    let mut window = [0; 4];
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        window.rotate_left(1);
        window[3] = byte[0];
        if window == wanted {
            return Ok(());
        }
    }
}

/// A device that never stops to report, over as many connections as it takes.
fn device(name: &str, broker: &str, stop: &AtomicBool, seen: &Mutex<Seen>) {
    let mut n = 0;
    let mut run = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(broker)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&sign_in(name, &secret(name), true))?;
        acknowledged(&mut stream, [0x20, 2, 0, 0])?;
        let upgrade = format!("/ota/device/upgrade/{PRODUCT}/{name}");
        stream.write_all(&subscribe(1, &[(&upgrade, 0)]))?;
        while !stop.load(Ordering::Relaxed) {
            n += 1;
            if n % 10 == 0 {
                let inform = format!("/ota/device/inform/{PRODUCT}/{name}");
                report(&mut stream, &inform, &format!(r#"{{"params":{{"version":"1.0.{n}"}}}}"#))?;
                seen.lock().unwrap().version = n;
            } else {
                let progress = format!("/ota/device/progress/{PRODUCT}/{name}");
                let step = format!(r#"{{"params":{{"step":"{}","desc":"{n}"}}}}"#, n % 100);
                report(&mut stream, &progress, &step)?;
                seen.lock().unwrap().steps.push(n);
            }
        }
        Ok(())
    };
    while !stop.load(Ordering::Relaxed) {
        if run().is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// One request; `Ok(true)` when it was answered with 200.
fn post(origin: &str, path: &str, kind: &str, body: &[u8]) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(origin)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {origin}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

/// Somebody who adds devices and firmware.
fn person(origin: &str, stop: &AtomicBool, seen: &Mutex<Seen>) {
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let name = format!("added{n}");
        let device = serde_json::json!({ "product_key": PRODUCT, "device_name": name, "device_secret": "s" });
        if let Ok(true) = post(origin, "/api/devices", "application/json", device.to_string().as_bytes()) {
            seen.lock().unwrap().devices.push(name);
        }
        let version = format!("9.{n}");
        let path = format!("/api/firmware?product={PRODUCT}&version={version}&name=fw.bin");
        if let Ok(true) = post(origin, &path, "application/octet-stream", version.as_bytes()) {
            seen.lock().unwrap().firmware.push(version);
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// A sequence that is the same in each run.
pub fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn killed_again_and_again(mut cloud: Cloud, rounds: usize) {
    for n in 0..DEVICES {
        cloud.ok(&["device", "add", PRODUCT, &format!("d{n}"), &secret(&format!("d{n}"))]);
    }
    let image = cloud.path("first.bin");
    std::fs::write(&image, b"first").unwrap();
    cloud.ok(&["firmware", "add", image.to_str().unwrap(), "--product", PRODUCT, "--version", "5.0.0"]);
    let (broker, origin) = cloud.serve(&["--mqtt", "127.0.0.1:0"]);
    for n in 0..DEVICES {
        cloud.ok(&["push", PRODUCT, &format!("d{n}"), "--version", "5.0.0"]);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let seen: Vec<Arc<Mutex<Seen>>> = (0..=DEVICES).map(|_| Arc::default()).collect();
    let mut clients = Vec::new();
    for (n, seen) in seen.iter().enumerate() {
        let (stop, seen, broker, origin) = (stop.clone(), seen.clone(), broker.clone(), origin.clone());
        clients.push(std::thread::spawn(move || match n {
            DEVICES => person(&origin, &stop, &seen),
            _ => device(&format!("d{n}"), &broker, &stop, &seen),
        }));
    }
    let mut state = 0x2545_F491_4F6C_DD1D;
    // On a busy machine little happens between two kills: then there are more of them.
    let enough = || {
        let reports: usize = seen.iter().take(DEVICES).map(|seen| seen.lock().unwrap().steps.len()).sum();
        reports >= rounds && seen[DEVICES].lock().unwrap().devices.len() >= rounds / 2
    };
    let mut kills = 0;
    while kills < rounds || (!enough() && kills < 10 * rounds) {
        std::thread::sleep(Duration::from_millis(20 + random(&mut state) % 200));
        cloud.kill();
        cloud.serve(&["--mqtt", &broker, "--http", &origin]);
        kills += 1;
    }
    stop.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().unwrap());
    cloud.kill();
    cloud.serve(&["--mqtt", &broker, "--http", &origin]);

    let status: Value = serde_json::from_str(&cloud.ok(&["status", "--json"])).unwrap();
    let devices = status["devices"].as_array().unwrap();
    let named = |name: &str| devices.iter().find(|d| d["device_name"] == name);
    let mut reports = 0;
    for (n, seen) in seen.iter().take(DEVICES).enumerate() {
        let seen = seen.lock().unwrap();
        let device = named(&format!("d{n}")).expect("a device is lost");
        let updates = device["updates"].as_array().unwrap();
        assert_eq!(updates.len(), 1, "ordered once, and no device is updated twice: {updates:?}");
        let steps: Vec<u32> = updates[0]["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["desc"].as_str().unwrap().parse().unwrap())
            .collect();
        assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "in order and each once");
        let kept: std::collections::HashSet<u32> = steps.into_iter().collect();
        let lost: Vec<&u32> = seen.steps.iter().filter(|step| !kept.contains(step)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let version: u32 =
            device["version"].as_str().map_or(0, |v| v.rsplit('.').next().unwrap().parse().unwrap());
        assert!(version >= seen.version, "version {version}, acknowledged {}", seen.version);
        reports += seen.steps.len();
    }
    let seen = seen[DEVICES].lock().unwrap();
    assert!(seen.devices.iter().all(|name| named(name).is_some()), "a device is lost");
    let firmware = status["firmware"].as_array().unwrap();
    for version in &seen.firmware {
        let kept = firmware.iter().any(|f| f["version"] == version.as_str());
        assert!(kept, "firmware {version} is lost");
        let path = cloud.image_path(version);
        assert_eq!(
            crate::support::http(&origin, "GET", &path, "").1,
            version.as_bytes(),
            "the image of {version}"
        );
    }
    println!(
        "{kills} kills: {reports} reports, {} devices, {} firmwares kept",
        seen.devices.len(),
        seen.firmware.len()
    );
    assert!(reports >= rounds && seen.devices.len() >= rounds / 2, "nothing was going on");
}

/// Kills per run: 20, 200 with `OTAKIT_LONG=1`; `OTAKIT_KILL_ROUNDS` sets another number.
pub fn rounds() -> usize {
    let number = std::env::var("OTAKIT_KILL_ROUNDS").ok().and_then(|n| n.parse().ok());
    number.unwrap_or(if std::env::var_os("OTAKIT_LONG").is_some() { 200 } else { 20 })
}

#[test]
fn on_sqlite() {
    killed_again_and_again(Cloud::new("kill-sqlite"), rounds());
}

#[test]
fn on_postgresql() {
    let postgres = Postgres::start("kill");
    killed_again_and_again(Cloud::on("kill-postgresql", &postgres.url()), rounds());
}
