// SPDX-License-Identifier: MIT OR Apache-2.0
//! When a broken transfer is tried again, and when it is given up: pure, the clock and the dice are handed in.

use std::time::Duration;

use crate::fetch::Class;

/// How patient a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Failures in a row without a single new byte before the transfer is given up. At least 1.
    pub attempts: u32,
    /// Longest wait before the first retry; it doubles with each further failure …
    pub base: Duration,
    /// … up to this.
    pub cap: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 12, base: Duration::from_millis(250), cap: Duration::from_secs(30) }
    }
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Wait this long, then open the image again where it broke.
    Retry(Duration),
    /// Give up.
    GiveUp,
}

/// Counts failures since the last new byte.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retries {
    failures: u32,
}

impl Retries {
    /// New bytes came: patience starts anew.
    pub fn progressed(&mut self) {
        self.failures = 0;
    }

    /// Decides on a failure. `dice` is uniform in 0..=`u32::MAX`: full jitter spreads the devices of a fleet that all
    /// lost the same server.
    pub fn failed(&mut self, class: Class, patience: &Patience, dice: u32) -> Decision {
        let Class::Transient(server_wait) = class else { return Decision::GiveUp };
        self.failures = self.failures.saturating_add(1);
        if self.failures >= patience.attempts {
            return Decision::GiveUp;
        }
        let ceiling = patience.base.saturating_mul(1u32.checked_shl(self.failures - 1).unwrap_or(u32::MAX));
        let jittered = ceiling.min(patience.cap).mul_f64(f64::from(dice) / f64::from(u32::MAX));
        Decision::Retry(server_wait.unwrap_or_default().max(jittered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { attempts: 5, base: Duration::from_millis(100), cap: Duration::from_millis(300) };

    #[test]
    fn waits_double_up_to_the_cap_and_patience_ends() {
        let mut retries = Retries::default();
        let mut next = || retries.failed(Class::Transient(None), &PATIENCE, u32::MAX);
        let wait = |ms| Decision::Retry(Duration::from_millis(ms));
        assert_eq!([next(), next(), next(), next()], [wait(100), wait(200), wait(300), wait(300)]);
        assert_eq!(next(), Decision::GiveUp);
        assert_eq!(next(), Decision::GiveUp);
    }

    #[test]
    fn progress_renews_patience_and_jitter_spans_the_whole_wait() {
        let mut retries = Retries::default();
        for _ in 0..100 {
            assert_eq!(retries.failed(Class::Transient(None), &PATIENCE, 0), Decision::Retry(Duration::ZERO));
            retries.progressed();
        }
    }

    #[test]
    fn a_servers_wish_is_obeyed_and_the_rest_is_final() {
        let mut retries = Retries::default();
        let wish = Duration::from_secs(7);
        assert_eq!(retries.failed(Class::Transient(Some(wish)), &PATIENCE, 0), Decision::Retry(wish));
        for class in [Class::Permanent, Class::Expired, Class::Cancelled] {
            assert_eq!(Retries::default().failed(class, &PATIENCE, 0), Decision::GiveUp);
        }
        let endless = Patience { attempts: u32::MAX, ..PATIENCE };
        let mut retries = Retries { failures: u32::MAX - 2 };
        assert_eq!(retries.failed(Class::Transient(None), &endless, u32::MAX), Decision::Retry(PATIENCE.cap));
    }
}
