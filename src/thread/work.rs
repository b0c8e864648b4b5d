// SPDX-License-Identifier: MIT OR Apache-2.0
//! What threads of the library do for the application for longer than a call: connections, downloads. A child of a fork has
//! none of its parent's threads. With its first call into the library it takes over what they were at: it is done again once
//! the parent has ended, as a daemon's first process does at once, and else ends with a failure.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::steady::steady;
use super::{Birth, GENERATION, named};
use crate::cancel::CancellationToken;
use crate::log;

/// How long a child waits for the end of its parent before it says so, or gives up what does not wait.
const SOON: Duration = Duration::from_secs(3);
/// Between two looks at it, at first and later.
const LOOKS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// How long a child waits for a lock that a missing thread may hold.
const PATIENCE: Duration = Duration::from_millis(100);

/// Something that a thread does, and may have to do again in another process.
pub trait Work: Send + Sync + 'static {
    /// What it is, for log lines.
    fn name(&self) -> String;
    /// Does it. In a child of a fork this finds the state in which the parent's thread has left it.
    fn run(&self, begun: &Begun);
    /// In a child of a fork: it is not done there. What waits for its end is told.
    fn lose(&self, begun: &Begun);
    /// Whether a child waits for the end of its parent for as long as that takes.
    fn waits(&self) -> bool;
    /// It is not wanted any more.
    fn cancel(&self) -> &CancellationToken;
}

/// What threads are at, and where.
static WORKS: Mutex<Vec<(Birth, Begun)>> = Mutex::new(Vec::new());
/// The generation of the process that has looked last.
static LOOKED: AtomicU32 = AtomicU32::new(0);

/// Work that has begun.
#[derive(Clone)]
pub struct Begun {
    thread: &'static str,
    work: Arc<dyn Work>,
}

impl Begun {
    /// From here on it counts as done, and is not done again in a child. To be called in the same change (see
    /// [`super::steady`]) in which the application is told.
    pub fn done(&self) {
        let _steady = steady();
        WORKS.lock().retain(|(_, other)| !Arc::ptr_eq(&other.work, &self.work));
    }
}

/// The thread of some work.
struct Tended(Begun);

impl Drop for Tended {
    fn drop(&mut self) {
        self.0.done();
    }
}

/// Begins some work on a thread of its own.
///
/// # Errors
///
/// What the system says when it has no thread to give.
pub fn start(thread: &'static str, work: Arc<dyn Work>) -> io::Result<()> {
    begin(Begun { thread, work }, None)
}

fn begin(begun: Begun, parent: Option<Birth>) -> io::Result<()> {
    let steady = steady();
    WORKS.lock().push((Birth::now(), begun.clone()));
    drop(steady);
    let thread = begun.thread;
    // Goes with the closure too, when there is no thread for it.
    let tended = Tended(begun);
    let run = move || {
        let Tended(begun) = &tended;
        let goes_on = parent.is_none_or(|parent| outlives(&*begun.work, &parent));
        if goes_on { begun.work.run(begun) } else { begun.work.lose(begun) }
    };
    named(thread).spawn(run).map(drop)
}

/// Takes over what the parent's threads were at. Called with each call of the application; does something with a child's
/// first.
pub fn take_over() {
    let generation = GENERATION.load(Ordering::Acquire);
    if LOOKED.load(Ordering::Acquire) == generation || LOOKED.swap(generation, Ordering::AcqRel) == generation
    {
        return;
    }
    let Some(mut works) = WORKS.try_lock_for(PATIENCE) else {
        log!(Error, "fork", "what the parent process was at is lost in this one: connect and download again");
        return;
    };
    let orphans: Vec<_> = works.extract_if(.., |(birth, _)| !birth.is_here()).collect();
    drop(works);
    for (birth, begun) in orphans {
        if let Err(error) = begin(begun.clone(), Some(birth)) {
            log!(Error, "fork", "{}: no thread to go on with: {error}", begun.work.name());
            begun.work.lose(&begun);
        }
    }
}

/// Waits for the end of the process that has begun the work; `false` when it is not to go on in this one.
fn outlives(work: &dyn Work, parent: &Birth) -> bool {
    let (began, mut told) = (Instant::now(), false);
    while parent.process_runs() && !work.cancel().is_cancelled() {
        let late = began.elapsed() >= SOON;
        if late && !work.waits() {
            let name = work.name();
            log!(
                Error,
                "fork",
                "{name}: given up in this process: the one that began it still runs, and goes on with it"
            );
            return false;
        }
        if late && !std::mem::replace(&mut told, true) {
            let name = work.name();
            log!(
                Warning,
                "fork",
                "{name}: stays with the process that began it, which still runs; this one goes on with it after its end"
            );
        }
        std::thread::sleep(if late { LOOKS.1 } else { LOOKS.0 });
    }
    if work.cancel().is_cancelled() {
        return false;
    }
    log!(Warning, "fork", "{}: this process goes on for the one that began it", work.name());
    true
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    struct Job {
        waits: bool,
        cancel: CancellationToken,
        told: Mutex<Sender<&'static str>>,
    }

    impl Work for Job {
        fn name(&self) -> String {
            "job".into()
        }
        fn run(&self, _: &Begun) {
            self.told.lock().send("run").unwrap();
        }
        fn lose(&self, _: &Begun) {
            self.told.lock().send("lose").unwrap();
        }
        fn waits(&self) -> bool {
            self.waits
        }
        fn cancel(&self) -> &CancellationToken {
            &self.cancel
        }
    }

    fn is_listed(work: &Arc<dyn Work>) -> bool {
        WORKS.lock().iter().any(|(_, other)| Arc::ptr_eq(&other.work, work))
    }

    #[test]
    fn a_child_goes_on_once_its_parent_has_ended_and_else_gives_up() {
        // Where a parent is the test's own, it runs on; a process that has ended is nobody's parent.
        let ended = {
            let mut child = std::process::Command::new("true").spawn().unwrap();
            child.wait().unwrap();
            child.id()
        };
        let here = std::os::unix::process::parent_id();
        for (process, waits, cancelled, expected) in [
            (ended, false, false, "run"),
            (ended, true, false, "run"),
            (here, false, false, "lose"),
            (here, true, true, "lose"),
            (ended, true, true, "lose"),
        ] {
            let (told, tells) = channel();
            let work: Arc<dyn Work> =
                Arc::new(Job { waits, cancel: CancellationToken::new(), told: Mutex::new(told) });
            if cancelled {
                work.cancel().cancel();
            }
            let began = Instant::now();
            begin(Begun { thread: "test", work: Arc::clone(&work) }, Some(Birth::elsewhere(process)))
                .unwrap();
            assert_eq!(tells.recv_timeout(Duration::from_secs(60)), Ok(expected), "{process} {waits}");
            assert_eq!(began.elapsed() >= SOON, process == here && !waits, "{process} {waits}");
            while is_listed(&work) {
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn work_is_done_once() {
        let (told, tells) = channel();
        let work: Arc<dyn Work> =
            Arc::new(Job { waits: false, cancel: CancellationToken::new(), told: Mutex::new(told) });
        start("test", Arc::clone(&work)).unwrap();
        assert_eq!(tells.recv_timeout(Duration::from_secs(60)), Ok("run"));
        take_over();
        while is_listed(&work) {
            std::thread::yield_now();
        }
        drop(work);
        assert!(tells.recv_timeout(Duration::from_secs(60)).is_err(), "and nobody keeps it");
    }
}
