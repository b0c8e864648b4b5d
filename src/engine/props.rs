// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties of the pure state machines, and of a session as a whole against a model, over generated inputs. The inputs
//! are the same in every run; `OTAKIT_LONG=1` makes fifty times as many.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use otakit_core::digest::{Algorithm, Expected, Hasher, to_hex};
use otakit_core::fetch::{Class, FetchError, Validator};
use otakit_core::net::NetError;
use otakit_core::offer::{Kind, Offer};
use parking_lot::Mutex;

use super::pace::{Floor, Limiter, Meter};
use super::phase::Input;
use super::policy::compare_versions;
use super::progress::percent;
use super::retry::{self, Decision, Patience, Retries};
use super::{Checkpoint, Failure, Phase, Session, Settings};
use crate::cancel::Cancel;
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

    /// A number of any magnitude.
    fn wide(&mut self) -> u64 {
        let bits = self.below(64);
        self.next() >> bits
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

const INPUTS: [Input; 4] = [Input::Offer, Input::Read, Input::End, Input::Restart];

#[test]
fn bytes_are_wanted_only_between_an_offer_and_its_end() {
    forall(500, |dice| {
        let (mut phase, mut open) = (Phase::default(), false);
        for _ in 0..50 {
            let input = INPUTS[dice.index(4)];
            let before = phase;
            match phase.after(input) {
                Some(next) => phase = next,
                None => assert_eq!(phase, before),
            }
            match (input, phase != before || before.after(input).is_some()) {
                (Input::Offer, true) => {
                    assert!(!open, "an offer takes the place of one that is being fetched");
                    open = true;
                }
                (Input::Read | Input::End, taken) => {
                    assert_eq!(taken, open, "{before:?} {input:?}");
                    open = open && input == Input::Read;
                }
                _ => {}
            }
            assert_eq!(phase == Phase::Fetching, open);
        }
    });
}

#[test]
fn patience_ends_after_its_attempts_and_waits_stay_below_their_ceiling() {
    forall(2000, |dice| {
        let patience = Patience {
            attempts: u32::try_from(1 + dice.below(40)).unwrap(),
            base: dice.millis(100_000),
            cap: dice.millis(100_000),
        };
        let (mut retries, mut in_a_row) = (Retries::default(), 0u32);
        for _ in 0..100 {
            if dice.below(8) == 0 {
                retries.progressed(retry::PROGRESS);
                in_a_row = 0;
            }
            let wish = (dice.below(3) == 0).then(|| dice.millis(10_000));
            let (class, transient) = match dice.below(6) {
                0 => (Class::Permanent, false),
                1 => (Class::Expired, false),
                2 => (Class::Cancelled, false),
                _ => (Class::Transient(wish), true),
            };
            in_a_row += u32::from(transient);
            let roll = u32::try_from(dice.below(1 << 32)).unwrap();
            match retries.failed(class, retry::Kind::Other, &patience, Instant::now(), roll) {
                Decision::GiveUp => assert!(!transient || in_a_row >= patience.attempts),
                Decision::Retry(wait) => {
                    assert!(transient && in_a_row < patience.attempts);
                    let doubled =
                        patience.base.saturating_mul(1u32.checked_shl(in_a_row - 1).unwrap_or(u32::MAX));
                    let wish = wish.unwrap_or_default();
                    // The jitter is computed in floating point.
                    assert!(
                        wait >= wish
                            && wait <= wish.max(doubled.min(patience.cap)) + Duration::from_micros(1)
                    );
                }
            }
        }
    });
}

#[test]
fn a_limited_transfer_never_runs_ahead_and_never_starves() {
    forall(300, |dice| {
        let rate = 1 + dice.wide() % 100_000_000;
        let mut limiter = Limiter::new(rate);
        let start = Instant::now();
        let (mut now, mut sent, mut idle) = (start, 0u64, Duration::ZERO);
        for _ in 0..200 {
            let bytes = 1 + dice.index(limiter.portion());
            now += limiter.wait(bytes, now);
            sent += bytes as u64;
            let elapsed = (now - start).as_secs_f64();
            assert!(sent as f64 <= rate as f64 * (elapsed + 0.06) + 1.0, "{rate}: {sent} in {elapsed}");
            let busy = (now - start - idle).as_secs_f64();
            assert!(
                sent as f64 >= rate as f64 * (busy - 0.06) - limiter.portion() as f64 - 1.0,
                "{rate}: {sent}"
            );
            if dice.below(20) == 0 {
                let pause = dice.millis(5000);
                now += pause;
                idle += pause;
            }
        }
    });
}

#[test]
fn a_floor_is_kept_by_those_who_keep_it_and_missed_by_those_who_do_not() {
    forall(500, |dice| {
        let floor =
            Floor { rate: 1 + dice.below(1_000_000), window: Duration::from_secs(1 + dice.below(60)) };
        let (mut quick, mut slow) = (Meter::new(floor), Meter::new(floor));
        let mut missed = 0;
        for _ in 0..200 {
            let waited = Duration::from_millis(1 + dice.below(5000));
            let fair = (floor.rate as f64 * waited.as_secs_f64()).ceil() as usize;
            // One byte more: the meter counts in floating point.
            assert_ne!(quick.keeps_up(fair + 1, waited), Some(false), "{floor:?}");
            missed += u32::from(slow.keeps_up(fair / 2, waited) == Some(false));
        }
        assert!(missed > 0, "{floor:?}");
    });
}

#[test]
fn versions_are_totally_ordered() {
    fn version(dice: &mut Dice) -> String {
        const PARTS: [&str; 14] =
            ["0", "1", "2", "9", "10", "007", "rc", "beta", ".", ".", "-", "_", "v", "1.0"];
        (0..dice.below(7)).map(|_| PARTS[dice.index(PARTS.len())]).collect()
    }
    forall(20_000, |dice| {
        let (a, b, c) = (version(dice), version(dice), version(dice));
        assert_eq!(compare_versions(&a, &a), Ordering::Equal, "{a}");
        assert_eq!(compare_versions(&a, &b), compare_versions(&b, &a).reverse(), "{a} {b}");
        let (ab, bc) = (compare_versions(&a, &b), compare_versions(&b, &c));
        if ab == bc {
            assert_eq!(compare_versions(&a, &c), ab, "{a} {b} {c}");
        } else if ab == Ordering::Equal {
            assert_eq!(compare_versions(&a, &c), bc, "{a} {b} {c}");
        }
    });
    // Numbers compare as numbers, of any size.
    forall(2000, |dice| {
        let (a, b) = (dice.wide(), dice.wide());
        assert_eq!(compare_versions(&format!("1.{a}"), &format!("1.{b}")), a.cmp(&b));
    });
}

#[test]
fn percents_grow_and_only_the_whole_is_a_hundred() {
    forall(5000, |dice| {
        let total = dice.wide().max(1);
        let (a, b) = (dice.wide() % total, dice.wide() % total);
        assert!(percent(a.min(b), total) <= percent(a.max(b), total));
        assert!(percent(a, total) < 100 && percent(total, total) == 100);
    });
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
    }
}

#[test]
fn offers_are_the_same_image_whatever_their_url() {
    forall(500, |dice| {
        let offer = offer_of(&dice.next().to_le_bytes(), Algorithm::Sha256);
        let moved = Offer { url: format!("http://h{}/", dice.next()), ..offer.clone() };
        assert!(offer.is_same_image(&moved) && moved.is_same_image(&offer));
        let others = [
            Offer { version: "3".into(), ..offer.clone() },
            Offer { size: offer.size + 1 + dice.below(9), ..offer.clone() },
            Offer { digest: digest_of(&dice.next().to_le_bytes(), Algorithm::Sha256), ..offer.clone() },
        ];
        assert!(others.iter().all(|other| !offer.is_same_image(other) && !other.is_same_image(&offer)));
    });
}

#[test]
fn a_digest_goes_on_from_a_checkpoint_anywhere() {
    forall(300, |dice| {
        let image: Vec<u8> = (0..1 + dice.below(3000)).map(|n| (n * 31 % 251) as u8).collect();
        let algorithm = if dice.below(2) == 0 { Algorithm::Md5 } else { Algorithm::Sha256 };
        let offer = offer_of(&image, algorithm);
        let cut = dice.index(image.len() + 1);
        let mut checkpoint = Checkpoint::start(&offer);
        checkpoint.hasher.update(&image[..cut]);
        checkpoint.offset = cut as u64;
        checkpoint.validator = (dice.below(2) == 0).then(|| Validator::ETag(format!("\"{}\"", dice.next())));
        let record = checkpoint.encode(&offer);
        let mut back = Checkpoint::decode(&record, &offer).unwrap();
        assert_eq!((back.offset, &back.validator), (checkpoint.offset, &checkpoint.validator));
        back.hasher.update(&image[cut..]);
        assert!(offer.digest.matches(&back.hasher.finish(algorithm).unwrap()));
        let mut torn = record.clone();
        torn.truncate(dice.index(record.len()));
        assert!(Checkpoint::decode(&torn, &offer).is_none());
    });
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
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, FetchError> {
        let n = buf.len().min(self.piece).min(self.bytes.len() - self.at);
        if n == 0 {
            return Err(self.then.clone());
        }
        buf[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

impl Source for Chaos {
    fn open(&self, request: &Request<'_>, _: &Cancel) -> Result<Opened, FetchError> {
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
        let patience = Patience { attempts, base: Duration::ZERO, cap: Duration::ZERO };
        Settings { patience, slots: 2, slot_size, ..Settings::default() }
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
