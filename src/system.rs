// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `otakit-core` is handed: the time, and numbers that nobody can foretell.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Time since a moment that stays the same while the process runs. It never goes back.
pub fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// A number that differs from device to device and from call to call, of 64 random bits. It spreads retries and tells
/// requests apart; no secret depends on it.
pub fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// The same, of 32 bits.
pub fn random_u32() -> u32 {
    u32::try_from(random() >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_differ_and_time_goes_on() {
        let numbers: std::collections::HashSet<u64> = (0..100).map(|_| random()).collect();
        assert_eq!(numbers.len(), 100);
        let (before, after) = (now(), now());
        assert!(before <= after);
    }
}
