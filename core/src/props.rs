// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties of the tables and parsers over generated inputs. The inputs are the same in every run; `OTAKIT_LONG=1` makes
//! fifty times as many.
#![cfg(feature = "alloc")]

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::time::Duration;
use std::eprintln;

use crate::checkpoint::Checkpoint;
use crate::digest::{Algorithm, Expected, Hasher, to_hex};
use crate::fetch::{Class, Validator};
use crate::offer::{Kind, Offer};
use crate::pace::{Floor, Limiter, Meter};
use crate::phase::{Input, Phase};
use crate::progress::percent;
use crate::retry::{self, Decision, Retries, RetryPolicy};
use crate::version::compare;

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
        let retry_policy = RetryPolicy {
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
            match retries.failed(class, retry::Kind::Other, &retry_policy, Duration::ZERO, roll) {
                Decision::GiveUp => assert!(!transient || in_a_row >= retry_policy.attempts),
                Decision::Retry(wait) => {
                    assert!(transient && in_a_row < retry_policy.attempts);
                    let doubled =
                        retry_policy.base.saturating_mul(1u32.checked_shl(in_a_row - 1).unwrap_or(u32::MAX));
                    let wish = wish.unwrap_or_default();
                    assert!(wait >= wish && wait <= wish.max(doubled.min(retry_policy.cap)));
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
        let (mut now, mut sent, mut idle) = (Duration::ZERO, 0u64, Duration::ZERO);
        for _ in 0..200 {
            let bytes = 1 + dice.index(limiter.portion());
            now += limiter.wait(bytes, now);
            sent += bytes as u64;
            let elapsed = now.as_secs_f64();
            assert!(sent as f64 <= rate as f64 * (elapsed + 0.06) + 1.0, "{rate}: {sent} in {elapsed}");
            let busy = (now - idle).as_secs_f64();
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
            assert_ne!(quick.keeps_up(fair, waited), Some(false), "{floor:?}");
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
        assert_eq!(compare(&a, &a), Ordering::Equal, "{a}");
        assert_eq!(compare(&a, &b), compare(&b, &a).reverse(), "{a} {b}");
        let (ab, bc) = (compare(&a, &b), compare(&b, &c));
        if ab == bc {
            assert_eq!(compare(&a, &c), ab, "{a} {b} {c}");
        } else if ab == Ordering::Equal {
            assert_eq!(compare(&a, &c), bc, "{a} {b} {c}");
        }
    });
    // Numbers compare as numbers, of any size.
    forall(2000, |dice| {
        let (a, b) = (dice.wide(), dice.wide());
        assert_eq!(compare(&format!("1.{a}"), &format!("1.{b}")), a.cmp(&b));
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
        is_delta: false,
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
        assert!(offer.is_renewed_by(&moved) && others.iter().all(|other| !offer.is_renewed_by(other)));
        let md5 = digest_of(&dice.next().to_le_bytes(), Algorithm::Md5);
        let otherwise = Offer { digest: md5, ..moved.clone() };
        assert!(offer.is_renewed_by(&otherwise) && !offer.is_same_image(&otherwise));
        assert!(!offer.is_renewed_by(&Offer { size: offer.size + 1, ..otherwise }));
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
