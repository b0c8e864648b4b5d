// SPDX-License-Identifier: MIT OR Apache-2.0
//! Slow servers, short answers, lost retry_policy: sessions against a source that takes its time.

use std::sync::mpsc;

use otakit_core::pace::Floor;

use super::*;
use crate::engine::Renew;

/// What one reading of a body does: wait, then bring so many bytes. When a body has no more, it ends in good order.
type Steps = Vec<(Duration, usize)>;

struct Timed {
    image: Vec<u8>,
    openings: Mutex<VecDeque<Steps>>,
    /// URL of each request.
    asked: Mutex<Vec<String>>,
    /// Told of each reading; hung up when a body is dropped.
    heard: Mutex<Option<mpsc::Sender<()>>>,
}

struct Piecewise {
    rest: Vec<u8>,
    steps: VecDeque<(Duration, usize)>,
    heard: Option<mpsc::Sender<()>>,
}

impl Body for Piecewise {
    fn read(&mut self, buf: &mut [u8], _: Duration) -> Result<Option<usize>, FetchError> {
        let Some((wait, bytes)) = self.steps.pop_front() else { return Ok(Some(0)) };
        std::thread::sleep(wait);
        let n = bytes.min(buf.len()).min(self.rest.len());
        self.rest.drain(..n).zip(buf).for_each(|(byte, place)| *place = byte);
        if let Some(heard) = &self.heard {
            heard.send(()).unwrap();
        }
        Ok(Some(n))
    }
}

impl Source for Timed {
    fn open(&self, request: &Request<'_>, cancel: &CancellationToken) -> Box<dyn crate::fetch::Opening> {
        crate::fetch::at_once(self.opened(request, cancel))
    }
}

impl Timed {
    fn opened(&self, request: &Request<'_>, _: &CancellationToken) -> Result<Opened, FetchError> {
        self.asked.lock().push(request.url.to_owned());
        if request.url != "test:image" && request.url != "test:fresh" {
            return Err(FetchError::Status { status: 403, retry_after: None });
        }
        let steps = self.openings.lock().pop_front().expect("opened more often than scripted").into();
        let rest = self.image[usize::try_from(request.offset).unwrap()..].to_vec();
        let body = Box::new(Piecewise { rest, steps, heard: self.heard.lock().take() });
        Ok(Opened { body, start: request.offset, validator: None })
    }
}

/// A session with two slots over the openings, and its offer; `change` has the last word on the settings.
fn timed(
    openings: impl IntoIterator<Item = Steps>,
    change: impl FnOnce(&mut Settings),
) -> (Session, Arc<Timed>, Offer) {
    let (_, script, offer) = setup([]);
    let source = Arc::new(Timed {
        image: script.image.clone(),
        openings: Mutex::new(openings.into_iter().collect()),
        asked: Mutex::default(),
        heard: Mutex::default(),
    });
    let session = Session::new(source.clone());
    let retry_policy = RetryPolicy { attempts: 4, base: Duration::ZERO, cap: Duration::ZERO };
    let mut settings = Settings { retry_policy, slots: 2, slot_size: SIZE, ..Settings::default() };
    change(&mut settings);
    session.configure(settings);
    (session, source, offer)
}

const TOO_SLOW: (Duration, usize) = (Duration::from_millis(30), 1);
const FAST_ENOUGH: (Duration, usize) = (Duration::from_millis(30), 2000);
const AT_ONCE: (Duration, usize) = (Duration::ZERO, SIZE);

/// One byte in 30 ms misses it, 2,000 bytes make it unless the machine takes 20 s for them.
fn with_floor(settings: &mut Settings) {
    settings.floor = Some(Floor { rate: 100, window: Duration::from_millis(20) });
}

#[test]
fn slow_windows_count_in_a_row_and_cost_no_slot() {
    // Two slots, and more slow windows than there are slots.
    let openings = [
        vec![TOO_SLOW],
        vec![TOO_SLOW],
        vec![FAST_ENOUGH, TOO_SLOW],
        vec![TOO_SLOW],
        vec![FAST_ENOUGH, TOO_SLOW],
        vec![AT_ONCE],
    ];
    let (session, source, offer) = timed(openings, with_floor);
    session.offer(offer).unwrap();
    assert_eq!(drain(&session).1, None);
    assert_eq!((session.verdict(), source.asked.lock().len()), (Some(true), 6));
}

#[test]
fn a_server_that_stays_slow_is_given_up() {
    let (session, _, offer) = timed((0..3).map(|_| vec![TOO_SLOW]), with_floor);
    session.offer(offer).unwrap();
    assert_eq!(drain(&session).1, Some(Failure::TooSlow));
    assert_eq!(session.failure(), Some(Failure::TooSlow));
}

#[test]
fn a_body_that_ends_early_is_asked_for_the_rest() {
    let (session, source, offer) = timed([vec![(Duration::ZERO, 4000)], vec![AT_ONCE]], |_| {});
    session.offer(offer.clone()).unwrap();
    assert!(drain(&session).0 == source.image);
    assert_eq!(session.verdict(), Some(true));
    // With nothing new each time, patience ends.
    source.openings.lock().extend((0..4).map(|_| Steps::new()));
    session.offer(offer).unwrap();
    assert_eq!(drain(&session).1, Some(Failure::Fetch(FetchError::Truncated)));
}

#[test]
fn a_cancelled_transfer_lets_go_of_its_source_while_it_is_paced() {
    let (session, source, offer) = timed([vec![AT_ONCE; 10]], |settings| settings.rate_limit = Some(1));
    let (tell, heard) = mpsc::channel();
    *source.heard.lock() = Some(tell);
    session.offer(offer).unwrap();
    while heard.try_recv().is_err() {
        session.read(&mut [0], Duration::ZERO).unwrap();
    }
    // The first byte was there, and the next one waits for its time.
    session.cancel();
    assert_eq!(heard.recv_timeout(LONG), Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn memory_that_is_not_there_is_a_failure_and_no_abort() {
    let (session, _, offer) = timed([vec![AT_ONCE]], |settings| settings.slot_size = usize::MAX);
    session.offer(offer).unwrap();
    assert_eq!(drain(&session).1, Some(Failure::NoMemory));
}

#[test]
fn a_checkpoint_is_of_the_transfer_under_way_or_none() {
    let (session, _, offer) = timed([vec![AT_ONCE], vec![AT_ONCE]], |_| {});
    session.offer(offer).unwrap();
    assert!(session.checkpoint().is_none());
    session.read(&mut [0; 100], LONG).unwrap();
    assert_eq!(session.checkpoint().unwrap().offset, 100);
    // What was read no longer counts.
    session.restart().unwrap();
    assert!(session.checkpoint().is_none());
    session.read(&mut [0; 7], LONG).unwrap();
    assert_eq!(session.checkpoint().unwrap().offset, 7);
}

#[test]
fn bytes_of_a_transfer_that_ended_meanwhile_do_not_count() {
    type End = fn(&Session);
    let restarted: End = |session| session.restart().unwrap();
    for end in [restarted, Session::cancel] {
        let (session, source, offer) = timed([vec![AT_ONCE], vec![AT_ONCE]], |_| {});
        session.offer(offer.clone()).unwrap();
        // As another thread would, while the bytes are being handed out.
        let read = session.read_with(100, LONG, &mut |_| end(&session));
        assert_eq!(read, Err(Failure::Cancelled));
        assert_eq!(session.progress(), Some((0, SIZE as u64)));
        if session.phase() == Phase::Finished {
            session.offer(offer).unwrap();
        }
        assert!(drain(&session).0 == source.image);
        assert_eq!(session.verdict(), Some(true));
    }
}

/// Hands out these URLs in turn; `None`: no answer came.
pub(super) struct Renewals(pub(super) Mutex<VecDeque<Option<&'static str>>>);

impl Renew for Renewals {
    fn renew(&self, offer: &Offer, _: Duration, _: &CancellationToken) -> Option<Option<Offer>> {
        let url = self.0.lock().pop_front().expect("asked more often than scripted");
        Some(url.map(|url| Offer { url: url.to_owned(), ..offer.clone() }))
    }
}

#[test]
fn an_expired_url_is_not_asked_again_until_a_fresh_one_comes() {
    let (session, source, mut offer) = timed([vec![AT_ONCE]], |_| {});
    offer.url = "test:expired".to_owned();
    let renewals = [None, Some("test:dead"), Some("test:fresh")];
    session.set_renewal(Some(Arc::new(Renewals(Mutex::new(renewals.into())))));
    session.offer(offer).unwrap();
    assert_eq!(drain(&session).1, None);
    assert_eq!(session.verdict(), Some(true));
    assert_eq!(*source.asked.lock(), ["test:expired", "test:dead", "test:fresh"]);
}

#[cfg(not(feature = "polled"))]
#[test]
fn a_pipe_that_ends_without_all_bytes_is_no_whole_image() {
    let pipe = Arc::new(crate::engine::pipe::Pipe::new(2, 8));
    pipe.push(vec![1; 8], 8);
    pipe.finish(Ok(()));
    let mut reader = Reader {
        epoch: 0,
        deadline: None,
        size: 9,
        fetched: 0,
        intake: crate::engine::threaded::Intake::of(pipe),
        hasher: Hasher::new(Algorithm::Md5),
    };
    let mut seen = Vec::new();
    let mut take = || reader.take(9, Instant::now() + LONG, &mut |bytes| seen.extend_from_slice(bytes));
    assert_eq!((take(), take()), (Ok(8), Err(Failure::Internal)));
    assert_eq!(seen, [1; 8]);
}
