// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a transfer makes of a course of answers: useless parts, foreign pages, other versions, rests, hardly any bytes.

use otakit_core::pace::Floor;
use otakit_core::store::StoreError;

use super::*;
use crate::engine::Download;
use crate::store::{Keep, Sink};

fn fails(error: FetchError) -> Opening {
    Opening::Fails(error)
}

fn whole() -> Opening {
    Opening::Bytes { start: Start::At(0), end: SIZE, piece: 999, then: FetchError::Truncated }
}

fn offsets(script: &Script) -> Vec<u64> {
    script.asked.lock().iter().map(|(offset, _)| *offset).collect()
}

/// A session of so much patience that only what is tested ends it.
fn patient(openings: Vec<Opening>) -> (Session, Arc<Script>, Offer) {
    let (session, script, offer) = setup(openings);
    let retry_policy = RetryPolicy { attempts: 9, base: Duration::ZERO, cap: Duration::ZERO };
    session.configure(Settings { retry_policy, slots: 2, slot_size: 256, ..Settings::default() });
    (session, script, offer)
}

#[test]
fn after_three_useless_parts_the_image_is_asked_for_from_its_first_byte() {
    let empty = || Opening::Bytes { start: Start::AsAsked, end: 0, piece: 1, then: FetchError::Truncated };
    let useless = [
        fails(FetchError::Range),
        fails(FetchError::Length { announced: 7 }),
        fails(FetchError::Encoding),
        empty(),
    ];
    for each in useless {
        let (session, script, offer) =
            patient(vec![bytes_to(4000), each.clone(), each.clone(), each.clone(), whole()]);
        session.offer(offer).unwrap();
        let (bytes, failure) = drain(&session);
        assert_eq!((failure, session.verdict()), (None, Some(true)), "{each:?}");
        assert!(bytes == script.image);
        assert_eq!(offsets(&script), [0, 4000, 4000, 4000, 0], "{each:?}");
    }
}

#[test]
fn a_refusal_in_mid_download_counts_once_a_request_for_the_whole_is_refused_too() {
    let status = |status| FetchError::Status { status, retry_after: None };
    for refusal in [400, 401, 403, 404, 410, 412].map(status).into_iter().chain([FetchError::Forbidden]) {
        let once = vec![bytes_to(4000), fails(refusal.clone()), whole()];
        let (session, script, offer) = patient(once);
        session.offer(offer).unwrap();
        assert!(drain(&session).0 == script.image, "{refusal}");
        assert_eq!((session.verdict(), offsets(&script)), (Some(true), vec![0, 4000, 0]), "{refusal}");
        let twice = vec![bytes_to(4000), fails(refusal.clone()), fails(refusal.clone())];
        let (session, script, offer) = patient(twice);
        session.offer(offer).unwrap();
        assert_eq!(drain(&session).1, Some(Failure::Fetch(refusal)));
        assert_eq!(offsets(&script), [0, 4000, 0]);
    }
}

#[test]
fn an_expired_url_is_asked_without_a_range_before_a_fresh_one_which_is_asked_for_the_part() {
    let expired = || fails(FetchError::Status { status: 403, retry_after: None });
    let course = vec![bytes_to(4000), expired(), expired(), expired(), bytes_to(SIZE)];
    let (session, script, offer) = patient(course);
    let renewals = [Some("test:dead"), Some("test:fresh")];
    session.set_renewal(Some(Arc::new(super::edges::Renewals(Mutex::new(renewals.into())))));
    session.offer(offer).unwrap();
    assert!(drain(&session).0 == script.image);
    assert_eq!(offsets(&script), [0, 4000, 0, 4000, 4000]);
}

#[test]
fn a_server_that_is_away_is_not_asked_for_everything() {
    let away = || fails(FetchError::Status { status: 503, retry_after: None });
    let broken = || fails(FetchError::Net(NetError::Broken));
    let course = vec![bytes_to(4000), away(), broken(), away(), broken(), away(), bytes_to(SIZE)];
    let (session, script, offer) = patient(course);
    session.offer(offer).unwrap();
    assert!(drain(&session).0 == script.image);
    assert_eq!(offsets(&script), [0, 4000, 4000, 4000, 4000, 4000, 4000]);
}

#[test]
fn a_foreign_page_ends_a_transfer_before_its_first_byte_only() {
    let foreign = [
        FetchError::Length { announced: 20 },
        FetchError::Encoding,
        FetchError::Redirect,
        FetchError::InsecureRedirect,
    ];
    for page in foreign {
        let (session, script, offer) = patient(vec![bytes_to(4000), fails(page.clone()), bytes_to(SIZE)]);
        session.offer(offer).unwrap();
        assert!(drain(&session).0 == script.image, "{page:?}");
        let (session, _, offer) = patient(vec![fails(page.clone())]);
        session.offer(offer).unwrap();
        assert_eq!(drain(&session).1, Some(Failure::Fetch(page)));
    }
}

#[test]
fn what_is_not_http_is_asked_three_times() {
    let (session, script, offer) = patient((0..3).map(|_| fails(FetchError::Protocol)).collect());
    session.offer(offer).unwrap();
    assert_eq!(drain(&session).1, Some(Failure::Fetch(FetchError::Protocol)));
    assert_eq!(offsets(&script), [0, 0, 0]);
}

#[test]
fn a_part_of_another_version_ends_a_reading_at_once() {
    let (session, script, offer) = patient(vec![bytes_to(4000), fails(FetchError::Changed)]);
    session.offer(offer).unwrap();
    let (bytes, failure) = drain(&session);
    assert_eq!((bytes.len(), failure), (4000, Some(Failure::Fetch(FetchError::Changed))));
    assert_eq!(offsets(&script), [0, 4000]);
}

/// A sink of bytes that are there to be looked at.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    closed: Option<Keep>,
}

impl Sink for Kept {
    fn open(&mut self, offset: u64, _: u64) -> Result<(), StoreError> {
        self.bytes.truncate(usize::try_from(offset).unwrap());
        Ok(())
    }

    fn write(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn can_resume(&self) -> bool {
        false
    }

    fn close(&mut self, keep: Keep) -> Result<(), StoreError> {
        self.closed = Some(keep);
        Ok(())
    }
}

fn downloaded(
    openings: Vec<Opening>,
    change: impl FnOnce(&mut Offer),
) -> (Result<bool, Failure>, Kept, Arc<Script>) {
    let (session, script, mut offer) = patient(openings);
    change(&mut offer);
    let mut sink = Kept::default();
    let download = Download {
        session: &session,
        sink: &mut sink,
        journal: None,
        chunk: 512,
        every: 4096,
        keep_record: false,
    };
    let outcome = download.run(&offer, &mut |_| true);
    (outcome, sink, script)
}

#[test]
fn a_download_of_parts_that_do_not_fit_is_fetched_once_more_in_one_piece() {
    let wrong = |offer: &mut Offer| {
        offer.digest = Expected::from_hex(Algorithm::Md5, "00000000000000000000000000000000").unwrap();
    };
    for (openings, asked) in [
        (vec![bytes_to(4000), bytes_to(SIZE), bytes_to(SIZE)], vec![0, 4000, 0]),
        (vec![bytes_to(4000), whole(), bytes_to(4000), bytes_to(SIZE)], vec![0, 4000, 0, 4000]),
    ] {
        let (outcome, sink, script) = downloaded(openings, wrong);
        assert_eq!((outcome, sink.closed), (Ok(false), Some(Keep::Nothing)));
        assert_eq!(offsets(&script), asked);
    }
    // In one piece already: the same bytes would come again.
    let (outcome, _, script) = downloaded(vec![bytes_to(SIZE)], wrong);
    assert_eq!((outcome, offsets(&script)), (Ok(false), vec![0]));
    let changed = vec![bytes_to(4000), fails(FetchError::Changed), bytes_to(SIZE)];
    let (outcome, sink, script) = downloaded(changed, |_| {});
    assert_eq!((outcome, sink.closed, offsets(&script)), (Ok(true), Some(Keep::Image), vec![0, 4000, 0]));
    assert!(sink.bytes == script.image);
}

#[test]
fn a_rest_drops_the_connection_at_once_and_counts_nothing() {
    // One failure would end it.
    let retry_policy = RetryPolicy { attempts: 1, base: Duration::ZERO, cap: Duration::ZERO };
    let (session, script, offer) = setup((0..20).map(|_| Opening::Hangs).chain([bytes_to(SIZE)]));
    session.configure(Settings { retry_policy, slots: 2, slot_size: 256, ..Settings::default() });
    session.offer(offer).unwrap();
    for n in 1..=20 {
        // A hanging body ends by its cancel only.
        while offsets(&script).len() < n {
            assert_eq!(session.read(&mut [0; 8], Duration::from_millis(1)).unwrap().bytes, 0);
        }
        session.pause();
        session.resume();
    }
    assert!(drain(&session).0 == script.image);
    assert_eq!(session.verdict(), Some(true));
}

#[test]
fn a_rest_may_come_before_the_first_attempt_and_in_a_long_wait() {
    let (session, script, offer) = setup([fails(FetchError::Net(NetError::Connect)), bytes_to(SIZE)]);
    let hour = Duration::from_secs(3600);
    session.configure(Settings {
        retry_policy: RetryPolicy { attempts: 2, base: hour, cap: hour },
        slots: 2,
        slot_size: 256,
        ..Settings::default()
    });
    session.offer(offer).unwrap();
    session.pause();
    assert_eq!(session.read(&mut [0; 8], Duration::from_millis(20)).unwrap().bytes, 0);
    assert_eq!(offsets(&script).len(), 0);
    session.resume();
    while offsets(&script).is_empty() {
        session.read(&mut [0; 8], Duration::from_millis(1)).unwrap();
    }
    session.pause();
    session.resume();
    assert!(drain(&session).0 == script.image);
}

#[test]
fn a_floor_is_not_evaded_by_connecting_again_for_each_byte() {
    let byte =
        |n: usize| Opening::Bytes { start: Start::AsAsked, end: n, piece: 1, then: FetchError::Truncated };
    let (session, _, offer) = setup((1..1000).map(byte));
    session.configure(Settings {
        retry_policy: RetryPolicy {
            attempts: 1000,
            base: Duration::from_millis(4),
            cap: Duration::from_millis(4),
        },
        floor: Some(Floor { rate: 1_000_000, window: Duration::from_millis(20) }),
        ..Settings::default()
    });
    session.offer(offer).unwrap();
    let (bytes, failure) = drain(&session);
    assert_eq!(failure, Some(Failure::TooSlow));
    assert!(bytes.len() < 999);
}

#[test]
fn time_is_over_although_bytes_are_ready() {
    let (session, _, offer) = setup([bytes_to(SIZE)]);
    session.configure(Settings {
        deadline: Some(Duration::from_millis(30)),
        slot_size: 256,
        ..Settings::default()
    });
    session.offer(offer).unwrap();
    let mut buffer = [0; 16];
    let failure = loop {
        match session.read(&mut buffer, LONG) {
            Ok(_) => std::thread::sleep(Duration::from_millis(1)),
            Err(failure) => break failure,
        }
    };
    assert_eq!((failure, session.verdict()), (Failure::Deadline, Some(false)));
}

#[test]
fn a_reading_without_time_takes_what_is_ready_and_not_all_that_comes() {
    let (session, _, offer) = setup([bytes_to(SIZE)]);
    session.offer(offer).unwrap();
    let mut buffer = vec![0; SIZE];
    let mut readings = 0;
    while session.phase() == Phase::Fetching {
        readings += 1;
        // A slot is what one look at the clock allows.
        assert!(session.read(&mut buffer, Duration::ZERO).unwrap().bytes <= 256);
    }
    assert!(readings >= SIZE / 256 && session.verdict() == Some(true));
}

#[test]
fn where_nothing_was_promised_nothing_failed() {
    let (session, _, mut offer) = setup([bytes_to(SIZE)]);
    offer.digest = Expected::unknown();
    session.offer(offer).unwrap();
    assert_eq!(drain(&session).1, None);
    assert_eq!((session.verdict(), session.failure()), (Some(false), None));
}
