// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties of a session as a whole against a model, over generated inputs. The inputs are the same in every run;
//! `OTAKIT_LONG=1` makes fifty times as many. Those of the tables are in `core/src/props.rs`.

use std::sync::Arc;
use std::time::Duration;

use otakit_core::digest::{Algorithm, Expected, Hasher, to_hex};
use otakit_core::failure::Failure;
use otakit_core::fetch::FetchError;
use otakit_core::net::NetError;
use otakit_core::offer::{Kind, Offer};
use otakit_core::phase::Phase;
use otakit_core::retry::RetryPolicy;
use parking_lot::Mutex;

use super::{Session, Settings};
use crate::cancel::CancellationToken;
use crate::fetch::{Body, Opened, Request, Source};

/// Xorshift.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n.max(1)
    }

    fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap()
    }

    fn millis(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.below(most + 1))
    }
}

/// Runs a property over so many generated cases; a failing one names its seed.
fn forall(cases: u64, property: impl Fn(&mut Dice)) {
    let cases = if std::env::var_os("OTAKIT_LONG").is_some() { cases * 50 } else { cases };
    for seed in 1..=cases {
        let checked =
            std::panic::AssertUnwindSafe(|| property(&mut Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))));
        if let Err(panic) = std::panic::catch_unwind(checked) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

fn digest_of(bytes: &[u8], algorithm: Algorithm) -> Expected {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    Expected::from_hex(algorithm, &to_hex(&hasher.finish(algorithm).unwrap())).unwrap()
}

fn offer_of(image: &[u8], algorithm: Algorithm) -> Offer {
    Offer {
        version: "2".into(),
        size: image.len() as u64,
        url: "test:image".into(),
        digest: digest_of(image, algorithm),
        kind: Kind::Firmware,
        signature: None,
        is_delta: false,
    }
}

/// A server that breaks, starts early, starts late and refuses, as dice fall; and lies, when it is a liar.
struct Chaos {
    image: Vec<u8>,
    dice: Mutex<Dice>,
    lying: bool,
}

struct Part {
    bytes: Vec<u8>,
    at: usize,
    piece: usize,
    then: FetchError,
}

impl Body for Part {
    fn read(&mut self, buf: &mut [u8], _: Duration) -> Result<Option<usize>, FetchError> {
        let n = buf.len().min(self.piece).min(self.bytes.len() - self.at);
        if n == 0 {
            return Err(self.then.clone());
        }
        buf[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(Some(n))
    }
}

impl Source for Chaos {
    fn open(&self, request: &Request<'_>, cancel: &CancellationToken) -> Box<dyn crate::fetch::Opening> {
        crate::fetch::at_once(self.opened(request, cancel))
    }
}

impl Chaos {
    fn opened(&self, request: &Request<'_>, _: &CancellationToken) -> Result<Opened, FetchError> {
        let mut dice = self.dice.lock();
        let from = usize::try_from(request.offset).unwrap();
        let then = [FetchError::Truncated, FetchError::Net(NetError::Broken)][dice.index(2)].clone();
        let start = match dice.below(8) {
            0 => return Err(FetchError::Net(NetError::Connect)),
            1 => return Err(FetchError::Status { status: 503, retry_after: None }),
            2 => dice.index(from + 1),
            3 => (from + 1 + dice.index(5)).min(self.image.len()),
            _ => from,
        };
        let end = start + dice.index(self.image.len() + 1 - start);
        let end = if dice.below(2) == 0 { self.image.len() } else { end };
        let mut bytes = self.image[start..end].to_vec();
        if self.lying && end > from && start <= from && dice.below(4) == 0 {
            bytes[from - start] ^= 1;
        }
        let body = Part { bytes, at: 0, piece: 1 + dice.index(700), then };
        Ok(Opened { body: Box::new(body), start: start as u64, validator: None })
    }
}

/// A session that things are done to, and what it has handed out of its image.
struct Driven {
    server: Arc<Chaos>,
    session: Session,
    offer: Offer,
    got: Vec<u8>,
    buffer: Vec<u8>,
}

impl Driven {
    fn new(dice: &mut Dice, lying: bool) -> Self {
        let image: Vec<u8> = (0..1 + dice.below(5000)).map(|n| (n * 7 % 251) as u8).collect();
        let offer = offer_of(&image, Algorithm::Md5);
        let server = Arc::new(Chaos { image, dice: Mutex::new(Dice(dice.next() | 1)), lying });
        let session = Session::new(server.clone());
        session.configure(Self::settings(6, 1 + dice.index(600)));
        Self { server, session, offer, got: Vec::new(), buffer: vec![0; 1 + dice.index(900)] }
    }

    fn settings(attempts: u32, slot_size: usize) -> Settings {
        let retry_policy = RetryPolicy { attempts, base: Duration::ZERO, cap: Duration::ZERO };
        Settings { retry_policy, slots: 2, slot_size, ..Settings::default() }
    }

    /// Reads, pauses, goes on, cancels, restarts or offers.
    fn step(&mut self, dice: &mut Dice) {
        let before = self.session.phase();
        match dice.below(16) {
            0 => self.session.pause(),
            1 | 2 => self.session.resume(),
            3 => {
                self.session.cancel();
                assert_ne!(self.session.phase(), Phase::Fetching);
                assert!(before != Phase::Fetching || self.session.verdict() == Some(false));
            }
            4 if self.session.restart().is_ok() && before == Phase::Fetching => self.got.clear(),
            5..8 => match self.session.offer(self.offer.clone()) {
                Ok(()) => {
                    assert_ne!(before, Phase::Fetching);
                    self.got.clear();
                }
                Err(failure) => assert_eq!((failure, before), (Failure::State, Phase::Fetching)),
            },
            _ => self.read(dice.millis(5)),
        }
    }

    fn read(&mut self, timeout: Duration) {
        match self.session.read(&mut self.buffer, timeout) {
            Ok(read) => self.got.extend_from_slice(&self.buffer[..read.bytes]),
            Err(Failure::State) => assert_ne!(self.session.phase(), Phase::Fetching),
            Err(_) => assert_eq!(self.session.verdict(), Some(false)),
        }
    }

    /// What is handed out is always the image's next bytes; valid is only what is whole and right.
    fn check(&self) {
        if self.session.phase() == Phase::Fetching {
            assert_eq!(self.session.verdict(), None);
            let size = self.server.image.len() as u64;
            assert_eq!(self.session.progress(), Some((self.got.len() as u64, size)));
        }
        assert!(self.server.lying || self.server.image.starts_with(&self.got));
        assert!(self.session.verdict() != Some(true) || self.got == self.server.image, "called valid");
    }

    /// After all that a clean update works; in the same session, if its server is no liar.
    fn end_well(mut self) {
        self.session.cancel();
        self.session.resume();
        if self.server.lying {
            let honest = Chaos { image: self.server.image.clone(), dice: Mutex::new(Dice(3)), lying: false };
            self.session = Session::new(Arc::new(honest));
        }
        self.session.configure(Self::settings(1000, 512));
        self.session.offer(self.offer.clone()).unwrap();
        self.got.clear();
        while self.session.phase() == Phase::Fetching {
            self.read(Duration::from_secs(60));
        }
        assert!(self.got == self.server.image && self.session.verdict() == Some(true));
    }
}

fn session_keeps_its_word(dice: &mut Dice, lying: bool) {
    let mut driven = Driven::new(dice, lying);
    for _ in 0..30 {
        driven.step(dice);
        driven.check();
    }
    driven.end_well();
}

#[test]
fn a_session_keeps_its_word_whatever_is_done_to_it() {
    forall(150, |dice| session_keeps_its_word(dice, false));
}

#[test]
fn a_session_never_calls_a_lie_valid() {
    forall(150, |dice| session_keeps_its_word(dice, true));
}
