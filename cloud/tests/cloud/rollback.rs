// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs that are taken back.

use serde_json::Value;

use crate::jobs::{Bench, Mood, count};
use crate::support::PRODUCT;

/// Adds firmware 1.0, which the devices of a bench run.
fn add_old(bench: &Bench) {
    let image = bench.cloud.path("1.0");
    std::fs::write(&image, "1.0").unwrap();
    bench.cloud.ok(&["firmware", "add", image.to_str().unwrap(), "--product", PRODUCT, "--version", "1.0"]);
}

fn roll_back(bench: &Bench, id: &str) -> Value {
    serde_json::from_str(&bench.cloud.ok(&["job", "rollback", id, "--json"])).unwrap()
}

#[test]
fn each_device_gets_back_what_it_had() {
    let bench = Bench::new("rollback", 4);
    add_old(&bench);
    bench.fleet.mood("d1", Mood::Slow);
    bench.fleet.mood("d2", Mood::Bad);
    // The fourth does not begin within this minute.
    let id = bench.create(&["--rate", "3"]);
    bench.act(&id, &["approve"]);
    assert!(bench.refused(&["job", "rollback", &id]).contains("no device got its firmware"));
    bench.act(&id, &["start"]);
    bench.until("one has it, one is at work, one failed", || {
        let job = bench.job(&id);
        ["succeeded", "failed", "waiting"].iter().all(|what| count(&job, what) == 1)
            && bench.cloud.ok(&["status", PRODUCT, "d1"]).contains("downloading")
    });
    let done = roll_back(&bench, &id);
    assert_eq!((done["left_out"].as_array().unwrap().len(), &done["auto_ended"]), (0, &Value::from(false)));
    let back = &done["jobs"][0];
    assert_eq!((&back["version"], &back["state"]), (&Value::from("1.0"), &Value::from("running")), "{back}");
    let back = back["id"].to_string();
    let job = bench.job(&id);
    assert_eq!(
        (&job["state"], &job["reason"]),
        (&Value::from("cancelled"), &Value::from("it was rolled back"))
    );
    bench.until("d0 is back", || count(&bench.job(&back), "succeeded") == 1);
    let waiting = bench.job(&back);
    assert_eq!(
        (count(&waiting, "waiting"), &waiting["state"]),
        (1, &Value::from("running")),
        "d1 is at work: {waiting}"
    );
    assert_eq!(bench.fleet.offered("d1"), ["2.0"], "it is left in peace");
    bench.fleet.mood("d1", Mood::Good);
    let job = bench.wait(&back, "done");
    assert_eq!((count(&job, "succeeded"), count(&job, "failed")), (2, 0), "{job}");
    assert_eq!(bench.fleet.offered("d0"), ["2.0", "1.0"]);
    assert_eq!(bench.fleet.offered("d1"), ["2.0", "1.0"], "after it had come to its end");
    assert_eq!(bench.fleet.offered("d2"), ["2.0"], "who failed has the old version");
    assert!(bench.fleet.offered("d3").is_empty(), "who had not begun does not begin");
    assert!(bench.refused(&["job", "rollback", &id]).contains("newer order"), "once is enough");
}

#[test]
fn firmware_that_is_offered_unasked_is_not_offered_again() {
    let bench = Bench::new("rollback-auto", 2);
    add_old(&bench);
    let id = bench.create(&["--verify", "d0"]);
    bench.act(&id, &["verify"]);
    bench.wait(&id, "verified");
    let image = bench.cloud.path("2.0");
    let add = ["firmware", "add", image.to_str().unwrap(), "--product", PRODUCT, "--version", "2.0"];
    bench.cloud.ok(&[&add[..], &["--auto", "--replace"]].concat());
    let done = roll_back(&bench, &id);
    assert_eq!(done["auto_ended"], true);
    assert_eq!(
        done["jobs"][0]["counts"]["waiting"].as_u64().unwrap()
            + done["jobs"][0]["counts"]["running"].as_u64().unwrap(),
        1
    );
    bench.wait(&done["jobs"][0]["id"].to_string(), "done");
    // Twice the time after which it would be offered what is offered unasked.
    std::thread::sleep(std::time::Duration::from_millis(700));
    assert_eq!(bench.fleet.offered("d0"), ["2.0", "1.0"]);
    assert!(!bench.cloud.ok(&["firmware", "list"]).contains("auto"));
}

#[test]
fn what_cannot_be_taken_back() {
    let bench = Bench::new("rollback-not", 1);
    let id = bench.create(&[]);
    bench.act(&id, &["approve", "start"]);
    bench.wait(&id, "done");
    let refused = bench.refused(&["job", "rollback", &id]);
    assert!(refused.contains("d0: it ran 1.0, and there is no firmware of that version"), "{refused}");
    assert!(bench.refused(&["job", "rollback", "99"]).contains("there is no job 99"));
    assert_eq!(bench.job(&id)["state"], "done", "nothing has changed");
    assert_eq!(bench.cloud.ok(&["job", "list"]).lines().count(), 1);
}
