// SPDX-License-Identifier: MIT OR Apache-2.0
//! Upgrade packages as QuecPython's `fota` has them: fetched by URL, or written by the application; one at a time.

mod local;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use otakit_core::digest::Expected;
use otakit_core::failure::Failure;
use otakit_core::fetch::FetchError;
use otakit_core::net::NetError;
use otakit_core::policy::PolicyViolation;
use otakit_core::progress::percent;
use otakit_core::store::StoreError;
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::events::Events;
use super::package::{self, Promise, Wanted};
use crate::cancel::CancellationToken;
use crate::engine::Settings;
use crate::fetch::http::HttpSource;
use crate::store::{Keep, Sink};
use crate::thread::{self, Begun, Work, steady};
use local::Local;

/// Where packages go unless told otherwise.
const DEFAULT_PATH: &str = "fota_package.bin";

/// What callbacks are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// So many percent are there.
    Progress(u8),
    /// All packages are there; the module is not to restart by itself.
    Done,
    /// All packages are there; the module restarts now.
    Restart,
    /// It failed; the code is one of [`code`].
    Failed(i32),
}

impl Event {
    /// Status and progress, as callbacks get them.
    pub fn pair(self) -> (i64, i64) {
        match self {
            Self::Progress(percent) => (1, percent.into()),
            Self::Done => (0, 100),
            Self::Restart => (2, 100),
            Self::Failed(code) => (-1, code.into()),
        }
    }
}

/// The documented code of a failure, 1001…1014.
pub fn code(failure: &Failure) -> i32 {
    match failure {
        Failure::Fetch(FetchError::Net(NetError::Name | NetError::NameServer)) => 1001,
        Failure::Fetch(FetchError::Net(NetError::Timeout)) | Failure::Deadline | Failure::TooSlow => 1002,
        Failure::Fetch(FetchError::Url(_)) => 1003,
        Failure::Fetch(FetchError::Net(NetError::Cancelled)) => 1011,
        Failure::Fetch(FetchError::Net(_)) => 1004,
        Failure::Fetch(FetchError::Status { status: 401 | 403, .. }) => 1005,
        Failure::Fetch(FetchError::Status { status: 404 | 410, .. }) => 1006,
        Failure::Fetch(FetchError::Length { .. } | FetchError::Protocol) => 1007,
        Failure::Fetch(_) => 1008,
        Failure::Digest | Failure::Signature => 1009,
        Failure::Cancelled | Failure::State => 1011,
        Failure::NoMemory | Failure::Store(StoreError::Full) => 1012,
        Failure::Policy(PolicyViolation::Size) => 1013,
        Failure::Policy(_) => 1014,
        _ => 1010,
    }
}

/// What the application asked for cannot be done now, or was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// Longest wait for a download that was told to end.
const END: Duration = Duration::from_secs(10);

/// The module's one upgrade service.
#[derive(Default)]
pub struct Fota {
    events: Events<(u64, Event)>,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    path: Option<PathBuf>,
    stays: bool,
    promise: Promise,
    running: Option<CancellationToken>,
    /// Number of the last download that was begun, from 1 on.
    serial: u64,
    local: Option<Local>,
    sha256: Option<String>,
}

impl Fota {
    /// What happened, each with the number of its download. Every download has exactly one event that is not
    /// [`Event::Progress`], its last, and that one is never lost.
    pub fn events(&self) -> &Events<(u64, Event)> {
        &self.events
    }

    /// Ends what is under way, waiting for its end, and forgets what was set, except for where packages go.
    pub fn reset(&self) {
        let mut state = self.state.lock();
        if let Some(cancel) = &state.running {
            cancel.cancel();
        }
        self.wait_for_end(&mut state);
        state.drop_local();
        let (path, running, serial) = (state.path.take(), state.running.take(), state.serial);
        *state = State { path, running, serial, ..State::default() };
    }

    /// Waits for a download that was told to end.
    fn wait_for_end(&self, state: &mut MutexGuard<'_, State>) {
        let deadline = Instant::now() + END;
        while state.running.as_ref().is_some_and(CancellationToken::is_cancelled)
            && !self.ended.wait_until(state, deadline).timed_out()
        {}
    }

    /// Whether the module stays up once a package is there.
    pub fn set_stays(&self, stays: bool) {
        self.state.lock().stays = stays;
    }

    /// Where the next package goes.
    pub fn set_path(&self, path: &Path) {
        self.state.lock().path = Some(path.to_owned());
    }

    /// The digest that the next package must have.
    pub fn expect(&self, expected: Option<Expected>) {
        self.state.lock().promise.digest = expected;
    }

    /// The signature over its SHA-256 that comes with the next package.
    pub fn expect_signature(&self, signature: Option<Vec<u8>>) {
        self.state.lock().promise.signature = signature;
    }

    /// SHA-256 of the last package that came whole.
    pub fn sha256(&self) -> Option<String> {
        self.state.lock().sha256.clone()
    }

    /// Begins to fetch one package, or two for a small module; the second goes to the path with `.2` behind it. The
    /// outcome is the last event. Returns the download's number.
    pub fn start(
        self: &Arc<Self>,
        urls: Vec<String>,
        source: impl Fn() -> HttpSource + Send + Sync + 'static,
        settings: Settings,
    ) -> Result<u64, Refused> {
        let mut state = self.state.lock();
        self.wait_for_end(&mut state);
        if state.running.is_some() || urls.is_empty() {
            return Err(Refused);
        }
        state.drop_local();
        state.serial += 1;
        let (serial, cancel, path) = (state.serial, CancellationToken::new(), state.path());
        let stated = std::mem::take(&mut state.promise);
        let (fota, source, token) = (Arc::clone(self), Box::new(source), cancel.clone());
        self.events.drop_passing();
        let download = Job { fota, serial, urls, source, settings, path, stated, cancel: token };
        state.running = Some(cancel);
        thread::start("otakit-fota", Arc::new(download)).map_err(|_| {
            state.running = None;
            Refused
        })?;
        Ok(serial)
    }

    /// Ends the download that is under way.
    pub fn cancel(&self) -> Result<(), Refused> {
        let state = self.state.lock();
        state.running.as_ref().map(CancellationToken::cancel).ok_or(Refused)
    }

    /// Whether the download of this number is over, and then whether its package is there.
    pub fn outcome(&self, serial: u64) -> Option<Result<(), Refused>> {
        let state = self.state.lock();
        if state.serial != serial {
            // Another one was begun since: nobody can tell any more.
            return Some(Err(Refused));
        }
        state.running.is_none().then(|| state.sha256.as_ref().map(drop).ok_or(Refused))
    }
}

/// A download under way.
struct Job {
    fota: Arc<Fota>,
    serial: u64,
    urls: Vec<String>,
    source: Box<dyn Fn() -> HttpSource + Send + Sync>,
    settings: Settings,
    path: PathBuf,
    stated: Promise,
    cancel: CancellationToken,
}

impl Work for Job {
    fn name(&self) -> String {
        format!("download to {}", self.path.display())
    }

    fn run(&self, begun: &Begun) {
        let outcome = self.fetch_all().map_err(|failure| {
            crate::log!(Error, "fota", "{failure}");
            code(&failure)
        });
        self.end(begun, outcome);
    }

    fn lose(&self, begun: &Begun) {
        self.end(begun, Err(code(&Failure::Cancelled)));
    }

    fn waits(&self) -> bool {
        false
    }

    fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }
}

impl Job {
    fn end(&self, begun: &Begun, outcome: Result<String, i32>) {
        let steady = steady();
        let mut state = self.fota.state.lock();
        begun.done();
        state.running = None;
        let event = match outcome {
            Ok(_) if state.stays => Event::Done,
            Ok(_) => Event::Restart,
            Err(code) => Event::Failed(code),
        };
        state.sha256 = outcome.ok();
        // Under the lock, so that the next download's events come behind it.
        self.fota.events.post((self.serial, event), false);
        drop((state, steady));
        self.fota.ended.notify_all();
    }

    fn fetch_all(&self) -> Result<String, Failure> {
        let (mut last, mut sha256) = (None, String::new());
        for (stage, url) in self.urls.iter().enumerate() {
            let mut promise = package::promised(url)?;
            if stage == 0 {
                promise.digest = self.stated.digest.clone().or(promise.digest);
                promise.signature = self.stated.signature.clone().or(promise.signature);
            }
            let place = if stage == 0 { self.path.clone() } else { package::beside(&self.path, ".2") };
            let watch = &mut |stored, size| {
                let done = usize::from(percent(stored, size));
                let all = u8::try_from((stage * 100 + done) / self.urls.len()).unwrap_or(100).min(99);
                if last != Some(all) {
                    last = Some(all);
                    self.fota.events.post((self.serial, Event::Progress(all)), true);
                }
            };
            let wanted = Wanted { url, version: "", size: None, promise, renewal: None };
            let settings = self.settings.clone();
            match package::fetch((self.source)(), settings, wanted, &place, &self.cancel, watch) {
                Ok(received) if stage == 0 => sha256 = received.sha256,
                Ok(_) => {}
                Err(failure) => {
                    if stage > 0 {
                        // One package of two is none.
                        let _ = std::fs::remove_file(&self.path);
                    }
                    return Err(failure);
                }
            }
        }
        Ok(sha256)
    }
}

impl State {
    fn path(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(|| DEFAULT_PATH.into())
    }

    fn drop_local(&mut self) {
        if let Some(mut local) = self.local.take()
            && let Err(error) = local.sink.close(Keep::Nothing)
        {
            crate::log!(Warning, "fota", "{error}");
        }
    }
}

#[cfg(test)]
mod tests;
