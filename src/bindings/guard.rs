// SPDX-License-Identifier: MIT OR Apache-2.0
//! No panic crosses into C.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use parking_lot::Mutex;

use super::arguments::{self, Outcome};
use crate::hal::border;
use crate::hal::process::NoCancel;

/// Runs the body of the export `name`; a panic inside it becomes `on_panic` and a log line, and so does a call of a signal
/// handler that has interrupted another export. The calling thread may be cancelled before and after it.
pub fn guard<T: Outcome>(name: &'static str, on_panic: T, body: impl FnOnce() -> T) -> T {
    // Nothing may come before it: what comes after it takes locks and memory.
    let Some(call) = begin(name) else { return on_panic };
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        panicked(name);
        on_panic
    });
    end(name, &call, outcome.is_refusal());
    outcome
}

/// A call under way.
struct Call {
    inside: border::Inside,
    _cancelled_afterwards: NoCancel,
    printed: u32,
}

// These are written once, and not once for each export.

#[inline(never)]
fn begin(name: &'static str) -> Option<Call> {
    static PREPARED: Once = Once::new();
    let inside = match border::enter(name) {
        Ok(inside) => inside,
        Err(border::Barred::Left(Some(call))) => {
            crate::log!(
                Critical,
                "api",
                "{name}: refused, as is every later call of this thread: it has left {call} in the middle by longjmp, and \
                 what that call held cannot be given back; end the process, or never leave a call by longjmp"
            );
            return None;
        }
        Err(_) => return None,
    };
    PREPARED.call_once(prepare);
    crate::thread::take_over();
    let cancelled_afterwards = NoCancel::begin();
    arguments::clear();
    Some(Call { inside, _cancelled_afterwards: cancelled_afterwards, printed: crate::log::printed() })
}

#[cold]
#[inline(never)]
fn panicked(name: &str) {
    crate::log!(Critical, "api", "{name}: internal error, call refused");
}

#[inline(never)]
fn end(name: &str, call: &Call, is_refusal: bool) {
    // A line that was printed meanwhile has explained the failure, which then was another one.
    if is_refusal
        && call.printed == crate::log::printed()
        && let Some(noted) = arguments::noted()
    {
        refused(format!("{name}: refused: {noted}"));
    }
    call.inside.refused(|other| {
        refused(format!(
            "{other}: refused: called in a signal handler that interrupted {name}; set a flag in the handler and call \
             afterwards"
        ));
    });
}

/// Says it, unless it was the last to be said: programs repeat their mistakes in loops.
fn refused(line: String) {
    static LAST: Mutex<String> = Mutex::new(String::new());
    let is_new = {
        let mut last = LAST.lock();
        let is_new = *last != line;
        if is_new {
            last.clone_from(&line);
        }
        is_new
    };
    if is_new {
        crate::log!(Warning, "api", "{line}");
    }
}

/// Installs the log sink, what threads are started inside of, the count of forks and the panic hook.
fn prepare() {
    crate::log::set_sink(crate::hal::console::log_sink);
    crate::thread::set_shelter(crate::hal::process::shelter);
    crate::hal::process::watch_forks();
    // A build whose panics abort at once calls no hook: with none installed, what hooks need is left out.
    #[cfg(any(panic = "unwind", panic = "abort"))]
    install_hook();
}

/// A panic hook that names the place only: the standard one would symbolise the whole program when the environment asks
/// for a backtrace, at tens of megabytes.
#[cfg(any(panic = "unwind", panic = "abort"))]
fn install_hook() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| match info.location() {
        Some(place) if place.file().contains("src/") => {
            crate::log!(Critical, "panic", "{}:{}", place.file(), place.line());
        }
        _ => previous(info),
    }));
}
