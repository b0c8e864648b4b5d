// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which order counts, and what may happen to a firmware and a job meanwhile.

use std::time::Duration;

use serde_json::Value;

use crate::jobs::{Bench, Mood, count};
use crate::postgres::Postgres;
use crate::support::{Cloud, PRODUCT};

/// The same on both databases.
fn on_both(name: &str, devices: usize, test: impl Fn(&Bench)) {
    test(&Bench::new(name, devices));
    let postgres = Postgres::start(name);
    test(&Bench::on(Cloud::on(&format!("{name}-postgres"), &postgres.url()), devices));
}

fn target(job: &Value, name: &str) -> Value {
    let devices = job["devices"].as_array().unwrap();
    devices.iter().find(|device| device["device_name"] == name).unwrap().clone()
}

#[test]
fn a_later_stage_leaves_out_who_has_had_a_newer_order() {
    on_both("newer-order", 2, |bench| {
        for name in ["d0", "d1"] {
            bench.fleet.mood(name, Mood::Slow);
        }
        let id = bench.create(&["--stage", "50:100", "--stage", "100:0"]);
        bench.act(&id, &["approve", "start"]);
        bench.until("the first is at work", || {
            ["d0", "d1"].iter().any(|name| !bench.fleet.offered(name).is_empty())
        });
        let (first, other) = if bench.fleet.offered("d0").is_empty() { ("d1", "d0") } else { ("d0", "d1") };
        bench.fleet.mood(other, Mood::Good);
        bench.cloud.ok(&["push", PRODUCT, other, "--version", "3.0"]);
        bench.until("the other has the newer one", || bench.cloud.ok(&["device", "list"]).contains(" 3.0\n"));
        bench.fleet.mood(first, Mood::Good);
        let job = bench.wait(&id, "done");
        assert_eq!((count(&job, "succeeded"), count(&job, "dropped")), (1, 1), "{job}");
        let left_out = target(&job, other);
        assert_eq!(left_out["state"], "superseded", "{left_out}");
        assert!(left_out["reason"].as_str().unwrap().contains("newer order"), "{left_out}");
        assert_eq!(bench.fleet.offered(other), ["3.0"], "no device goes back");
    });
}

#[test]
fn a_start_is_newer_than_what_was_ordered_before_it() {
    let bench = Bench::new("newer-start", 1);
    let older = bench.create(&[]);
    bench.cloud.ok(&["push", PRODUCT, "d0", "--version", "3.0"]);
    bench.until("it has 3.0", || bench.cloud.ok(&["device", "list"]).contains(" 3.0\n"));
    bench.act(&older, &["approve", "start"]);
    assert_eq!(count(&bench.wait(&older, "done"), "succeeded"), 1);
}

#[test]
fn an_order_that_was_called_off_is_none() {
    let bench = Bench::new("called-off", 2);
    for name in ["d0", "d1"] {
        bench.fleet.mood(name, Mood::Slow);
    }
    let id = bench.create(&["--rate", "1"]);
    bench.act(&id, &["approve", "start", "pause"]);
    bench.until("d0 is at work", || !bench.fleet.offered("d0").is_empty());
    bench.cloud.ok(&["push", PRODUCT, "d1", "--version", "3.0"]);
    bench.cloud.ok(&["cancel", PRODUCT, "d1"]);
    bench.act(&id, &["resume"]);
    let job = bench.job(&id);
    assert_eq!(count(&job, "dropped"), 0, "{job}");
}

#[test]
fn a_retry_while_the_job_is_paused_begins_when_it_goes_on() {
    on_both("paused-retry", 3, |bench| {
        for name in ["d0", "d1", "d2"] {
            bench.fleet.mood(name, Mood::Bad);
        }
        let id = bench.create(&["--error-percent", "30", "--rate", "1"]);
        bench.act(&id, &["approve", "start"]);
        let job = bench.wait(&id, "paused");
        assert_eq!((count(&job, "failed"), count(&job, "waiting")), (1, 2), "{job}");
        for name in ["d0", "d1", "d2"] {
            bench.fleet.mood(name, Mood::Slow);
        }
        bench.act(&id, &["retry"]);
        std::thread::sleep(Duration::from_millis(1500));
        let job = bench.job(&id);
        assert_eq!((&job["state"], count(&job, "waiting")), (&Value::from("paused"), 3), "{job}");
        assert_eq!(bench.fleet.offered("d0").len(), 1, "nothing begins");
    });
    let bench = Bench::new("paused-retry-goes-on", 1);
    bench.fleet.mood("d0", Mood::Bad);
    let id = bench.create(&["--error-percent", "30"]);
    bench.act(&id, &["approve", "start"]);
    bench.wait(&id, "paused");
    bench.fleet.mood("d0", Mood::Good);
    bench.act(&id, &["retry", "resume"]);
    assert_eq!(count(&bench.wait(&id, "done"), "succeeded"), 1);
    assert_eq!(bench.fleet.offered("d0"), ["2.0", "2.0"], "once more, and not twice");
}

#[test]
fn firmware_that_is_needed_is_not_replaced() {
    on_both("replace-needed", 1, |bench| {
        bench.fleet.mood("d0", Mood::Stuck);
        let image = bench.cloud.path("other");
        std::fs::write(&image, "other bytes").unwrap();
        let (same, other) = (bench.cloud.path("2.0"), image);
        let replace = ["--product", PRODUCT, "--version", "2.0", "--replace"];
        let with = |image: &std::path::Path| {
            let words = [&["firmware", "add", image.to_str().unwrap()][..], &replace].concat();
            bench.cloud.run(&words)
        };
        let refused = || {
            let output = with(&other);
            assert_eq!(output.status.code(), Some(1));
            String::from_utf8(output.stderr).unwrap()
        };
        let id = bench.create(&["--verify", "d0"]);
        let said = refused();
        assert!(said.contains(&format!("job {id} needs it. ")) && said.contains("another version"), "{said}");
        assert!(with(&same).status.success());
        bench.act(&id, &["verify"]);
        bench.until("d0 is at work", || !bench.fleet.offered("d0").is_empty());
        assert!(refused().contains("needs it and 1 device is being updated to it"));
        bench.act(&id, &["cancel"]);
        bench.cloud.ok(&["push", PRODUCT, "d0", "--version", "2.0"]);
        let said = refused();
        assert!(said.contains("replaced: 1 device is being updated to it. "), "{said}");
        bench.cloud.ok(&["cancel", PRODUCT, "d0"]);
        assert!(with(&other).status.success());
    });
}
