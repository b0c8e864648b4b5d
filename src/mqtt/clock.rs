// SPDX-License-Identifier: MIT OR Apache-2.0
//! When to ping, when a link counts as lost, when to try again. Pure: time and chance come in as arguments.

use std::time::{Duration, Instant};

/// A link is lost after this many keep-alive intervals without a byte.
const SILENT_INTERVALS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The time that is `wait` from now; years ahead if that is more than the clock can hold.
pub(super) fn deadline(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or_else(|| now + FOREVER)
}

/// The keep-alive of one connection.
pub(super) struct Keepalive {
    interval: Duration,
    pinged: Instant,
    heard: Instant,
}

/// What the keep-alive asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    Lost,
}

impl Keepalive {
    /// `interval` zero: never asks for anything.
    pub(super) fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, pinged: now, heard: now }
    }

    /// Bytes came, or nobody was listening: the server's silence counts from now.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// What is due now; a ping that is due is taken for sent.
    pub(super) fn poll(&mut self, now: Instant) -> Due {
        if self.interval.is_zero() {
            return Due::Nothing;
        }
        if now.saturating_duration_since(self.heard) >= self.interval.saturating_mul(SILENT_INTERVALS) {
            return Due::Lost;
        }
        if now.saturating_duration_since(self.pinged) >= self.interval {
            self.pinged = now;
            return Due::Ping;
        }
        Due::Nothing
    }
}

/// How long to wait before each attempt to connect again: 1, 2, 4 … 60 s, each 20 % more or less.
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: FIRST_WAIT }
    }

    /// The next wait; `random` is any number.
    pub(super) fn next(&mut self, random: u64) -> Duration {
        let base = self.next;
        self.next = (base * 2).min(LONGEST_WAIT);
        let percent = u32::try_from(random % 41).unwrap_or(20) + 80;
        base * percent / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pings_at_each_interval_whatever_else_happens() {
        let start = Instant::now();
        let mut clock = Keepalive::new(10 * SECOND, start);
        let mut pings = Vec::new();
        for second in 1..=35 {
            let now = start + second * SECOND;
            clock.heard(now);
            if clock.poll(now) == Due::Ping {
                pings.push(second);
            }
        }
        assert_eq!(pings, [10, 20, 30]);
    }

    #[test]
    fn three_silent_intervals_lose_the_link() {
        let start = Instant::now();
        let mut clock = Keepalive::new(10 * SECOND, start);
        for second in 1..30 {
            assert_ne!(clock.poll(start + second * SECOND), Due::Lost, "{second}");
        }
        assert_eq!(clock.poll(start + 30 * SECOND), Due::Lost);
        clock.heard(start + 30 * SECOND);
        assert_ne!(clock.poll(start + 59 * SECOND), Due::Lost);
        assert_eq!(clock.poll(start + 60 * SECOND), Due::Lost);
    }

    #[test]
    fn zero_interval_means_no_keepalive() {
        let start = Instant::now();
        let mut clock = Keepalive::new(Duration::ZERO, start);
        assert_eq!(clock.poll(start + 100_000 * SECOND), Due::Nothing);
    }

    #[test]
    fn waits_double_up_to_a_minute_within_a_fifth() {
        for random in [0, 20, 40, 41, u64::MAX] {
            let mut backoff = Backoff::new();
            for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
                let base = Duration::from_secs(seconds);
                let wait = backoff.next(random);
                assert!(wait >= base * 80 / 100 && wait <= base * 120 / 100, "{wait:?} for {base:?}");
            }
        }
        assert_eq!(Backoff::new().next(0), Duration::from_millis(800));
        assert_eq!(Backoff::new().next(40), Duration::from_millis(1200));
    }
}
