// SPDX-License-Identifier: MIT OR Apache-2.0
//! How fast bytes may come, and how slowly. Times are time since any fixed moment, the same for all calls.

use core::time::Duration;

/// Keeps a transfer below a rate: bytes are paid for with waiting.
#[derive(Debug)]
pub struct Limiter {
    rate: u64,
    /// When all bytes so far are paid for; the credit counts as later time.
    paid_until: Duration,
}

/// Nanoseconds in a second.
const NANOS: u128 = 1_000_000_000;

/// Credit that an idle transfer saves up: what may come in one burst.
const BURST: Duration = Duration::from_millis(50);

impl Limiter {
    /// At most `rate` bytes per second, at least 1.
    pub fn new(rate: u64) -> Self {
        Self { rate: rate.max(1), paid_until: Duration::ZERO }
    }

    /// How long to wait after `bytes` came at `now`.
    pub fn wait(&mut self, bytes: usize, now: Duration) -> Duration {
        let price = u128::from(bytes as u64) * NANOS / u128::from(self.rate);
        let price = Duration::from_nanos(u64::try_from(price).unwrap_or(u64::MAX));
        self.paid_until = self.paid_until.max(now).saturating_add(price);
        self.paid_until.saturating_sub(now.saturating_add(BURST))
    }

    /// The most bytes to take at once, so that no single wait is long.
    pub fn portion(&self) -> usize {
        usize::try_from(self.rate / 20).unwrap_or(usize::MAX).max(1)
    }
}

/// The least rate that a transfer must keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// Bytes per second, as a mean over …
    pub rate: u64,
    /// … this time.
    pub window: Duration,
}

/// Watches whether a transfer keeps above its floor.
#[derive(Debug)]
pub struct Meter {
    floor: Floor,
    /// Time that the server was waited for in this window.
    waited: Duration,
    bytes: u64,
}

impl Meter {
    /// Starts watching.
    pub fn new(floor: Floor) -> Self {
        Self { floor, waited: Duration::ZERO, bytes: 0 }
    }

    /// Takes note of bytes that were waited for that long. When a window has passed: whether they were enough. Time in
    /// which nobody asked the server for bytes does not count.
    pub fn keeps_up(&mut self, bytes: usize, waited: Duration) -> Option<bool> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.waited = self.waited.saturating_add(waited);
        if self.waited < self.floor.window {
            return None;
        }
        let wanted = u128::from(self.floor.rate).saturating_mul(self.waited.as_nanos());
        let enough = u128::from(self.bytes) * NANOS >= wanted;
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        Some(enough)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_over_ten_seconds() {
        for rate in [1_000, 50_000, 2_000_000] {
            let mut limiter = Limiter::new(rate);
            let (mut now, mut total) = (Duration::ZERO, 0u64);
            while now < Duration::from_secs(10) {
                let bytes = limiter.portion();
                total += bytes as u64;
                now += limiter.wait(bytes, now);
            }
            let ideal = rate * 10;
            assert!(total.abs_diff(ideal) * 20 <= ideal, "{rate}: {total}");
        }
    }

    #[test]
    fn an_idle_transfer_saves_no_more_than_a_burst() {
        let mut limiter = Limiter::new(1000);
        limiter.wait(10, Duration::ZERO);
        let later = Duration::from_secs(3600);
        assert_eq!(limiter.wait(50, later), Duration::ZERO);
        assert_eq!(limiter.wait(100, later), Duration::from_millis(100));
    }

    #[test]
    fn the_floor_is_a_mean_over_its_window() {
        let mut meter = Meter::new(Floor { rate: 100, window: Duration::from_secs(10) });
        let seconds = Duration::from_secs;
        assert_eq!(meter.keeps_up(0, seconds(9)), None);
        assert_eq!(meter.keeps_up(1000, seconds(1)), Some(true));
        assert_eq!(meter.keeps_up(1000, seconds(9)), None);
        assert_eq!(meter.keeps_up(99, seconds(2)), Some(false));
        assert_eq!(meter.keeps_up(1, seconds(1)), None);
    }
}
