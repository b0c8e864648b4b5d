// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes that a fork waits for: a child, which goes on with the state as it was at that moment, finds none half made, and no
//! lock held by a thread that it does not have.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a fork waits.
const PATIENCE: Duration = Duration::from_millis(100);
/// Between two looks. (Whoever waits in a lock would use memory that forks do not keep in order.)
const PAUSE: Duration = Duration::from_micros(200);

/// Threads that are changing something.
static CHANGING: AtomicUsize = AtomicUsize::new(0);
/// Threads that are forking.
static FORKING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How many changes this thread is in the midst of, one inside the other.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static IS_FORKING: Cell<bool> = const { Cell::new(false) };
}

/// A change under way. It must be a short one: nothing is waited for in it but locks.
pub struct Steady(());

/// Begins a change. Waits while another thread forks.
pub fn steady() -> Steady {
    if DEPTH.get() == 0 {
        loop {
            CHANGING.fetch_add(1, Ordering::SeqCst);
            if FORKING.load(Ordering::SeqCst) == 0 || IS_FORKING.get() {
                break;
            }
            CHANGING.fetch_sub(1, Ordering::SeqCst);
            std::thread::sleep(PAUSE);
        }
    }
    DEPTH.set(DEPTH.get() + 1);
    Steady(())
}

impl Drop for Steady {
    fn drop(&mut self) {
        let depth = DEPTH.get().saturating_sub(1);
        DEPTH.set(depth);
        if depth == 0 {
            CHANGING.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// This thread is about to fork.
pub(super) fn before() {
    if IS_FORKING.replace(true) {
        return;
    }
    FORKING.fetch_add(1, Ordering::SeqCst);
    let (own, end) = (usize::from(DEPTH.get() > 0), Instant::now() + PATIENCE);
    while CHANGING.load(Ordering::SeqCst) > own && Instant::now() < end {
        std::thread::sleep(PAUSE);
    }
}

/// It has done so.
pub(super) fn after() {
    if IS_FORKING.replace(false) {
        FORKING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Does only what a signal handler may.
pub(super) fn in_child() {
    IS_FORKING.set(false);
    FORKING.store(0, Ordering::SeqCst);
    CHANGING.store(usize::from(DEPTH.get() > 0), Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_fork_waits_for_changes_and_changes_for_a_fork() {
        let (begun, told) = channel();
        let (end, ended) = channel::<()>();
        let changing = std::thread::spawn(move || {
            let (outer, inner) = (steady(), steady());
            begun.send(()).unwrap();
            ended.recv().unwrap();
            drop((inner, outer));
            Instant::now()
        });
        told.recv().unwrap();
        let forking = std::thread::spawn(|| {
            before();
            let seen = Instant::now();
            std::thread::sleep(Duration::from_millis(20));
            let over = Instant::now();
            after();
            (seen, over)
        });
        while FORKING.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        let next = std::thread::spawn(|| {
            let change = steady();
            let begun = Instant::now();
            drop(change);
            begun
        });
        std::thread::sleep(Duration::from_millis(10));
        end.send(()).unwrap();
        let (changed, (seen, over)) = (changing.join().unwrap(), forking.join().unwrap());
        assert!(seen >= changed || seen + Duration::from_millis(1) >= changed);
        assert!(next.join().unwrap() >= over);
        // One that does not end is not waited for without end.
        let _own = steady();
        before();
        after();
    }
}
