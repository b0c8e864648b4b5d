// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers to the library's own questions for a fresh URL are no orders, on whatever topic they come.

use otakit_core::offer::Offer;

use super::*;

/// A bench whose URL dies at half of the image; the platform answers each question on `topic` with the same dead URL.
fn dying(topic: &'static str) -> Bench {
    let bench = bench();
    let dead = offer("http://h/old", &digest(&IMAGE));
    *bench.wire.answer.lock() =
        Some(Arc::new(move |asked| (asked == REQUEST).then(|| (topic.to_owned(), dead.clone()))));
    bench
}

/// The vendor's loop: how many updates begin in so many turns of it.
fn begun(bench: &Bench, turns: usize) -> usize {
    let mut begun = 0;
    for _ in 0..turns {
        bench.ota.take_waiting();
        if bench.ota.is_offered() {
            begun += 1;
            assert_eq!(bench.fetch(), Err(OtaError::Fetch));
            assert!(bench.ota.has_ended());
        }
    }
    begun
}

#[test]
fn a_failed_update_does_not_begin_again_by_an_answer() {
    for topic in [UPGRADE, REQUEST] {
        let bench = dying(topic);
        bench.offer("http://h/old");
        assert_eq!(begun(&bench, 10), 1, "{topic}");
        let asked = bench.wire.sent("request").len();
        assert!((1..20).contains(&asked), "{asked} questions");
        assert_eq!(begun(&bench, 10), 0, "{topic}: it stays failed");
        assert_eq!(bench.wire.sent("request").len(), asked);
        // The platform orders it again.
        bench.offer("http://h/old");
        assert_eq!(begun(&bench, 10), 1, "{topic}: an order");
        bench.offer("http://h/new");
        assert!(bench.ota.is_offered());
        assert_eq!(bench.fetch().unwrap(), IMAGE);
        assert_eq!(bench.ota.verdict(), Ok(true));
    }
}

#[test]
fn an_answer_that_comes_too_late_begins_nothing_and_one_to_the_application_does() {
    for topic in [UPGRADE, REQUEST] {
        let bench = bench();
        let late = |bench: &Bench| bench.wire.deliver(topic, &offer("http://h/old", &digest(&IMAGE)));
        bench.offer("http://h/new");
        bench.ota.state.lock().asked(Instant::now());
        bench.ota.cancel();
        assert!(bench.ota.has_ended());
        late(&bench);
        assert!(!bench.ota.is_offered(), "{topic}");
        bench.ota.state.lock().asked(Instant::now());
        bench.ota.request_image("1.0.0").unwrap();
        late(&bench);
        assert!(bench.ota.is_offered(), "{topic}: the application asked");
    }
}

#[test]
fn an_answer_about_an_image_that_gave_way_is_no_order() {
    for begun in [false, true] {
        let bench = bench();
        bench.offer("http://h/new");
        bench.ota.state.lock().asked(Instant::now());
        if begun {
            // The download has failed meanwhile, and the application knows.
            bench.ota.cancel();
            assert!(bench.ota.has_ended());
            assert_eq!(bench.ota.verdict(), Ok(false));
        }
        let newer = offer("http://h/newer", &digest(&IMAGE)).replace("2.0.0", "3.0.0");
        bench.wire.deliver(UPGRADE, &newer);
        let version = || bench.ota.session().current().unwrap().version;
        assert_eq!(version(), "3.0.0");
        bench.wire.deliver(REQUEST, &offer("http://h/new", &digest(&IMAGE)));
        assert_eq!(version(), "3.0.0", "{begun}");
        assert_eq!(bench.fetch().unwrap(), IMAGE);
        assert_eq!(bench.ota.verdict(), Ok(true));
        bench.ota.take_waiting();
        assert!(!bench.ota.is_offered(), "{begun}: nothing waited");
        // Without a question, the same is an order.
        bench.wire.deliver(REQUEST, &offer("http://h/new", &digest(&IMAGE)));
        assert!(bench.ota.is_offered(), "{begun}");
    }
}

#[test]
fn a_late_answer_is_there_for_the_next_question() {
    let bench = bench();
    bench.offer("http://h/old");
    bench.ota.state.lock().asked(Instant::now());
    bench.wire.deliver(REQUEST, &offer("http://h/new", &digest(&IMAGE)));
    assert_eq!(bench.fetch().unwrap(), IMAGE);
    assert_eq!(bench.wire.sent("request").len(), 0, "nothing more was asked");
}

#[test]
fn an_offer_made_once_more_in_a_download_has_the_next_url() {
    let bench = bench();
    bench.offer("http://h/new");
    bench.ota.fetch(1000, LONG, &mut |_| {}).unwrap();
    let expired = bench.ota.session().current().unwrap();
    let fresh = |expired: &Offer| {
        let content = bench.ota.state.lock().orders.take_fresh(expired)?;
        Some(match content {
            Content::Firmware(firmware) => firmware.offer.url,
            Content::Config(config) => config.offer.url,
        })
    };
    assert_eq!(fresh(&expired), None, "nothing came");
    bench.offer("http://h/newer");
    assert_eq!(fresh(&expired).as_deref(), Some("http://h/newer"));
    let renewed = Offer { url: "http://h/newer".to_owned(), ..expired.clone() };
    assert_eq!(fresh(&renewed), None, "that one has expired, too");
    assert_eq!(fresh(&Offer { size: 1, ..expired }), None, "another image");
}
