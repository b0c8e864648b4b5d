// SPDX-License-Identifier: MIT OR Apache-2.0
//! Downloads over a medium that fails, forgets and tears: at every single operation in turn.

use std::sync::Arc;

use parking_lot::Mutex;

use super::*;
use crate::cancel::Cancel;
use crate::digest::{Algorithm, Expected, Hasher, to_hex};
use crate::engine::Settings;
use crate::fetch::{Body, FetchError, Opened, Request, Source};

const SIZE: usize = 20_000;
const EVERY: u64 = 1024;
const CHUNK: usize = 300;

struct Server {
    image: Vec<u8>,
    /// Offsets asked for.
    asked: Mutex<Vec<u64>>,
}

struct Rest(Vec<u8>, usize);

impl Body for Rest {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, FetchError> {
        let n = buf.len().min(self.0.len() - self.1).min(777);
        buf[..n].copy_from_slice(&self.0[self.1..self.1 + n]);
        self.1 += n;
        Ok(n)
    }
}

impl Source for Server {
    fn open(&self, request: &Request<'_>, _: &Cancel) -> Result<Opened, FetchError> {
        self.asked.lock().push(request.offset);
        let body = Box::new(Rest(self.image.clone(), usize::try_from(request.offset).unwrap()));
        Ok(Opened { body, start: request.offset, validator: None })
    }
}

/// A medium whose power fails at the n-th operation: what was not synced is lost, and what is being saved is torn.
#[derive(Default)]
struct Medium {
    volatile: Vec<u8>,
    durable: Vec<u8>,
    journal: Option<Vec<u8>>,
    image: Option<Vec<u8>>,
    left: Option<usize>,
}

impl Medium {
    fn operation(&mut self) -> Result<(), StoreError> {
        match &mut self.left {
            Some(0) => Err(StoreError::Io),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

struct MemorySink<'a>(&'a Mutex<Medium>);
struct MemoryJournal<'a>(&'a Mutex<Medium>);

impl Sink for MemorySink<'_> {
    fn open(&mut self, offset: u64, _: u64) -> Result<(), StoreError> {
        let mut medium = self.0.lock();
        medium.operation()?;
        let offset = usize::try_from(offset).unwrap();
        if medium.durable.len() < offset && medium.image.as_ref().is_none_or(|image| image.len() != offset) {
            return Err(StoreError::Mismatch);
        }
        if medium.image.is_some() && offset == SIZE {
            medium.volatile = medium.image.clone().unwrap();
        } else {
            medium.volatile = medium.durable[..offset].to_vec();
        }
        Ok(())
    }

    fn write(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        let mut medium = self.0.lock();
        medium.operation()?;
        medium.volatile.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        let mut medium = self.0.lock();
        medium.operation()?;
        medium.durable = medium.volatile.clone();
        Ok(())
    }

    fn can_resume(&self) -> bool {
        true
    }

    fn close(&mut self, keep: Keep) -> Result<(), StoreError> {
        let mut medium = self.0.lock();
        medium.operation()?;
        if keep == Keep::Image {
            medium.image = Some(medium.volatile.clone());
        }
        if keep == Keep::Nothing {
            medium.durable.clear();
        }
        Ok(())
    }
}

impl Journal for MemoryJournal<'_> {
    fn load(&mut self) -> Option<Vec<u8>> {
        self.0.lock().journal.clone()
    }

    fn save(&mut self, record: &[u8]) -> Result<(), StoreError> {
        let mut medium = self.0.lock();
        medium.operation()?;
        medium.journal = Some(record.to_vec());
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        let mut medium = self.0.lock();
        medium.operation()?;
        medium.journal = None;
        Ok(())
    }
}

fn setup() -> (Arc<Server>, Offer) {
    let image: Vec<u8> = (0..SIZE as u32).map(|n| (n * 31 % 253) as u8).collect();
    let mut hasher = Hasher::new(Algorithm::Md5);
    hasher.update(&image);
    let digest =
        Expected::from_hex(Algorithm::Md5, &to_hex(&hasher.finish(Algorithm::Md5).unwrap())).unwrap();
    let offer = Offer {
        version: "2".into(),
        size: SIZE as u64,
        url: "test:image".into(),
        digest,
        kind: crate::engine::Kind::Firmware,
        signature: None,
    };
    (Arc::new(Server { image, asked: Mutex::default() }), offer)
}

/// One life of the process.
fn live(server: &Arc<Server>, offer: &Offer, medium: &Mutex<Medium>) -> Result<bool, Failure> {
    let session = Session::new(server.clone());
    session.configure(Settings { slots: 2, slot_size: 512, ..Settings::default() });
    let (mut sink, mut journal) = (MemorySink(medium), MemoryJournal(medium));
    let download = Download {
        session: &session,
        sink: &mut sink,
        journal: Some(&mut journal),
        chunk: CHUNK,
        every: EVERY,
    };
    download.run(offer, &mut |_| true)
}

#[test]
fn power_may_fail_at_any_operation() {
    let (server, offer) = setup();
    for crash_at in 0.. {
        let medium = Mutex::new(Medium { left: Some(crash_at), ..Medium::default() });
        server.asked.lock().clear();
        let survived = live(&server, &offer, &medium) == Ok(true);
        let stored_before = medium.lock().volatile.len() as u64;
        medium.lock().left = None;
        if !survived {
            assert_eq!(live(&server, &offer, &medium), Ok(true), "crash at operation {crash_at}");
            let resumed_at = server.asked.lock().get(1).copied().unwrap_or(SIZE as u64);
            assert!(stored_before.saturating_sub(resumed_at) <= EVERY + CHUNK as u64, "crash at {crash_at}");
        }
        assert!(medium.lock().image.as_ref() == Some(&server.image), "crash at operation {crash_at}");
        if survived && medium.lock().journal.is_none() {
            assert!(crash_at > SIZE / CHUNK);
            return;
        }
    }
}

#[test]
fn a_torn_journal_costs_the_part_but_not_the_image() {
    let (server, offer) = setup();
    let medium = Mutex::new(Medium { left: Some(40), ..Medium::default() });
    assert!(live(&server, &offer, &medium).is_err());
    medium.lock().left = None;
    medium.lock().journal.as_mut().unwrap().pop();
    assert_eq!(live(&server, &offer, &medium), Ok(true));
    assert_eq!(server.asked.lock()[1], 0);
    assert!(medium.lock().image.as_ref() == Some(&server.image));
}

#[test]
fn bytes_altered_behind_our_back_are_found_and_fetched_anew() {
    let (server, offer) = setup();
    let medium = Mutex::new(Medium { left: Some(40), ..Medium::default() });
    assert!(live(&server, &offer, &medium).is_err());
    medium.lock().left = None;
    // The server's image changed under the same promise: the resumed half does not fit the rest.
    let mut other = Server { image: server.image.clone(), asked: Mutex::default() };
    other.image[SIZE - 1] ^= 1;
    assert_eq!(live(&Arc::new(other), &offer, &medium), Ok(false));
    assert_eq!(medium.lock().image, None);
    assert_eq!(live(&server, &offer, &medium), Ok(true));
}

#[test]
fn the_watcher_sees_each_step_and_may_cancel() {
    let (server, offer) = setup();
    let medium = Mutex::new(Medium::default());
    let session = Session::new(server.clone());
    let mut seen = Vec::new();
    let mut sink = MemorySink(&medium);
    let download = Download { session: &session, sink: &mut sink, journal: None, chunk: CHUNK, every: EVERY };
    let outcome = download.run(&offer, &mut |step| {
        if step != Step::Idle {
            seen.push(step);
        }
        seen.len() < 3
    });
    assert_eq!(outcome, Err(Failure::Cancelled));
    let progress = |n: u64| Step::Progress { fetched: n * CHUNK as u64, total: SIZE as u64 };
    assert_eq!(seen, [Step::Started { resumed_at: 0 }, progress(1), progress(2)]);
}

#[test]
fn a_cancel_between_two_reads_is_a_cancel() {
    let (server, offer) = setup();
    let medium = Mutex::new(Medium::default());
    let session = Session::new(server.clone());
    let mut sink = MemorySink(&medium);
    let download = Download { session: &session, sink: &mut sink, journal: None, chunk: CHUNK, every: EVERY };
    let outcome = download.run(&offer, &mut |step| {
        if matches!(step, Step::Progress { .. }) {
            session.cancel();
        }
        true
    });
    assert_eq!(outcome, Err(Failure::Cancelled));
    assert_eq!((session.failure(), session.verdict()), (Some(Failure::Cancelled), Some(false)));
}

#[test]
fn a_watcher_that_wants_nothing_leaves_all_as_it_was() {
    let (server, offer) = setup();
    let medium = Mutex::new(Medium { left: Some(40), ..Medium::default() });
    assert!(live(&server, &offer, &medium).is_err());
    medium.lock().left = None;
    let (asked, stored) = (server.asked.lock().len(), medium.lock().durable.clone());
    assert!(!stored.is_empty());
    let session = Session::new(server.clone());
    let (mut sink, mut journal) = (MemorySink(&medium), MemoryJournal(&medium));
    let journal: &mut dyn Journal = &mut journal;
    let download =
        Download { session: &session, sink: &mut sink, journal: Some(journal), chunk: CHUNK, every: EVERY };
    assert_eq!(download.run(&offer, &mut |_| false), Err(Failure::Cancelled));
    assert_eq!(server.asked.lock().len(), asked);
    assert!(medium.lock().durable == stored);
    assert_eq!(live(&server, &offer, &medium), Ok(true));
}

#[test]
fn a_store_that_cannot_go_on_ends_the_download_before_a_byte_is_fetched() {
    let (server, offer) = setup();
    let medium = Mutex::new(Medium { left: Some(40), ..Medium::default() });
    assert!(live(&server, &offer, &medium).is_err());
    medium.lock().left = Some(0);
    let asked = server.asked.lock().len();
    assert_eq!(live(&server, &offer, &medium), Err(Failure::Store(StoreError::Io)));
    assert_eq!(server.asked.lock().len(), asked);
}

#[test]
fn a_piece_that_memory_cannot_hold_is_a_failure_and_no_abort() {
    let (server, offer) = setup();
    let medium = Mutex::new(Medium::default());
    let session = Session::new(server);
    let mut sink = MemorySink(&medium);
    let download =
        Download { session: &session, sink: &mut sink, journal: None, chunk: usize::MAX, every: EVERY };
    assert_eq!(download.run(&offer, &mut |_| true), Err(Failure::NoMemory));
}

/// A sink that recognises its image, and knows whether it was closed.
struct Marked<'a> {
    inner: MemorySink<'a>,
    open: bool,
}

impl Sink for Marked<'_> {
    fn open(&mut self, offset: u64, size: u64) -> Result<(), StoreError> {
        self.inner.open(offset, size)?;
        self.open = true;
        Ok(())
    }

    fn write(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.inner.write(bytes)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.inner.sync()
    }

    fn can_resume(&self) -> bool {
        true
    }

    fn mark(&self) -> Option<u64> {
        Some(7)
    }

    fn adopt(&mut self, size: u64, mark: u64) -> bool {
        let mut medium = self.inner.0.lock();
        let there = mark == 7 && medium.image.as_ref().is_some_and(|image| image.len() as u64 == size);
        if there {
            // Closing takes what is there for the image.
            medium.volatile = medium.image.clone().unwrap();
        }
        there
    }

    fn close(&mut self, keep: Keep) -> Result<(), StoreError> {
        self.open = false;
        self.inner.close(keep)
    }
}

#[test]
fn whatever_fails_the_sink_is_closed_and_nothing_is_valid() {
    let (server, offer) = setup();
    for fail_at in 0.. {
        let medium = Mutex::new(Medium { left: Some(fail_at), ..Medium::default() });
        let session = Session::new(server.clone());
        let (mut sink, mut journal) =
            (Marked { inner: MemorySink(&medium), open: false }, MemoryJournal(&medium));
        let download = Download {
            session: &session,
            sink: &mut sink,
            journal: Some(&mut journal),
            chunk: CHUNK,
            every: EVERY,
        };
        let outcome = download.run(&offer, &mut |_| true);
        assert!(!sink.open, "failure at operation {fail_at}");
        if outcome == Ok(true) {
            return;
        }
        assert_eq!(outcome, Err(Failure::Store(StoreError::Io)), "failure at operation {fail_at}");
        if fail_at > 0 {
            assert_eq!(session.verdict(), Some(false), "failure at operation {fail_at}");
            assert_eq!(session.failure(), Some(Failure::Store(StoreError::Io)));
        }
    }
}

#[test]
fn an_image_in_its_place_is_not_fetched_again() {
    let (server, offer) = setup();
    let medium = Mutex::new(Medium::default());
    for _ in 0..2 {
        let session = Session::new(server.clone());
        let (mut sink, mut journal) =
            (Marked { inner: MemorySink(&medium), open: false }, MemoryJournal(&medium));
        let download = Download {
            session: &session,
            sink: &mut sink,
            journal: Some(&mut journal),
            chunk: CHUNK,
            every: EVERY,
        };
        assert_eq!(download.run(&offer, &mut |_| true), Ok(true));
        assert_eq!(session.verdict(), Some(true));
        assert!(medium.lock().image.as_ref() == Some(&server.image));
    }
    assert_eq!(*server.asked.lock(), [0]);
}
