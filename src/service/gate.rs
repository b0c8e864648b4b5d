// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls into the application that must be over when a session has ended.

use parking_lot::{Condvar, Mutex};

use crate::thread;

/// Lets calls through until it is shut; who shuts it waits for those under way in other threads.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Default)]
struct State {
    shut: bool,
    inside: Vec<thread::Id>,
}

/// A call under way; it ends when this is dropped.
pub struct Pass<'a> {
    gate: &'a Gate,
}

impl Gate {
    /// Before a call; `None` once the gate is shut, and then the call must not be made.
    pub fn enter(&self) -> Option<Pass<'_>> {
        let mut state = self.state.lock();
        if state.shut {
            return None;
        }
        state.inside.push(thread::id());
        Some(Pass { gate: self })
    }

    /// From now on no call is begun. Returns when none is under way, except for the one that this is called in.
    pub fn shut(&self) {
        let me = thread::id();
        let mut state = self.state.lock();
        state.shut = true;
        while state.inside.iter().any(|inside| *inside != me) {
            self.left.wait(&mut state);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let me = thread::id();
        let mut state = self.gate.state.lock();
        if let Some(index) = state.inside.iter().position(|inside| *inside == me) {
            state.inside.swap_remove(index);
        }
        drop(state);
        self.gate.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn who_shuts_waits_for_others_and_not_for_itself() {
        let gate = Arc::new(Gate::default());
        let (entered, over) = (channel(), Arc::new(AtomicBool::new(false)));
        let (release, released) = channel::<()>();
        let inside = (gate.clone(), over.clone());
        let call = std::thread::spawn(move || {
            let pass = inside.0.enter().unwrap();
            entered.0.send(()).unwrap();
            released.recv().unwrap();
            inside.1.store(true, Ordering::SeqCst);
            drop(pass);
        });
        entered.1.recv().unwrap();
        let own = gate.enter();
        assert!(own.is_some());
        let shutting = (gate.clone(), over.clone());
        let shut = std::thread::spawn(move || {
            // A call of another thread, and one of the test's own.
            shutting.0.shut();
            assert!(shutting.1.load(Ordering::SeqCst));
        });
        while gate.enter().is_some() {
            std::thread::yield_now();
        }
        release.send(()).unwrap();
        call.join().unwrap();
        gate.shut();
        drop(own);
        shut.join().unwrap();
        assert!(gate.enter().is_none());
    }
}
