// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose code a thread runs: the library's or the firmware's.
//!
//! A signal handler may interrupt the library in the middle of a change, with a lock taken. A call from there could wait
//! for that lock for ever. So a call is refused where the library itself was interrupted. In the firmware's own functions
//! (its callbacks and its HAL) the library may be called as anywhere else; those for memory alone never call it, and count
//! as the library's code.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use super::signals;
use crate::thread;

// What a signal handler reads and writes of its own thread: neither allocates, and neither has anything to drop.
thread_local! {
    /// This thread runs the library's code, for a call of the firmware.
    static INSIDE: AtomicBool = const { AtomicBool::new(false) };
    /// A call was refused meanwhile; `NAME` is its name, and stays until this is taken back.
    static REFUSED: AtomicBool = const { AtomicBool::new(false) };
    static NAME: Cell<&'static str> = const { Cell::new("") };
    /// The call that this thread is in, and how deep it began.
    static CALL: Cell<(&'static str, usize)> = const { Cell::new(("", 0)) };
    /// That call was left by `longjmp`, and that was told.
    static TOLD: AtomicBool = const { AtomicBool::new(false) };
}

/// This thread runs the library's code until it is dropped.
#[must_use]
pub struct Inside(());

/// Why a call cannot enter the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barred {
    /// A signal handler makes it, which has interrupted another.
    Interrupts,
    /// A handler has left another one, of this name, by `longjmp`: what that one held is held for ever. To be told, the
    /// first time.
    Left(Option<&'static str>),
}

/// Enters the library for the call `name`.
pub fn enter(name: &'static str) -> Result<Inside, Barred> {
    let depth = thread::depth();
    if !INSIDE.with(|inside| inside.swap(true, Ordering::SeqCst)) {
        CALL.set((name, depth));
        return Ok(Inside(()));
    }
    let (call, began) = CALL.get();
    // A handler stands deeper than what it has interrupted, unless it has a stack of its own.
    if depth >= began && !signals::on_own_stack() {
        let told = TOLD.with(|told| told.swap(true, Ordering::SeqCst));
        return Err(Barred::Left((!told).then_some(call)));
    }
    REFUSED.with(|refused| {
        if !refused.load(Ordering::SeqCst) {
            NAME.set(name);
            refused.store(true, Ordering::SeqCst);
        }
    });
    Err(Barred::Interrupts)
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

/// Whether this thread runs the library's code.
pub fn is_inside() -> bool {
    INSIDE.with(|inside| inside.load(Ordering::SeqCst))
}

/// Calls a function of the firmware, or one of this library as the firmware would.
pub fn in_c<T>(call: impl FnOnce() -> T) -> T {
    struct Back(bool, (&'static str, usize));
    impl Drop for Back {
        fn drop(&mut self) {
            CALL.set(self.1);
            INSIDE.with(|inside| inside.store(self.0, Ordering::SeqCst));
        }
    }
    let outer = CALL.get();
    let _back = Back(INSIDE.with(|inside| inside.swap(false, Ordering::SeqCst)), outer);
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
        assert!(barred("first") && barred("second"));
        assert_eq!(refused(&outer).as_deref(), Some("first"));
        assert_eq!(refused(&outer), None);
        assert!(barred("third"));
        assert_eq!(refused(&outer).as_deref(), Some("third"));
        drop(outer);
        assert_eq!(enter("next").map(|next| refused(&next)), Ok(None));
    }

    #[test]
    fn the_firmwares_own_functions_may_call() {
        let outer = enter("outer").unwrap();
        in_c(|| {
            let inner = enter("inner").unwrap();
            assert!(barred("handler"));
            in_c(|| assert!(enter("innermost").is_ok()));
            assert_eq!(refused(&inner).as_deref(), Some("handler"));
        });
        assert!(barred("handler"));
        drop(outer);
        assert!(enter("next").is_ok());
    }

    /// A call in a handler, which stands deeper.
    #[inline(never)]
    fn barred(name: &'static str) -> bool {
        let frame = std::hint::black_box([0_u8; 256]);
        enter(name).err() == Some(Barred::Interrupts) && frame.len() == 256
    }

    #[inline(never)]
    fn left_in_the_middle() {
        let frame = std::hint::black_box([0_u8; 256]);
        std::mem::forget(enter("left").map(|inside| (inside, frame.len())));
    }

    #[test]
    fn a_call_that_was_left_is_told_of_once() {
        left_in_the_middle();
        assert_eq!(enter("next").err(), Some(Barred::Left(Some("left"))));
        assert_eq!(enter("next").err(), Some(Barred::Left(None)));
    }

    #[test]
    fn another_thread_is_not_concerned() {
        let _outer = enter("outer").unwrap();
        assert!(std::thread::spawn(|| enter("other").is_ok()).join().unwrap());
    }
}
