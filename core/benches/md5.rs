// SPDX-License-Identifier: MIT OR Apache-2.0
//! MD5 beside the crate `md-5`, by turns over the same bytes: `cargo bench -p otakit-core`. Prints medians and their ratio.

#![allow(clippy::float_arithmetic, clippy::unwrap_used)] // Figures for people.

use std::hint::black_box;
use std::time::Instant;

use md5::Digest as _;
use otakit_core::digest::{Algorithm, Hasher};

const SIZE: usize = 32 << 20;
/// As a firmware's loop gets its bytes.
const PIECE: usize = 16 * 1024;
const ROUNDS: usize = 21;

fn seconds(work: impl FnOnce() -> Vec<u8>) -> (f64, Vec<u8>) {
    let begun = Instant::now();
    let digest = black_box(work());
    (begun.elapsed().as_secs_f64(), digest)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    *times.get(times.len() / 2).unwrap()
}

fn main() {
    let bytes: Vec<u8> = (0..SIZE).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (our_time, digest) = seconds(|| {
            let mut hasher = Hasher::new(Algorithm::Md5);
            black_box(&bytes).chunks(PIECE).for_each(|piece| hasher.update(piece));
            hasher.finish(Algorithm::Md5).unwrap().to_vec()
        });
        let (their_time, other) = seconds(|| {
            let mut hasher = md5::Md5::new();
            black_box(&bytes).chunks(PIECE).for_each(|piece| hasher.update(piece));
            hasher.finalize().to_vec()
        });
        assert_eq!(digest, other);
        ours.push(our_time);
        theirs.push(their_time);
        ratios.push(our_time / their_time);
    }
    let rate = |times: &mut [f64]| SIZE as f64 / median(times) / 1e6;
    println!(
        "MD5, {ROUNDS} rounds by turns: {:.0} MB/s, md-5 {:.0} MB/s; time {:.2} of md-5's",
        rate(&mut ours),
        rate(&mut theirs),
        median(&mut ratios)
    );
}
