// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals belong to the firmware: the library's own threads take none.

use std::mem::MaybeUninit;

/// What a fault in a thread raises in that same thread. These stay open: a firmware's crash handler still runs.
const FAULTS: [libc::c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS, libc::SIGABRT];

/// Whether the calling thread runs a signal handler on a stack of its own (`sigaltstack`). May be called in one.
pub fn on_own_stack() -> bool {
    let mut stack = MaybeUninit::<libc::stack_t>::uninit();
    // SAFETY: with no new stack given, it only writes the present one, and has when it returns 0.
    let flags = unsafe {
        if libc::sigaltstack(std::ptr::null(), stack.as_mut_ptr()) != 0 {
            return false;
        }
        stack.assume_init().ss_flags
    };
    flags & libc::SS_ONSTACK != 0
}

/// Runs `body` with every signal blocked in the calling thread, faults apart, and restores the thread's mask.
///
/// A thread that is started inside inherits the mask. So a signal that is sent to the process always goes to one of the
/// firmware's threads, as it did when the SDK had no threads: handlers, timers, `sigwait` and `signalfd` work as before.
pub fn blocked(body: &mut dyn FnMut()) {
    let _restored = Blocked::new();
    body();
}

struct Blocked(Option<libc::sigset_t>);

impl Blocked {
    fn new() -> Self {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigfillset initialises the set that it is given; sigdelset then changes that set, with valid signal
        // numbers; pthread_sigmask reads it and, when it returns 0, has written the old mask to `before`.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            for signal in FAULTS {
                libc::sigdelset(all.as_mut_ptr(), signal);
            }
            let changed = libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0;
            Self(changed.then(|| before.assume_init()))
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // SAFETY: `before` is the mask that pthread_sigmask wrote; no old mask is asked for.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(signal: libc::c_int) -> bool {
        let mut now = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: with no new set, pthread_sigmask writes the current mask; sigismember reads it.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), now.as_mut_ptr());
            libc::sigismember(now.as_ptr(), signal) == 1
        }
    }

    #[test]
    fn a_thread_started_inside_takes_no_signal_and_the_caller_keeps_its_own() {
        let before = has(libc::SIGTERM);
        let mut inside = None;
        blocked(&mut || {
            inside = Some(std::thread::spawn(|| (has(libc::SIGTERM), has(libc::SIGALRM), has(libc::SIGSEGV))))
        });
        assert_eq!(inside.map(|thread| thread.join().unwrap()), Some((true, true, false)));
        assert_eq!(has(libc::SIGTERM), before);
    }

    #[test]
    fn a_panic_inside_restores_the_mask() {
        let before = has(libc::SIGUSR1);
        let caught = std::panic::catch_unwind(|| blocked(&mut || std::panic::resume_unwind(Box::new(()))));
        assert!(caught.is_err());
        assert_eq!(has(libc::SIGUSR1), before);
    }
}
