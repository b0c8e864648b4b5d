// SPDX-License-Identifier: MIT OR Apache-2.0
//! Callbacks into C that run now, so that whoever ends a device or a service can wait for them: a callback's function and
//! context may be gone right after.

use parking_lot::{Condvar, Mutex};

use crate::thread;

/// The callbacks that run, of one platform; `T` tells whose they are.
pub struct Calls<T> {
    running: Mutex<Vec<Call<T>>>,
    left: Condvar,
}

struct Call<T> {
    owner: T,
    thread: thread::Id,
    /// Its function waits in [`Calls::wait_for_others`] itself.
    waits: bool,
}

/// A callback that runs until this is dropped.
pub struct Running<'a, T> {
    calls: &'a Calls<T>,
    thread: thread::Id,
}

impl<T> Calls<T> {
    /// No callback runs.
    pub const fn new() -> Self {
        Self { running: Mutex::new(Vec::new()), left: Condvar::new() }
    }

    /// To be held while a callback of `owner` runs on this thread. `None` when `is_ended` says that none may begin, which
    /// is asked so that a later [`Calls::wait_for_others`] sees every callback that began.
    pub fn enter(&self, owner: T, is_ended: impl FnOnce() -> bool) -> Option<Running<'_, T>> {
        let mut running = self.running.lock();
        if is_ended() {
            return None;
        }
        let thread = thread::id();
        running.push(Call { owner, thread, waits: false });
        Some(Running { calls: self, thread })
    }

    /// Waits until no callback runs whose owner is `ended`. Those on this thread are not waited for, as it is inside
    /// them; nor are those that wait here themselves.
    pub fn wait_for_others(&self, ended: impl Fn(&T) -> bool) {
        let this = thread::id();
        let mut running = self.running.lock();
        let mark = |running: &mut Vec<Call<T>>, waits| {
            running.iter_mut().filter(|call| call.thread == this).for_each(|call| call.waits = waits);
        };
        mark(&mut running, true);
        self.left.notify_all();
        while running.iter().any(|call| ended(&call.owner) && call.thread != this && !call.waits) {
            self.left.wait(&mut running);
        }
        mark(&mut running, false);
    }
}

impl<T> Drop for Running<'_, T> {
    fn drop(&mut self) {
        let mut running = self.calls.running.lock();
        if let Some(at) = running.iter().rposition(|call| call.thread == self.thread) {
            running.remove(at);
        }
        drop(running);
        self.calls.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn none_begins_after_the_end_and_those_that_run_are_waited_for() {
        let (calls, ended, inside) = (Calls::new(), AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some(_running) = calls.enter(1, || ended.load(Ordering::SeqCst)) {
                        inside.fetch_add(1, Ordering::SeqCst);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
            while inside.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            ended.store(true, Ordering::SeqCst);
            calls.wait_for_others(|_| true);
            assert_eq!(inside.load(Ordering::SeqCst), 0);
        });
    }

    #[test]
    fn ends_from_inside_callbacks_do_not_wait_for_each_other() {
        let (calls, both) = (Calls::new(), Barrier::new(2));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let _running = calls.enter(1, || false);
                    both.wait();
                    calls.wait_for_others(|_| true);
                });
            }
        });
        calls.wait_for_others(|_| true);
    }

    #[test]
    fn another_owners_callbacks_are_not_waited_for() {
        let (calls, started, done) = (Calls::new(), Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _running = calls.enter(2, || false);
                started.wait();
                done.wait();
            });
            started.wait();
            calls.wait_for_others(|owner| *owner == 1);
            done.wait();
        });
    }
}
