// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cancellation that can be waited on: a flag for loops, a wake-up for sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Shared by the threads of one job; cloning shares the same flag.
///
/// Once cancelled it stays cancelled: a new job takes a new token.
#[derive(Clone, Debug, Default)]
pub struct CancellationToken(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    cancelled: AtomicBool,
    /// Held by those who go to sleep, and who wakes them.
    sleeping: Mutex<()>,
    changed: Condvar,
}

impl CancellationToken {
    /// A fresh, uncancelled token.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the flag and wakes every [`CancellationToken::sleep`]. Idempotent; callable from any thread.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        drop(self.0.sleeping.lock());
        self.0.changed.notify_all();
    }

    /// Whether [`CancellationToken::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        // Without a lock: in a child of a fork a thread that is not there may hold it.
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Whether `other` shares this flag.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Sleeps for `duration`, or until cancelled. Returns `true` when cancelled.
    pub fn sleep(&self, duration: Duration) -> bool {
        let deadline = Instant::now() + duration;
        let mut sleeping = self.0.sleeping.lock();
        while !self.is_cancelled() {
            if self.0.changed.wait_until(&mut sleeping, deadline).timed_out() {
                break;
            }
        }
        self.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_ends_early_when_cancelled() {
        let cancel = CancellationToken::new();
        let other = cancel.clone();
        let sleeper = std::thread::spawn(move || other.sleep(Duration::from_secs(3600)));
        cancel.cancel();
        assert!(sleeper.join().unwrap());
        assert!(cancel.is_cancelled());
        assert!(!CancellationToken::new().sleep(Duration::from_millis(1)));
    }
}
