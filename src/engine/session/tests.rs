// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions against a scripted source: each opening of the image follows the next line of a script.

use std::collections::VecDeque;

use otakit_core::digest::{Algorithm, Expected, to_hex};
use otakit_core::fetch::{FetchError, Validator};
use otakit_core::net::NetError;

use super::*;
use crate::fetch::{Body, Opened, Request};

/// How one opening of the image goes.
#[derive(Clone, Debug)]
enum Opening {
    /// Bytes from `start` up to `end`, in pieces of `piece`, then the given failure.
    Bytes { start: Start, end: usize, piece: usize, then: FetchError },
    /// No answer.
    Fails(FetchError),
    /// Bytes never come; only a cancel ends it.
    Hangs,
}

#[derive(Clone, Copy, Debug)]
enum Start {
    AsAsked,
    At(u64),
}

struct Script {
    image: Vec<u8>,
    openings: Mutex<VecDeque<Opening>>,
    /// Offset and validator of each request.
    asked: Mutex<Vec<(u64, Option<Validator>)>>,
}

struct Bytes {
    rest: VecDeque<u8>,
    piece: usize,
    then: FetchError,
}

impl Body for Bytes {
    fn read(&mut self, buf: &mut [u8], _: Duration) -> Result<Option<usize>, FetchError> {
        let n = buf.len().min(self.piece).min(self.rest.len());
        if n == 0 {
            return Err(self.then.clone());
        }
        buf[..n].iter_mut().for_each(|byte| *byte = self.rest.pop_front().unwrap());
        Ok(Some(n))
    }
}

struct Hanging(CancellationToken);

impl Body for Hanging {
    fn read(&mut self, _: &mut [u8], wait: Duration) -> Result<Option<usize>, FetchError> {
        if self.0.sleep(wait) { Err(FetchError::Net(NetError::Cancelled)) } else { Ok(None) }
    }
}

impl Source for Script {
    fn open(&self, request: &Request<'_>, cancel: &CancellationToken) -> Box<dyn crate::fetch::Opening> {
        crate::fetch::at_once(self.opened(request, cancel))
    }
}

impl Script {
    fn opened(&self, request: &Request<'_>, cancel: &CancellationToken) -> Result<Opened, FetchError> {
        self.asked.lock().push((request.offset, request.validator.cloned()));
        let validator = Some(Validator::ETag("\"1\"".to_owned()));
        let opening = self.openings.lock().pop_front().expect("opened more often than scripted");
        match opening {
            Opening::Fails(error) => Err(error),
            Opening::Hangs => Ok(Opened { body: Box::new(Hanging(cancel.clone())), start: 0, validator }),
            Opening::Bytes { start, end, piece, then } => {
                let start = match start {
                    Start::AsAsked => request.offset,
                    Start::At(start) => start,
                };
                let from = usize::try_from(start).unwrap().min(end);
                let rest = self.image[from..end].iter().copied().collect();
                Ok(Opened { body: Box::new(Bytes { rest, piece, then }), start, validator })
            }
        }
    }
}

const SIZE: usize = 10_000;
const LONG: Duration = Duration::from_secs(60);

fn bytes_to(end: usize) -> Opening {
    Opening::Bytes { start: Start::AsAsked, end, piece: 999, then: FetchError::Truncated }
}

fn setup(openings: impl IntoIterator<Item = Opening>) -> (Session, Arc<Script>, Offer) {
    let image: Vec<u8> = (0..SIZE as u32).map(|n| (n * 7 % 251) as u8).collect();
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(&image);
    let digest =
        Expected::from_hex(Algorithm::Sha256, &to_hex(&hasher.finish(Algorithm::Sha256).unwrap())).unwrap();
    let script = Arc::new(Script {
        image,
        openings: Mutex::new(openings.into_iter().collect()),
        asked: Mutex::default(),
    });
    let session = Session::new(script.clone());
    let retry_policy = RetryPolicy { attempts: 4, base: Duration::ZERO, cap: Duration::ZERO };
    session.configure(Settings { retry_policy, slots: 2, slot_size: 256, ..Settings::default() });
    let offer = Offer {
        version: "2".into(),
        size: SIZE as u64,
        url: "test:image".into(),
        digest,
        kind: otakit_core::offer::Kind::Firmware,
        signature: None,
        is_delta: false,
    };
    (session, script, offer)
}

/// Reads until the end; the bytes, and the failure if there was one.
fn drain(session: &Session) -> (Vec<u8>, Option<Failure>) {
    let (mut all, mut buffer) = (Vec::new(), [0; 777]);
    while session.phase() == Phase::Fetching {
        match session.read(&mut buffer, LONG) {
            Ok(read) => all.extend_from_slice(&buffer[..read.bytes]),
            Err(failure) => return (all, Some(failure)),
        }
    }
    (all, None)
}

#[test]
fn an_image_comes_whole_and_is_judged() {
    let (session, script, offer) = setup([bytes_to(SIZE)]);
    assert_eq!(session.read(&mut [0; 8], LONG), Err(Failure::State));
    session.offer(offer.clone()).unwrap();
    assert_eq!(session.offer(offer), Err(Failure::State));
    let mut buffer = [0; 777];
    assert_eq!(session.read(&mut buffer, LONG), Ok(Read { bytes: 777, first: true }));
    assert_eq!((session.progress(), session.verdict()), (Some((777, SIZE as u64)), None));
    let (rest, failure) = drain(&session);
    assert_eq!((&rest[..], failure), (&script.image[777..], None));
    assert_eq!((session.verdict(), session.phase()), (Some(true), Phase::Finished));
    assert_eq!(session.read(&mut buffer, LONG), Err(Failure::State));
    assert_eq!(session.verdict(), Some(true));
}

#[test]
fn a_broken_transfer_goes_on_where_it_broke() {
    let early = Opening::Bytes { start: Start::At(3000), end: 7000, piece: 100, then: FetchError::Truncated };
    let whole = Opening::Bytes { start: Start::At(0), end: SIZE, piece: 256, then: FetchError::Truncated };
    let reset = Opening::Fails(FetchError::Net(NetError::Broken));
    let (session, script, offer) = setup([bytes_to(4000), reset, early, whole]);
    session.offer(offer).unwrap();
    let (bytes, failure) = drain(&session);
    assert_eq!(failure, None);
    assert!(bytes == script.image);
    assert_eq!(session.verdict(), Some(true));
    let asked: Vec<u64> = script.asked.lock().iter().map(|(offset, _)| *offset).collect();
    assert_eq!(asked, [0, 4000, 4000, 7000]);
    assert!(script.asked.lock()[1..].iter().all(|(_, validator)| validator.is_some()));
}

#[test]
fn what_came_is_handed_out_before_the_failure() {
    let gone = FetchError::Status { status: 404, retry_after: None };
    let (session, script, offer) =
        setup([bytes_to(500), Opening::Fails(gone.clone()), Opening::Fails(gone.clone())]);
    session.offer(offer.clone()).unwrap();
    let (bytes, failure) = drain(&session);
    assert_eq!((&bytes[..], failure), (&script.image[..500], Some(Failure::Fetch(gone.clone()))));
    assert_eq!(session.failure(), Some(Failure::Fetch(gone)));
    assert_eq!((session.phase(), session.verdict()), (Phase::Finished, Some(false)));
    // A clean second update follows in the same session.
    script.openings.lock().push_back(bytes_to(SIZE));
    session.offer(offer).unwrap();
    assert!(drain(&session).0 == script.image);
    assert_eq!((session.verdict(), session.failure()), (Some(true), None));
}

#[test]
fn patience_ends_without_progress() {
    let refused = || Opening::Fails(FetchError::Net(NetError::Connect));
    let (session, script, offer) = setup((0..4).map(|_| refused()));
    session.offer(offer).unwrap();
    assert_eq!(drain(&session), (vec![], Some(Failure::Fetch(FetchError::Net(NetError::Connect)))));
    assert_eq!(script.asked.lock().len(), 4);
}

#[test]
fn a_wrong_digest_is_never_valid() {
    let (session, _, mut offer) = setup([bytes_to(SIZE)]);
    offer.digest = Expected::from_hex(Algorithm::Md5, "00000000000000000000000000000000").unwrap();
    session.offer(offer).unwrap();
    assert_eq!(drain(&session).1, None);
    assert_eq!((session.verdict(), session.verdict()), (Some(false), Some(false)));
}

#[test]
fn a_source_that_skips_ahead_is_not_spliced_in() {
    let ahead = Opening::Bytes { start: Start::At(4001), end: SIZE, piece: 256, then: FetchError::Truncated };
    let (session, script, offer) = setup([bytes_to(4000), ahead, bytes_to(SIZE)]);
    session.offer(offer).unwrap();
    assert!(drain(&session).0 == script.image);
    assert_eq!(session.verdict(), Some(true));
}

#[test]
fn time_is_bounded_and_a_cancel_wakes_the_reader() {
    let (session, _, offer) = setup([Opening::Hangs]);
    session.offer(offer).unwrap();
    let nothing = Read { bytes: 0, first: true };
    assert_eq!(session.read(&mut [0; 8], Duration::ZERO), Ok(nothing));
    assert_eq!(session.read(&mut [0; 8], Duration::from_millis(20)), Ok(nothing));
    let session = Arc::new(session);
    let reader = {
        let session = session.clone();
        std::thread::spawn(move || session.read(&mut [0; 8], LONG))
    };
    // The other reader holds the session, or has not begun: either way this one does not wait for it.
    session.cancel();
    assert!(matches!(reader.join().unwrap(), Err(Failure::Cancelled | Failure::State)));
    assert_eq!((session.phase(), session.verdict()), (Phase::Finished, Some(false)));
}

#[test]
fn a_restart_begins_at_the_first_byte() {
    let (session, script, offer) = setup([bytes_to(SIZE), bytes_to(SIZE)]);
    assert_eq!(session.restart(), Err(Failure::State));
    session.offer(offer).unwrap();
    session.read(&mut [0; 3000], LONG).unwrap();
    session.restart().unwrap();
    assert_eq!(session.progress(), Some((0, SIZE as u64)));
    assert!(drain(&session).0 == script.image);
    assert_eq!(session.verdict(), Some(true));
    session.restart().unwrap();
    assert_eq!(session.phase(), Phase::Finished);
}

mod course;
mod edges;
