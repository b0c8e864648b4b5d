// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of the process: once `exit` has begun, no thread of the library calls a function of the firmware.
//!
//! A firmware that was written for an SDK without threads tears its HAL down in `atexit` functions and destructors, and
//! counts on nobody calling it meanwhile.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::thread;

/// Longest wait at exit for calls that are under way. Only `HAL_TCP_Establish` and `HAL_SSL_Establish` may take longer.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(1);

/// Set in [`Gate::calls`] once nobody may enter any more.
const CLOSED: u32 = 1 << 31;

/// The process's gate.
static GATE: Gate = Gate::new();

/// Counts the calls of the firmware's functions that the library's threads are in.
struct Gate {
    calls: AtomicU32,
}

/// Permission for one call of a firmware's function; given back when dropped.
pub struct Pass<'a> {
    counted: Option<&'a Gate>,
}

/// Asks to call a function of the firmware. `None`: the process is ending, leave it. The application's own threads always
/// may: they know themselves what they have torn down.
pub fn enter() -> Option<Pass<'static>> {
    GATE.enter()
}

/// Lets no thread of the library in any more, and waits for those that are inside, at most half a second.
pub fn close() {
    GATE.close();
}

/// Forgets the calls of threads that the parent of a fork has and this child has not.
pub fn forget() {
    GATE.calls.fetch_and(CLOSED, Ordering::AcqRel);
}

impl Gate {
    const fn new() -> Self {
        Self { calls: AtomicU32::new(0) }
    }

    fn enter(&self) -> Option<Pass<'_>> {
        if !thread::is_ours() {
            return Some(Pass { counted: None });
        }
        let before = self.calls.fetch_add(1, Ordering::AcqRel);
        let pass = Pass { counted: Some(self) };
        (before & CLOSED == 0).then_some(pass)
    }

    fn close(&self) {
        self.calls.fetch_or(CLOSED, Ordering::AcqRel);
        // A firmware's function that ends the process runs in one of these threads itself.
        let own = u32::from(thread::is_ours());
        let began = Instant::now();
        while self.calls.load(Ordering::Acquire) & !CLOSED > own && began.elapsed() < LONGEST_WAIT {
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.counted {
            gate.calls.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    #[test]
    fn closing_waits_for_our_threads_and_lets_none_in_afterwards() {
        let gate = Arc::new(Gate::new());
        let (inside, is_inside) = mpsc::channel();
        let (leave, may_leave) = mpsc::channel::<()>();
        let worker = {
            let gate = gate.clone();
            thread::named("otakit-test").spawn(move || {
                let pass = gate.enter();
                inside.send(pass.is_some()).unwrap();
                may_leave.recv().unwrap();
                drop(pass);
                while gate.calls.load(Ordering::Acquire) & CLOSED == 0 {
                    std::thread::yield_now();
                }
                gate.enter().is_none()
            })
        };
        assert!(is_inside.recv().unwrap());
        leave.send(()).unwrap();
        gate.close();
        assert!(worker.unwrap().join().unwrap());
        assert_eq!(gate.calls.load(Ordering::Acquire), CLOSED);
        // The application's own threads are not held back.
        assert!(gate.enter().is_some());
    }

    #[test]
    fn exit_from_inside_does_not_wait_for_itself() {
        let worker = thread::named("otakit-test").spawn(|| {
            let gate = Gate::new();
            let _pass = gate.enter();
            let began = Instant::now();
            gate.close();
            began.elapsed() < LONGEST_WAIT
        });
        assert!(worker.unwrap().join().unwrap());
    }
}
