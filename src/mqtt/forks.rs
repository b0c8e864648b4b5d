// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clients over a fork: no thread is in the midst of a change of their state at that moment, so that a child finds it whole.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{ArcMutexGuard, Mutex, RawMutex};

use super::shared::State;
use crate::thread::{self, AroundForks, Birth};

/// How long a fork waits for a lock, and a child for what a missing thread may hold: then it goes on without.
const PATIENCE: Duration = Duration::from_millis(100);
/// Between two looks at a lock. (Whoever waits inside the lock itself would use memory that forks do not keep in order.)
const PAUSE: Duration = Duration::from_millis(1);

/// A client's state, and who holds it over a fork.
struct Client {
    state: Weak<Mutex<State>>,
    /// In the process that forks until it has, in its child for ever: a lock that was taken in another process is not given
    /// back.
    held: Option<(Birth, ArcMutexGuard<RawMutex, State>)>,
}

static CLIENTS: Mutex<Vec<Client>> = Mutex::new(Vec::new());
/// A thread of this process is forking.
static FORKING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// It is this one.
    static IS_FORKING: Cell<bool> = const { Cell::new(false) };
}

/// From now on forks leave this state whole.
pub(super) fn register(state: &Arc<Mutex<State>>) {
    thread::set_around_forks(AroundForks { before, after, in_child });
    let end = Instant::now() + PATIENCE;
    // Where a fork takes longer, or one has left the list locked in a child, the client does without.
    while let Some(mut clients) = CLIENTS.try_lock_until(end) {
        if !FORKING.load(Ordering::Acquire) {
            clients.retain(|client| client.state.strong_count() > 0);
            clients.push(Client { state: Arc::downgrade(state), held: None });
            return;
        }
        drop(clients);
        std::thread::sleep(PAUSE);
    }
}

/// In a child of a fork: what `look` makes of the state that the client had in the parent. `None` when a thread that is missing
/// here holds it.
pub(super) fn inherited<T>(state: &Arc<Mutex<State>>, look: impl FnOnce(&mut State) -> T) -> Option<T> {
    if let Some(mut clients) = CLIENTS.try_lock_for(PATIENCE) {
        let held = clients
            .iter_mut()
            .filter(|client| std::ptr::eq(client.state.as_ptr(), Arc::as_ptr(state)))
            .find_map(|client| client.held.as_mut().filter(|(birth, _)| !birth.is_here()));
        if let Some((_, guard)) = held {
            return Some(look(guard));
        }
    }
    state.try_lock_for(PATIENCE).map(|mut state| look(&mut state))
}

fn before() {
    let begin = || FORKING.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).ok();
    if patiently(begin).is_none() {
        return;
    }
    IS_FORKING.set(true);
    let Some(mut clients) = patiently(|| CLIENTS.try_lock()) else { return };
    for client in clients.iter_mut().filter(|client| client.held.is_none()) {
        if let Some(state) = client.state.upgrade() {
            client.held = patiently(|| state.try_lock_arc()).map(|guard| (Birth::now(), guard));
        }
    }
}

fn after() {
    if IS_FORKING.replace(false) {
        for client in CLIENTS.lock().iter_mut() {
            client.held.take_if(|(birth, _)| birth.is_here());
        }
        FORKING.store(false, Ordering::Release);
    }
}

/// Does only what a signal handler may.
fn in_child() {
    IS_FORKING.set(false);
    FORKING.store(false, Ordering::Release);
}

fn patiently<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        let got = attempt();
        if got.is_some() || Instant::now() >= end {
            return got;
        }
        std::thread::sleep(PAUSE);
    }
}
