// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a process does that was written for an SDK without threads: it forks, ends, and has signals of its own.

use std::ffi::c_int;
use std::sync::Once;

use super::{border, gate, own, signals};
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

/// Has every child of this process know that it has none of the library's threads, and find what it can take over whole. Where the system has no memory for it,
/// calls in such a child wait for them until their time-out.
pub fn watch_forks() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // SAFETY: as in `shelter`; `in_child` does only what a signal handler may: it changes atomic numbers
        // and closes descriptors.
        unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child)) };
    });
}

/// While it lives, `pthread_cancel` of the calling thread is put off: a thread that ends in the middle of a call would leave
/// its locks taken, and its way out leads through frames that cannot be left like that.
#[must_use]
pub struct NoCancel(c_int);

impl NoCancel {
    /// From now on.
    pub fn begin() -> Self {
        let mut before = 0;
        cancel_state(DISABLE, &mut before);
        Self(before)
    }
}

impl Drop for NoCancel {
    fn drop(&mut self) {
        cancel_state(self.0, &mut 0);
    }
}

/// `PTHREAD_CANCEL_DISABLE` of glibc and musl.
const DISABLE: c_int = 1;

#[cfg(all(target_os = "linux", any(target_env = "gnu", target_env = "musl")))]
fn cancel_state(state: c_int, before: &mut c_int) {
    unsafe extern "C" {
        fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
    }
    // SAFETY: POSIX's prototype; it changes the calling thread alone and writes one number.
    unsafe { pthread_setcancelstate(state, before) };
}

/// Elsewhere a thread that is cancelled in a call ends the process.
#[cfg(not(all(target_os = "linux", any(target_env = "gnu", target_env = "musl"))))]
fn cancel_state(_: c_int, _: &mut c_int) {}

extern "C" fn at_exit() {
    gate::close();
}

extern "C" fn before_fork() {
    // A signal handler that forks may have interrupted the library with a lock taken: no lock is asked for there.
    if !border::is_inside() {
        thread::forking(false);
    }
}

extern "C" fn after_fork() {
    thread::forking(true);
}

extern "C" fn in_child() {
    gate::forget();
    thread::forked();
    own::in_child();
}
