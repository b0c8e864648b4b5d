// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables that go from version to version, and a command that is killed while they do.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::kill::random;
use crate::postgres::Postgres;
use crate::support::{Cloud, DEVICE, PRODUCT, SECRET, image};

fn version(cloud: &Cloud) -> (i64, i64) {
    let status: Value = serde_json::from_str(&cloud.ok(&["db", "status", "--json"])).unwrap();
    (status["version"].as_i64().unwrap(), status["newest"].as_i64().unwrap())
}

/// A whole version or the one before, never something in between.
fn killed(cloud: &Cloud, rounds: usize) {
    let fw = cloud.path("fw.bin");
    image(&fw, 1000);
    let (_, newest) = version(cloud);
    let (mut luck, mut halfway) = (77, 0);
    for round in 0..rounds {
        let to = if round.is_multiple_of(2) { newest } else { 0 };
        let from = version(cloud).0;
        let text = to.to_string();
        let mut command = cloud.command(&["db", "migrate", "--to", &text]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random(&mut luck) % 40_000));
        let ended = child.try_wait().unwrap().is_some();
        let _ = child.kill();
        child.wait().unwrap();
        let now = version(cloud).0;
        assert!((0..=newest).contains(&now) && (!ended || now == to), "from {from} to {to}: {now}");
        halfway += usize::from(now != to);
        cloud.ok(&["db", "migrate", "--to", &text]);
        assert_eq!(version(cloud).0, to);
    }
    assert!(halfway > 0, "none was killed before its end");
    cloud.ok(&["db", "migrate"]);
    cloud.ok(&["device", "add", PRODUCT, DEVICE, SECRET]);
    cloud.ok(&["firmware", "add", fw.to_str().unwrap(), "--product", PRODUCT, "--version", "2.0.0"]);
    assert!(cloud.ok(&["device", "list"]).contains(DEVICE), "the tables are whole");
}

#[test]
fn killed_on_sqlite() {
    killed(&Cloud::new("migrate-sqlite"), 60);
}

#[test]
fn killed_on_postgresql() {
    let postgres = Postgres::start("migrate");
    killed(&Cloud::on("migrate-postgresql", &postgres.url()), 40);
}
