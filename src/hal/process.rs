// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a process does that was written for an SDK without threads: it forks, ends, and has signals of its own.

use std::sync::Once;

use super::{gate, signals};
use crate::thread;

/// For [`thread::set_shelter`]: threads that are started inside take no signals, and call nothing of the firmware once
/// the process has begun to end.
pub fn shelter(start: &mut dyn FnMut()) {
    static AT_EXIT: Once = Once::new();
    AT_EXIT.call_once(|| {
        // SAFETY: `at_exit` takes nothing and is there for the life of the process: the shared library is never unloaded.
        // Where the system has no memory for the entry, threads go on until the process has ended.
        unsafe { libc::atexit(at_exit) };
    });
    signals::blocked(start);
}

/// Has every child of this process know that it has none of the library's threads. Where the system has no memory for it,
/// calls in such a child wait for them until their time-out.
pub fn watch_forks() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // SAFETY: as in `shelter`; `in_child` does only what a signal handler may: it changes two atomic numbers.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

extern "C" fn at_exit() {
    gate::close();
}

extern "C" fn in_child() {
    gate::forget();
    thread::forked();
}
