// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose code a thread runs: the library's or the firmware's.
//!
//! A signal handler may interrupt the library in the middle of a change, with a lock taken. A call from there could wait
//! for that lock for ever. So a call is refused where the library itself was interrupted. In the firmware's own functions
//! (its callbacks, its console, identity and image store) the library may be called as anywhere else; functions for
//! memory, sockets and keys never call it, and count as the library's code.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

// What a signal handler reads and writes of its own thread: neither allocates, and neither has anything to drop.
thread_local! {
    /// This thread runs the library's code, for a call of the firmware.
    static INSIDE: AtomicBool = const { AtomicBool::new(false) };
    /// A call was refused meanwhile; `NAME` is its name, and stays until this is taken back.
    static REFUSED: AtomicBool = const { AtomicBool::new(false) };
    static NAME: Cell<&'static str> = const { Cell::new("") };
}

/// This thread runs the library's code until it is dropped.
#[must_use]
pub struct Inside(());

/// Enters the library for the call `name`. `None`: this thread is in it already, so a signal handler calls.
pub fn enter(name: &'static str) -> Option<Inside> {
    if INSIDE.with(|inside| inside.swap(true, Ordering::SeqCst)) {
        REFUSED.with(|refused| {
            if !refused.load(Ordering::SeqCst) {
                NAME.set(name);
                refused.store(true, Ordering::SeqCst);
            }
        });
        return None;
    }
    Some(Inside(()))
}

impl Inside {
    /// Gives the name of a call that was refused since, the first one, to `tell`.
    pub fn refused(&self, tell: impl FnOnce(&str)) {
        REFUSED.with(|refused| {
            if refused.load(Ordering::SeqCst) {
                tell(NAME.get());
                refused.store(false, Ordering::SeqCst);
            }
        });
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.with(|inside| inside.store(false, Ordering::SeqCst));
    }
}

/// Calls a function of the firmware, or one of this library as the firmware would.
pub fn in_c<T>(call: impl FnOnce() -> T) -> T {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            INSIDE.with(|inside| inside.store(self.0, Ordering::SeqCst));
        }
    }
    let _back = Back(INSIDE.with(|inside| inside.swap(false, Ordering::SeqCst)));
    call()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(inside: &Inside) -> Option<String> {
        let mut name = None;
        inside.refused(|refused| name = Some(refused.to_owned()));
        name
    }

    #[test]
    fn a_call_inside_a_call_is_refused_and_told_of_once() {
        let outer = enter("outer").unwrap();
        assert!(enter("first").is_none() && enter("second").is_none());
        assert_eq!(refused(&outer).as_deref(), Some("first"));
        assert_eq!(refused(&outer), None);
        assert!(enter("third").is_none());
        assert_eq!(refused(&outer).as_deref(), Some("third"));
        drop(outer);
        assert_eq!(enter("next").map(|next| refused(&next)), Some(None));
    }

    #[test]
    fn the_firmwares_own_functions_may_call() {
        let outer = enter("outer").unwrap();
        in_c(|| {
            let inner = enter("inner").unwrap();
            assert!(enter("handler").is_none());
            in_c(|| assert!(enter("innermost").is_some()));
            assert_eq!(refused(&inner).as_deref(), Some("handler"));
        });
        assert!(enter("handler").is_none());
        drop(outer);
        assert!(enter("next").is_some());
    }

    #[test]
    fn another_thread_is_not_concerned() {
        let _outer = enter("outer").unwrap();
        assert!(std::thread::spawn(|| enter("other").is_some()).join().unwrap());
    }
}
