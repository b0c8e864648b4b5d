// SPDX-License-Identifier: MIT OR Apache-2.0
//! Downloads over a medium that fails, forgets and tears: at every single operation in turn.

use std::sync::Arc;
use std::time::Duration;

use otakit_core::digest::{Algorithm, Expected, Hasher, to_hex};
use otakit_core::fetch::FetchError;
use parking_lot::Mutex;

use super::*;
use crate::cancel::CancellationToken;
use crate::engine::Settings;
use crate::fetch::{Body, Opened, Request, Source};

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
    fn read(&mut self, buf: &mut [u8], _: Duration) -> Result<Option<usize>, FetchError> {
        let n = buf.len().min(self.0.len() - self.1).min(777);
        buf[..n].copy_from_slice(&self.0[self.1..self.1 + n]);
        self.1 += n;
        Ok(Some(n))
    }
}

impl Source for Server {
    fn open(&self, request: &Request<'_>, cancel: &CancellationToken) -> Box<dyn crate::fetch::Opening> {
        crate::fetch::at_once(self.opened(request, cancel))
    }
}

impl Server {
    fn opened(&self, request: &Request<'_>, _: &CancellationToken) -> Result<Opened, FetchError> {
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
    fn load(&mut self) -> Vec<Vec<u8>> {
        self.0.lock().journal.clone().into_iter().collect()
    }

    fn save(&mut self, record: &[u8], durable: bool) -> Result<(), StoreError> {
        let mut medium = self.0.lock();
        if durable {
            medium.operation()?;
            medium.journal = Some(record.to_vec());
        }
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
        kind: otakit_core::offer::Kind::Firmware,
        signature: None,
        is_delta: false,
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
        keep_record: true,
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
    let download = Download {
        session: &session,
        sink: &mut sink,
        journal: None,
        chunk: CHUNK,
        every: EVERY,
        keep_record: true,
    };
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
    let download = Download {
        session: &session,
        sink: &mut sink,
        journal: None,
        chunk: CHUNK,
        every: EVERY,
        keep_record: true,
    };
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
    let download = Download {
        session: &session,
        sink: &mut sink,
        journal: Some(journal),
        chunk: CHUNK,
        every: EVERY,
        keep_record: true,
    };
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
fn a_store_that_will_not_go_on_begins_again() {
    let (server, offer) = setup();
    let medium = Mutex::new(Medium { left: Some(40), ..Medium::default() });
    assert!(live(&server, &offer, &medium).is_err());
    // What the journal tells of is gone, and the store says so.
    let record = medium.lock().journal.clone();
    assert!(record.is_some());
    *medium.lock() = Medium { journal: record, ..Medium::default() };
    server.asked.lock().clear();
    assert_eq!(live(&server, &offer, &medium), Ok(true));
    assert_eq!(*server.asked.lock(), [0]);
    assert_eq!(medium.lock().image.as_ref(), Some(&server.image));
}

#[test]
fn a_piece_that_memory_cannot_hold_is_a_failure_and_no_abort() {
    let (server, offer) = setup();
    let medium = Mutex::new(Medium::default());
    let session = Session::new(server);
    let mut sink = MemorySink(&medium);
    let download = Download {
        session: &session,
        sink: &mut sink,
        journal: None,
        chunk: usize::MAX,
        every: EVERY,
        keep_record: true,
    };
    assert_eq!(download.run(&offer, &mut |_| true), Err(Failure::NoMemory));
}

/// A sink that can be read, and knows whether it was closed.
struct Readable<'a> {
    inner: MemorySink<'a>,
    open: bool,
    adopted: bool,
}

impl<'a> Readable<'a> {
    fn new(medium: &'a Mutex<Medium>) -> Self {
        Self { inner: MemorySink(medium), open: false, adopted: false }
    }
}

impl Sink for Readable<'_> {
    fn open(&mut self, offset: u64, size: u64) -> Result<(), StoreError> {
        self.adopted = false;
        self.inner.open(offset, size)?;
        self.open = true;
        Ok(())
    }

    fn write(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.inner.write(bytes)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        if self.open { self.inner.sync() } else { Ok(()) }
    }

    fn can_resume(&self) -> bool {
        true
    }

    fn can_read(&self) -> bool {
        true
    }

    fn stored(&mut self) -> u64 {
        self.bytes().len() as u64
    }

    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Result<usize, StoreError> {
        let stored = self.bytes();
        let rest = &stored[usize::try_from(offset).unwrap()..];
        let n = rest.len().min(bytes.len()).min(500);
        bytes[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn adopt(&mut self, size: u64) -> bool {
        self.adopted = self.inner.0.lock().image.as_ref().is_some_and(|image| image.len() as u64 == size);
        self.adopted
    }

    fn close(&mut self, keep: Keep) -> Result<(), StoreError> {
        self.open = false;
        if self.adopted { Ok(()) } else { self.inner.close(keep) }
    }
}

impl Readable<'_> {
    fn bytes(&self) -> Vec<u8> {
        let medium = self.inner.0.lock();
        if self.adopted {
            medium.image.clone().unwrap()
        } else if self.open {
            medium.volatile.clone()
        } else {
            medium.durable.clone()
        }
    }
}

fn live_readable(server: &Arc<Server>, offer: &Offer, medium: &Mutex<Medium>) -> Result<bool, Failure> {
    let session = Session::new(server.clone());
    let (mut sink, mut journal) = (Readable::new(medium), MemoryJournal(medium));
    let download = Download {
        session: &session,
        sink: &mut sink,
        journal: Some(&mut journal),
        chunk: CHUNK,
        every: EVERY,
        keep_record: true,
    };
    let outcome = download.run(offer, &mut |_| true);
    assert!(!sink.open);
    if outcome != Ok(true) {
        assert_ne!(session.verdict(), Some(true));
    }
    outcome
}

#[test]
fn whatever_fails_the_sink_is_closed_and_nothing_is_valid() {
    let (server, offer) = setup();
    for fail_at in 0.. {
        let medium = Mutex::new(Medium { left: Some(fail_at), ..Medium::default() });
        let outcome = live_readable(&server, &offer, &medium);
        if outcome == Ok(true) {
            assert!(medium.lock().image.as_ref() == Some(&server.image));
            if medium.lock().left != Some(0) {
                return;
            }
        } else {
            assert_eq!(outcome, Err(Failure::Store(StoreError::Io)), "failure at operation {fail_at}");
        }
    }
}

#[test]
fn an_image_in_its_place_is_not_fetched_again() {
    let (server, offer) = setup();
    let medium = Mutex::new(Medium::default());
    for _ in 0..2 {
        assert_eq!(live_readable(&server, &offer, &medium), Ok(true));
        assert!(medium.lock().image.as_ref() == Some(&server.image));
    }
    assert_eq!(*server.asked.lock(), [0]);
    // Another one of its size is not taken for it.
    medium.lock().image.as_mut().unwrap()[SIZE / 2] ^= 1;
    medium.lock().durable.clear();
    assert_eq!(live_readable(&server, &offer, &medium), Ok(true));
    assert!(medium.lock().image.as_ref() == Some(&server.image));
    assert_eq!(*server.asked.lock(), [0, 0]);
}

#[test]
fn kept_bytes_count_only_when_they_are_those_of_the_journal() {
    let (server, offer) = setup();
    for altered in [0, 1023, 5000] {
        let medium = Mutex::new(Medium { left: Some(40), ..Medium::default() });
        assert!(live_readable(&server, &offer, &medium).is_err());
        medium.lock().left = None;
        medium.lock().durable[altered] ^= 0x40;
        server.asked.lock().clear();
        assert_eq!(live_readable(&server, &offer, &medium), Ok(true), "altered at {altered}");
        assert_eq!(*server.asked.lock(), [0], "altered at {altered}");
        assert!(medium.lock().image.as_ref() == Some(&server.image));
    }
}

#[test]
fn bytes_that_others_change_before_the_end_are_found() {
    let (server, offer) = setup();
    let medium = Mutex::new(Medium::default());
    let session = Session::new(server.clone());
    let (mut sink, mut journal) = (Readable::new(&medium), MemoryJournal(&medium));
    let download = Download {
        session: &session,
        sink: &mut sink,
        journal: Some(&mut journal),
        chunk: CHUNK,
        every: EVERY,
        keep_record: true,
    };
    let outcome = download.run(&offer, &mut |step| {
        if matches!(step, Step::Progress { fetched, .. } if fetched == SIZE as u64) {
            medium.lock().volatile[77] ^= 1;
        }
        true
    });
    assert_eq!(outcome, Err(Failure::Store(StoreError::Mismatch)));
    assert_eq!((medium.lock().image.clone(), session.verdict()), (None, Some(false)));
    assert_eq!(live_readable(&server, &offer, &medium), Ok(true));
}

#[test]
fn a_journal_that_cannot_be_written_costs_nothing_but_the_resume() {
    struct Broken;
    impl Journal for Broken {
        fn load(&mut self) -> Vec<Vec<u8>> {
            Vec::new()
        }
        fn save(&mut self, _: &[u8], _: bool) -> Result<(), StoreError> {
            Err(StoreError::Io)
        }
        fn clear(&mut self) -> Result<(), StoreError> {
            Err(StoreError::Io)
        }
    }
    let (server, offer) = setup();
    for cancel in [false, true] {
        let medium = Mutex::new(Medium::default());
        let session = Session::new(server.clone());
        let (mut sink, mut journal) = (Readable::new(&medium), Broken);
        let download = Download {
            session: &session,
            sink: &mut sink,
            journal: Some(&mut journal),
            chunk: CHUNK,
            every: EVERY,
            keep_record: true,
        };
        let outcome = download.run(&offer, &mut |step| {
            !(cancel && matches!(step, Step::Progress { fetched, .. } if fetched > 9000))
        });
        if cancel {
            assert_eq!(outcome, Err(Failure::Cancelled));
            assert!(medium.lock().durable.is_empty(), "nobody can go on with it");
        } else {
            assert_eq!(outcome, Ok(true));
            assert!(medium.lock().image.as_ref() == Some(&server.image));
        }
    }
}
