// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reports that are not so yet: the vendor's loop reports a failed download with each `FetchYield` that brings nothing.

use parking_lot::Condvar;

use super::*;

/// A server that says nothing until it is let.
#[derive(Default)]
struct Silence {
    pieces: Mutex<Vec<Result<Vec<u8>, FetchError>>>,
    came: Condvar,
}

struct Waiting(Arc<Silence>);

impl Silence {
    fn say(&self, piece: Result<Vec<u8>, FetchError>) {
        self.pieces.lock().push(piece);
        self.came.notify_all();
    }
}

impl Body for Waiting {
    fn read(&mut self, buf: &mut [u8], wait: Duration) -> Result<Option<usize>, FetchError> {
        let mut pieces = self.0.pieces.lock();
        if pieces.is_empty() {
            self.0.came.wait_for(&mut pieces, wait);
        }
        if pieces.is_empty() {
            return Ok(None);
        }
        let piece = pieces.remove(0)?;
        buf[..piece.len()].copy_from_slice(&piece);
        Ok(Some(piece.len()))
    }
}

struct Silent(Arc<Silence>);

impl Source for Silent {
    fn open(&self, request: &Request<'_>, cancel: &CancellationToken) -> Box<dyn crate::fetch::Opening> {
        crate::fetch::at_once(self.opened(request, cancel))
    }
}

impl Silent {
    fn opened(&self, request: &Request<'_>, _: &CancellationToken) -> Result<Opened, FetchError> {
        Ok(Opened { body: Box::new(Waiting(self.0.clone())), start: request.offset, validator: None })
    }
}

struct Stall {
    bench: Bench,
    server: Arc<Silence>,
}

impl Stall {
    fn new() -> Self {
        let (wire, server) = (Arc::new(Wire::default()), Arc::new(Silence::default()));
        let device = Device::new("pk", "dn").unwrap();
        let mut settings = Settings::default();
        settings.retry_policy.attempts = 1;
        let source = Arc::new(Silent(server.clone()));
        let ota = Ota::open(device, None, wire.clone(), source, settings).unwrap();
        let bench = Bench { wire, ota };
        bench.offer("http://h/new");
        Self { bench, server }
    }

    /// One turn of the vendor's loop: a failure is reported when nothing came.
    fn turn(&self, timeout: Duration) -> Result<usize, OtaError> {
        let fetched = self.bench.ota.fetch(5000, timeout, &mut |_| {});
        if !matches!(fetched, Ok(1..)) {
            self.bench.ota.report_progress(-2, "").unwrap();
        }
        fetched
    }

    fn steps(&self) -> Vec<String> {
        let sent = self.bench.wire.sent("progress");
        sent.iter().map(|text| text.split('"').nth(7).unwrap().to_owned()).collect()
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        self.server.say(Err(FetchError::Truncated));
    }
}

#[test]
fn a_stall_that_ends_is_no_failure() {
    let stall = Stall::new();
    for _ in 0..3 {
        assert_eq!(stall.turn(MS), Ok(0));
    }
    stall.server.say(Ok(IMAGE[..1000].to_vec()));
    while stall.bench.ota.session().progress().unwrap().0 < 1000 {
        stall.turn(50 * MS).unwrap();
    }
    assert_eq!(stall.turn(MS), Ok(0));
    stall.server.say(Ok(IMAGE[1000..].to_vec()));
    while !stall.bench.ota.has_ended() {
        stall.turn(50 * MS).unwrap();
    }
    assert_eq!(stall.bench.ota.verdict(), Ok(true));
    stall.bench.ota.close();
    assert_eq!(stall.steps(), ["0"], "nothing of a failure");
}

#[test]
fn a_stall_that_ends_in_a_failure_is_told_once() {
    let stall = Stall::new();
    for _ in 0..3 {
        assert_eq!(stall.turn(MS), Ok(0));
    }
    assert_eq!(stall.steps(), [""; 0]);
    stall.server.say(Err(FetchError::Length { announced: 1 }));
    assert_eq!(stall.turn(LONG), Err(OtaError::Fetch));
    assert_eq!(stall.steps(), ["-2"]);
    stall.bench.ota.close();
    assert_eq!(stall.steps(), ["-2"]);
}

#[test]
fn a_failure_that_was_not_foretold_is_told_by_the_application() {
    let stall = Stall::new();
    stall.server.say(Err(FetchError::Length { announced: 1 }));
    assert_eq!(stall.turn(LONG), Err(OtaError::Fetch));
    assert_eq!(stall.steps(), ["-2"]);
}

#[test]
fn a_session_that_ends_in_a_stall_tells_it() {
    for end in [Ota::close, Ota::forget_offer] {
        let stall = Stall::new();
        assert_eq!(stall.turn(MS), Ok(0));
        end(&stall.bench.ota);
        assert_eq!(stall.steps(), ["-2"]);
    }
    let stall = Stall::new();
    stall.bench.ota.close();
    assert_eq!(stall.steps(), [""; 0], "nothing was reported, nothing is told");
}

#[test]
fn completion_is_told_with_the_verdict() {
    for (md5, told) in [(digest(&IMAGE), &["0", "100"][..]), (digest(b"other"), &["0", "-3"])] {
        let stall = Stall::new();
        stall.bench.ota.forget_offer();
        stall.bench.wire.deliver(UPGRADE, &offer("http://h/new", &md5));
        stall.server.say(Ok(IMAGE[..4999].to_vec()));
        while stall.bench.ota.session().progress().unwrap().0 < 4999 {
            stall.turn(50 * MS).unwrap();
        }
        // 4,999 of 5,000 bytes are 100 % when rounded.
        stall.bench.ota.report_progress(100, "").unwrap();
        assert_eq!(stall.steps(), ["0"]);
        stall.server.say(Ok(IMAGE[4999..].to_vec()));
        while !stall.bench.ota.has_ended() {
            stall.turn(50 * MS).unwrap();
        }
        let valid = stall.bench.ota.verdict().unwrap();
        assert_eq!(stall.steps(), told);
        stall.bench.ota.report_progress(100, "").unwrap();
        assert_eq!(stall.steps().len(), told.len() + usize::from(valid));
    }
}

#[test]
fn who_has_not_begun_to_fetch_is_believed_at_once() {
    let stall = Stall::new();
    stall.bench.ota.report_progress(-2, "no room").unwrap();
    assert_eq!(stall.steps(), ["-2"]);
}

#[test]
fn a_cancelled_download_has_failed() {
    for held in [true, false] {
        let stall = Stall::new();
        assert_eq!(stall.bench.ota.fetch(5000, MS, &mut |_| {}), Ok(0));
        if held {
            stall.bench.ota.report_progress(-2, "").unwrap();
        }
        assert_eq!(stall.steps(), [""; 0]);
        stall.bench.ota.cancel();
        assert_eq!(stall.steps().len(), usize::from(held), "what was not reported is not told");
        stall.bench.ota.report_progress(-2, "").unwrap();
        assert_eq!(stall.steps(), ["-2"]);
    }
}

#[test]
fn a_download_that_its_store_gives_up_has_failed() {
    let stall = Stall::new();
    assert_eq!(stall.turn(MS), Ok(0));
    stall.bench.ota.session().give_up(Failure::Internal);
    stall.bench.ota.take_waiting();
    assert_eq!(stall.steps(), ["-2"]);
}

/// What was accepted and became true without a link is told once there is one, by whichever call comes first.
#[test]
fn without_a_link_it_is_told_later() {
    let yields: fn(&Ota) = Ota::take_waiting;
    let asks: fn(&Ota) = |ota| assert!(!ota.is_offered());
    let reports: fn(&Ota) = |ota| ota.report_version("1.0.0").unwrap();
    for call in [yields, asks, reports] {
        let stall = Stall::new();
        let Bench { wire, ota } = &stall.bench;
        assert_eq!(stall.turn(MS), Ok(0));
        wire.broken.store(true, Ordering::Relaxed);
        stall.server.say(Err(FetchError::Length { announced: 1 }));
        assert_eq!(ota.fetch(5000, LONG, &mut |_| {}), Err(OtaError::Fetch));
        assert_eq!(ota.last_error(), Some(OtaError::Fetch), "the download's error, not the link's");
        call_offline(ota);
        wire.broken.store(false, Ordering::Relaxed);
        // `is_offered` rests after a try that failed.
        std::thread::sleep(250 * MS);
        call(ota);
        assert_eq!(stall.steps(), ["-2"]);
        ota.report_progress(-2, "").unwrap();
        assert_eq!(stall.steps(), ["-2"], "the application's own says nothing new");
    }
}

fn call_offline(ota: &Ota) {
    for _ in 0..3 {
        ota.take_waiting();
        let _ = ota.is_offered();
    }
}

#[test]
fn completion_and_a_wrong_digest_wait_for_the_link_too() {
    for (md5, told) in [(digest(&IMAGE), "100"), (digest(b"other"), "-3")] {
        let stall = Stall::new();
        let Bench { wire, ota } = &stall.bench;
        ota.forget_offer();
        wire.deliver(UPGRADE, &offer("http://h/new", &md5));
        ota.report_progress(100, "").unwrap();
        wire.broken.store(true, Ordering::Relaxed);
        stall.server.say(Ok(IMAGE.to_vec()));
        stall.bench.fetch().unwrap();
        assert_eq!(ota.verdict(), Ok(told == "100"));
        assert_eq!(ota.last_error(), None);
        call_offline(ota);
        wire.broken.store(false, Ordering::Relaxed);
        ota.take_waiting();
        assert_eq!((ota.verdict(), stall.steps()), (Ok(told == "100"), vec![told.to_owned()]));
        ota.close();
        assert_eq!(stall.steps().len(), 1, "once");
    }
}

#[test]
fn the_newest_verdict_is_told_and_one_of_an_older_update_is_not() {
    let stall = Stall::new();
    let Bench { wire, ota } = &stall.bench;
    assert_eq!(stall.turn(MS), Ok(0));
    wire.broken.store(true, Ordering::Relaxed);
    ota.cancel();
    // What the application reports now is not accepted, so it is not kept.
    assert_eq!(ota.report_progress(-4, ""), Err(OtaError::Signal));
    assert!(ota.has_ended());
    // An offer means that the link is there: first the end of the update before it.
    wire.broken.store(false, Ordering::Relaxed);
    stall.bench.offer("http://h/newer");
    assert!(ota.is_fetching());
    ota.close();
    assert_eq!(stall.steps(), ["-2"]);
}
