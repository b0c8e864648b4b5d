// SPDX-License-Identifier: MIT OR Apache-2.0
//! The threads that the library starts.

use std::cell::Cell;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::cancel::CancellationToken;

// Link Kit alone has no use for them: its sessions and clients know what to do in a child.
#[cfg_attr(
    not(any(feature = "haas", feature = "quectel", all(feature = "onenet", feature = "mqtt"))),
    allow(dead_code)
)]
mod steady;
#[cfg_attr(
    not(any(feature = "haas", feature = "quectel", all(feature = "onenet", feature = "mqtt"))),
    allow(dead_code)
)]
mod work;

#[cfg(any(feature = "haas", feature = "quectel"))]
pub use steady::steady;
pub use work::take_over;
#[cfg(any(feature = "haas", feature = "quectel", all(feature = "onenet", feature = "mqtt")))]
pub use work::{Begun, Work, start};

/// Stack of each thread in bytes, whatever the platform's default is: a TLS handshake is what needs most of it.
/// `benches/run.py` prints how deep they really get.
pub const STACK: usize = 256 * 1024;
/// How much larger the stacks of each child of a fork are than its parent's, up to [`MOST_STEPS`] times.
const STACK_STEP: usize = 16 * 1024;
const MOST_STEPS: usize = 64;

// Neither has anything to drop, so both can be used while a thread ends: C programs call the library in `atexit` handlers
// and in destructors of thread-specific data, where whatever has to be dropped is gone already.
thread_local! {
    static OURS: Cell<bool> = const { Cell::new(false) };
    static ID: Cell<usize> = const { Cell::new(0) };
}

/// Tells threads apart, ending ones too (`std::thread::current` panics there).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(usize);

/// The calling thread's.
pub fn id() -> Id {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    if ID.get() == 0 {
        ID.set(LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1));
    }
    Id(ID.get())
}

/// How deep the caller stands in its stack: a smaller number is deeper, as stacks grow on every target. Where it is used,
/// only an order between calls of one thread counts.
#[inline(never)]
pub fn depth() -> usize {
    let here = std::hint::black_box(0_u8);
    std::ptr::from_ref(&here).addr()
}

/// Whether the calling thread is the one behind the handle, one of the library's own.
#[cfg(feature = "mqtt")]
#[allow(clippy::disallowed_methods)] // The library's own threads end outside of it.
pub fn is_current<T>(handle: &JoinHandle<T>) -> bool {
    is_ours() && handle.thread().id() == std::thread::current().id()
}

/// Runs a function in a state that a thread started inside it inherits.
pub type Shelter = fn(&mut dyn FnMut());

static SHELTER: OnceLock<Shelter> = OnceLock::new();
/// How often this process has become a child.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Sets what every thread of the library is started inside of, for the rest of the process. The first call wins.
pub fn set_shelter(shelter: Shelter) {
    let _ = SHELTER.set(shelter);
}

/// A thread of the library's own, to be started. The name is what tools show; Linux shows 15 bytes of it.
pub fn named(name: &str) -> Named<'_> {
    Named(name)
}

/// What [`named`] gives.
pub struct Named<'a>(&'a str);

impl Named<'_> {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// What the system says when it has no thread to give.
    pub fn spawn<T: Send + 'static>(
        self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let mut body = Some(body);
        let mut started = Err(io::ErrorKind::Other.into());
        let mut start = || {
            if let Some(body) = body.take() {
                let body = move || {
                    OURS.set(true);
                    body()
                };
                started = Builder::new().name(self.0.to_owned()).stack_size(stack()).spawn(body);
            }
        };
        match SHELTER.get() {
            Some(shelter) => shelter(&mut start),
            None => start(),
        }
        started
    }
}

/// The stack of a thread that starts now. glibc hands the stacks of a parent's threads to new threads of its child, and with
/// them what locks still know of their old owners: none of these is large enough for a thread of the library's here.
fn stack() -> usize {
    let children = usize::try_from(GENERATION.load(Ordering::Acquire)).unwrap_or(MOST_STEPS);
    STACK + STACK_STEP * children.min(MOST_STEPS)
}

/// Whether the calling thread is one that the library started.
pub fn is_ours() -> bool {
    OURS.get()
}

/// Threads that fetch, each with what tells that it is no longer wanted. Gone from here, it touches no network any more.
static WORKERS: Mutex<Vec<(Birth, CancellationToken)>> = Mutex::new(Vec::new());
static ENDED: Condvar = Condvar::new();

struct Worker(CancellationToken);

impl Drop for Worker {
    fn drop(&mut self) {
        WORKERS.lock().retain(|(_, cancel)| !cancel.is(&self.0));
        ENDED.notify_all();
    }
}

/// Starts a thread that uses the network until `cancel` is set, and that [`wait`] knows of.
pub fn worker(
    name: &str,
    cancel: &CancellationToken,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    WORKERS.lock().push((Birth::now(), cancel.clone()));
    // Goes with the closure too, when there is no thread for it.
    let worker = Worker(cancel.clone());
    let run = move || {
        let _worker = worker;
        work();
    };
    named(name).spawn(run).map(drop)
}

/// Waits until all workers that are no longer wanted have ended. `false`: some still run after `timeout`, or this is one of the
/// library's own.
pub fn wait(timeout: Duration) -> bool {
    if is_ours() {
        return false;
    }
    let now = Instant::now();
    let deadline = now.checked_add(timeout).unwrap_or(now + Duration::from_secs(u32::MAX.into()));
    let mut workers = WORKERS.lock();
    // A child of a fork has none of its parent's.
    let unwanted = |(birth, cancel): &(Birth, CancellationToken)| birth.is_here() && cancel.is_cancelled();
    while workers.iter().any(unwanted) {
        if ENDED.wait_until(&mut workers, deadline).timed_out() {
            return !workers.iter().any(unwanted);
        }
    }
    true
}

/// What is done around each fork, so that the child finds a state that no missing thread was changing.
#[derive(Clone, Copy)]
pub struct AroundForks {
    /// In the process that forks.
    pub before: fn(),
    /// In the same process, after it.
    pub after: fn(),
    /// In the child; does only what a signal handler may.
    pub in_child: fn(),
}

static AROUND_FORKS: OnceLock<AroundForks> = OnceLock::new();

/// Sets it for the rest of the process. The first call wins.
#[cfg(feature = "mqtt")]
pub fn set_around_forks(around: AroundForks) {
    let _ = AROUND_FORKS.set(around);
}

/// The process is about to fork, or, with `after`, has done so.
pub fn forking(after: bool) {
    let around = AROUND_FORKS.get();
    if after {
        if let Some(around) = around {
            (around.after)();
        }
        steady::after();
    } else {
        // First what may ask for clients' locks.
        steady::before();
        if let Some(around) = around {
            (around.before)();
        }
    }
}

/// Counts a fork. Called in the child before anything else runs there; does only what a signal handler may.
pub fn forked() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
    steady::in_child();
    if let Some(around) = AROUND_FORKS.get() {
        (around.in_child)();
    }
}

/// Where something was begun that depends on a thread. A child of a fork has none of its parent's threads: what was begun
/// in the parent stands still there.
#[derive(Clone, Copy, Debug)]
pub struct Birth {
    generation: u32,
    process: u32,
}

impl Birth {
    /// Here and now.
    pub fn now() -> Self {
        Self { generation: GENERATION.load(Ordering::Acquire), process: std::process::id() }
    }

    /// In another process, of which this one is a child.
    #[cfg(test)]
    pub fn elsewhere(process: u32) -> Self {
        Self { generation: GENERATION.load(Ordering::Acquire).wrapping_sub(1), process }
    }

    /// Whether it was in this process.
    pub fn is_here(&self) -> bool {
        self.generation == GENERATION.load(Ordering::Acquire)
    }

    /// Whether the process that it was in still runs. Where the system does not tell, only a parent counts.
    pub fn process_runs(&self) -> bool {
        // A child of a process that has ended has another parent at once, even if nobody has collected the old one yet.
        self.is_here() || std::os::unix::process::parent_id() == self.process || runs(self.process)
    }
}

/// Whether a process runs, by Linux's word: it is listed, and not only waiting to be collected.
fn runs(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // pid (name) state …; a name may hold anything.
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods)]
    fn a_thread_has_its_name_and_its_result() {
        let thread = named("otakit-test").spawn(|| std::thread::current().name().map(str::to_owned)).unwrap();
        assert_eq!(thread.join().unwrap().as_deref(), Some("otakit-test"));
    }

    #[test]
    fn a_process_runs_until_it_has_ended() {
        assert!(runs(std::process::id()));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        while runs(child.id()) {
            std::thread::yield_now();
        }
        // It has ended, and is not collected yet.
        assert!(child.wait().unwrap().success());
        assert!(!runs(child.id()));
    }

    #[test]
    fn a_thread_knows_whose_it_is() {
        assert!(named("otakit-test").spawn(is_ours).unwrap().join().unwrap());
        assert!(!is_ours());
    }

    #[test]
    fn who_is_no_longer_wanted_is_waited_for() {
        let (cancel, other) = (CancellationToken::new(), CancellationToken::new());
        let (end, ended) = mpsc::channel::<()>();
        let (told, asked) = mpsc::channel();
        worker("test", &cancel, move || {
            told.send(wait(Duration::from_secs(3600))).unwrap();
            let _ = ended.recv();
        })
        .unwrap();
        let (stop, stopped) = mpsc::channel::<()>();
        worker("test", &other, move || {
            let _ = stopped.recv();
        })
        .unwrap();
        assert!(!asked.recv().unwrap(), "a worker cannot wait for itself");
        cancel.cancel();
        assert!(!wait(Duration::from_millis(5)));
        drop(end);
        // The other one is still wanted; other tests' workers end soon.
        assert!(wait(Duration::from_secs(60)));
        assert!(WORKERS.lock().iter().any(|worker| worker.1.is(&other)));
        drop(stop);
    }
}
