// SPDX-License-Identifier: MIT OR Apache-2.0
//! When a broken transfer is tried again, and when it is given up. Times are time since any fixed moment, the same for all
//! calls; random numbers are handed in too.

use core::time::Duration;

use crate::fetch::Class;

/// How patient a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Failures in a row without a single new byte before the transfer is given up. At least 1.
    pub attempts: u32,
    /// Longest wait before the first retry; it doubles with each further failure …
    pub base: Duration,
    /// … up to this.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 12, base: Duration::from_millis(250), cap: Duration::from_secs(30) }
    }
}

/// New bytes after which waits are short again. A server that gives a byte and breaks off is not spared by that byte.
pub const PROGRESS: u64 = 4096;
/// A transfer is also given up after this many times [`RetryPolicy::attempts`] failures without [`PROGRESS`].
const CREEPING: u32 = 4;
/// Hopeless answers in a row: whatever listens there will not become an HTTP server that speaks with this device.
const HOPELESS: u32 = 3;
/// How long after its refusal a transfer whose URL has expired asks for one that works: two rounds of questions, and the
/// beginning of a third, which ends it. The waits in between are short, and the platform takes its time.
const EXPIRED: Duration = Duration::from_secs(25);
/// The longest wait before the next question.
const EXPIRED_CAP: Duration = Duration::from_secs(2);

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Wait this long, then open the image again where it broke.
    Retry(Duration),
    /// Give up.
    GiveUp,
}

/// What kind of failure it is, as far as patience goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What came was not HTTP, its certificate was damaged, or the peer will not speak TLS: rarely better a moment later.
    Hopeless,
    /// The URL is no longer good, and somebody was asked for another one.
    Expired,
    /// Any other.
    Other,
}

/// Counts failures since the last progress.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retries {
    /// Failures since the last new byte.
    failures: u32,
    /// Failures since the last [`PROGRESS`].
    level: u32,
    /// New bytes since then.
    fresh: u64,
    /// Hopeless answers in a row.
    hopeless: u32,
    /// When the URL was first refused, since it last worked.
    expired: Option<Duration>,
}

impl Retries {
    /// New bytes came: patience begins again, and with enough of them the waits do.
    pub fn progressed(&mut self, bytes: u64) {
        let fresh = self.fresh.saturating_add(bytes);
        *self = if fresh >= PROGRESS {
            Self::default()
        } else {
            Self { level: self.level, fresh, ..Self::default() }
        };
    }

    /// The URL was refused, and somebody is asked for another one: the time for that begins.
    pub fn refused(&mut self, now: Duration) {
        self.expired.get_or_insert(now);
    }

    /// The image is asked for in another way, of which the failures so far say nothing. A transfer that creeps goes on
    /// creeping.
    pub fn other_way(&mut self) {
        *self = Self { level: self.level, fresh: self.fresh, ..Self::default() };
    }

    /// Decides on a failure. `dice` is uniform in 0..=`u32::MAX`: full jitter spreads the devices of a fleet that all
    /// lost the same server.
    pub fn failed(
        &mut self,
        class: Class,
        kind: Kind,
        retry_policy: &RetryPolicy,
        now: Duration,
        dice: u32,
    ) -> Decision {
        let Class::Transient(server_wait) = class else { return Decision::GiveUp };
        self.failures = self.failures.saturating_add(1);
        self.level = self.level.saturating_add(1);
        self.hopeless = if kind == Kind::Hopeless { self.hopeless + 1 } else { 0 };
        let since = if kind == Kind::Expired { Some(*self.expired.get_or_insert(now)) } else { None };
        self.expired = since;
        if self.failures >= retry_policy.attempts
            || self.level >= retry_policy.attempts.saturating_mul(CREEPING)
            || self.hopeless >= HOPELESS
            || since.is_some_and(|since| now.saturating_sub(since) >= EXPIRED)
        {
            return Decision::GiveUp;
        }
        let cap = if kind == Kind::Expired { retry_policy.cap.min(EXPIRED_CAP) } else { retry_policy.cap };
        let ceiling = retry_policy.base.saturating_mul(1u32.checked_shl(self.level - 1).unwrap_or(u32::MAX));
        let jittered = share(ceiling.min(cap), dice);
        Decision::Retry(server_wait.unwrap_or_default().max(jittered))
    }
}

/// A part of `most`: none of it for 0, all of it for `u32::MAX`.
fn share(most: Duration, dice: u32) -> Duration {
    let nanos = most.as_nanos().saturating_mul(dice.into()) / u128::from(u32::MAX);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const PATIENCE: RetryPolicy =
        RetryPolicy { attempts: 5, base: Duration::from_millis(100), cap: Duration::from_millis(300) };
    const BROKEN: Class = Class::Transient(None);

    fn failed(retries: &mut Retries, retry_policy: &RetryPolicy, dice: u32) -> Decision {
        retries.failed(BROKEN, Kind::Other, retry_policy, Duration::ZERO, dice)
    }

    #[test]
    fn waits_double_up_to_the_cap_and_patience_ends() {
        let mut retries = Retries::default();
        let mut next = || failed(&mut retries, &PATIENCE, u32::MAX);
        let wait = |ms| Decision::Retry(Duration::from_millis(ms));
        assert_eq!([next(), next(), next(), next()], [wait(100), wait(200), wait(300), wait(300)]);
        assert_eq!(next(), Decision::GiveUp);
        assert_eq!(next(), Decision::GiveUp);
    }

    #[test]
    fn progress_restores_patience_and_jitter_spans_the_whole_wait() {
        let mut retries = Retries::default();
        for _ in 0..100 {
            assert_eq!(failed(&mut retries, &PATIENCE, 0), Decision::Retry(Duration::ZERO));
            retries.progressed(PROGRESS);
        }
    }

    #[test]
    fn a_byte_at_a_time_is_waited_for_longer_and_longer_but_not_for_ever() {
        let (mut retries, mut waits) = (Retries::default(), Vec::new());
        while let Decision::Retry(wait) = failed(&mut retries, &RetryPolicy::default(), u32::MAX) {
            waits.push(wait.as_millis());
            retries.progressed(1);
        }
        assert_eq!(waits[..8], [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000]);
        assert_eq!(waits.len(), 47);
        let mut retries = Retries::default();
        for n in 0..1000 {
            let wait = failed(&mut retries, &PATIENCE, u32::MAX);
            assert!(wait != Decision::GiveUp, "{n}");
            retries.progressed(PROGRESS / 2);
        }
    }

    #[test]
    fn a_servers_wish_is_obeyed_and_the_rest_is_final() {
        let now = Duration::ZERO;
        let wish = Duration::from_secs(7);
        let asked = Class::Transient(Some(wish));
        let decision = Retries::default().failed(asked, Kind::Other, &PATIENCE, now, 0);
        assert_eq!(decision, Decision::Retry(wish));
        for class in [Class::Permanent, Class::Expired, Class::Cancelled] {
            let decision = Retries::default().failed(class, Kind::Other, &PATIENCE, now, 0);
            assert_eq!(decision, Decision::GiveUp);
        }
        let endless = RetryPolicy { attempts: u32::MAX, ..PATIENCE };
        let mut retries = Retries { failures: 1_000_000, level: 1_000_000, ..Retries::default() };
        assert_eq!(failed(&mut retries, &endless, u32::MAX), Decision::Retry(PATIENCE.cap));
    }

    #[test]
    fn what_is_not_http_three_times_running_never_will_be() {
        let mut retries = Retries::default();
        let retry_policy = RetryPolicy::default();
        let mut next =
            |kind| retries.failed(BROKEN, kind, &retry_policy, Duration::ZERO, 0) == Decision::GiveUp;
        let kinds = [Kind::Hopeless, Kind::Hopeless, Kind::Other, Kind::Hopeless, Kind::Hopeless];
        assert!(kinds.into_iter().all(|kind| !next(kind)));
        assert!(next(Kind::Hopeless));
    }

    #[test]
    fn an_expired_url_is_given_up_by_the_clock() {
        let (start, retry_policy) = (Duration::from_secs(1), RetryPolicy::default());
        // Each round of questions takes ten seconds, and a wait. What otakit.h says: three rounds, and two waits.
        let (mut retries, mut now) = (Retries::default(), start + Duration::from_secs(10));
        retries.refused(start);
        while let Decision::Retry(wait) = retries.failed(BROKEN, Kind::Expired, &retry_policy, now, u32::MAX)
        {
            now += wait + Duration::from_secs(10);
        }
        assert_eq!(now - start, Duration::from_millis(30_750));
        // Rounds that are answered at once, with URLs that do not work.
        let (mut retries, mut now) = (Retries::default(), start);
        while let Decision::Retry(wait) = retries.failed(BROKEN, Kind::Expired, &retry_policy, now, u32::MAX)
        {
            now += wait;
        }
        assert!(now - start < Duration::from_secs(40), "{:?}", now - start);
        // One that works in between is a new beginning.
        let mut retries = Retries::default();
        for hour in 0..100 {
            let now = start + Duration::from_secs(3600 * hour);
            assert!(retries.failed(BROKEN, Kind::Expired, &retry_policy, now, 0) != Decision::GiveUp);
            retries.progressed(PROGRESS);
        }
    }
}
