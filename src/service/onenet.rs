// SPDX-License-Identifier: MIT OR Apache-2.0
//! OneNET's OTA for one device: what `ota_*` of the platform's C SDK stand for, without C.
//!
//! Every call is one exchange over HTTP, made on a worker thread so that a firmware's network call that hangs cannot hold
//! the caller. [`run`] puts the calls and the engine together to one whole update.

mod error;
#[cfg(feature = "mqtt")]
mod notice;
pub mod run;
mod slices;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use otakit_core::digest::{Algorithm, Expected, Hasher};
use otakit_core::fetch::FetchError;
use otakit_core::net::NetError;
use otakit_core::platform::onenet::answer::{self, Envelope};
use otakit_core::platform::onenet::request::{Ask, RangeForm};
use otakit_core::platform::onenet::task::{Task, TaskError};
use otakit_core::platform::onenet::{Dialect, TaskId, errno};
use parking_lot::Mutex;

use crate::cancel::CancellationToken;
use crate::fetch::http::call::{self, Reply};
use crate::net::{Dial, Roots, Security, Target, trace};
pub use error::Error;
#[cfg(feature = "mqtt")]
pub use notice::{Broker, Notices};

/// Longest answer except for packages, in bytes.
const MAX_ANSWER: usize = 16 * 1024;
/// Worker threads at once: each call that a firmware's network holds up takes one until it returns.
const MAX_WORKERS: usize = 8;

/// How the platform is reached.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Host to connect to.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// Authorities that are trusted; `None`: plain HTTP.
    pub roots: Option<Arc<Roots>>,
    /// What the `Host` header says.
    pub authority: String,
}

impl Endpoint {
    fn target(&self) -> Target {
        let security = self.roots.as_ref().map_or(Security::Plain, |roots| Security::Tls(roots.clone()));
        Target { host: self.host.clone(), port: self.port, security }
    }
}

/// Who talks to what. All texts are [`plain`](otakit_core::platform::onenet::plain).
#[derive(Clone)]
pub struct Config {
    /// The API and the identity.
    pub dialect: Dialect,
    /// Value of the `Authorization` header.
    pub authorization: String,
    /// The version that runs.
    pub version: String,
    /// 1 for the module's firmware (FOTA), 2 for the application's (SOTA).
    pub kind: u8,
    /// Spelling of `Range`.
    pub range: RangeForm,
    /// Where the platform is.
    pub endpoint: Endpoint,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("dialect", &self.dialect)
            .field("authorization", &otakit_core::Hidden)
            .field("version", &self.version)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// One device's OTA service. All methods may be called from any thread.
pub struct Onenet {
    config: Config,
    dial: Arc<dyn Dial>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// Calls under way.
    live: Vec<CancellationToken>,
    /// The task found last.
    known: Option<Known>,
    /// The platform's number, if the last call failed with one.
    refusal: Option<i64>,
}

/// What is known of a task's package.
#[derive(Clone)]
struct Known {
    id: TaskId,
    size: u64,
    md5: Option<Expected>,
}

impl Known {
    /// Whether `bytes` are the whole package.
    fn is_package(&self, bytes: &[u8]) -> bool {
        let mut hasher = Hasher::new(Algorithm::Md5);
        self.size == bytes.len() as u64
            && self.md5.as_ref().is_some_and(|md5| {
                hasher.update(bytes);
                hasher.finish(Algorithm::Md5).is_some_and(|actual| md5.matches(&actual))
            })
    }
}

/// What a call brought.
#[derive(Debug)]
pub struct Response<T> {
    /// The answer's body, if its status was 2xx.
    pub body: Option<Vec<u8>>,
    /// What it means.
    pub result: Result<T, Error>,
}

impl<T> From<Error> for Response<T> {
    fn from(error: Error) -> Self {
        Self { body: None, result: Err(error) }
    }
}

impl Onenet {
    /// A service that has not talked yet.
    pub fn new(config: Config, dial: Arc<dyn Dial>) -> Arc<Self> {
        Arc::new(Self { config, dial, state: Mutex::default() })
    }

    /// Ends it: calls under way in other threads fail with [`Error::Closed`] at once, and so does every later one.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        for cancel in state.live.drain(..) {
            cancel.cancel();
        }
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Who talks to what.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The platform's number, if the last call was refused, also where it does not fit the codes of C.
    pub fn refusal(&self) -> Option<i64> {
        self.state.lock().refusal
    }

    /// Tells the platform which version runs.
    pub fn post_version(self: &Arc<Self>, limit: Duration) -> Response<()> {
        self.ask(limit, |this| this.request(&Ask::Version(&this.config.version)), |_| Ok(()))
    }

    /// Asks for a task. [`errno::NO_TASK`] when there is none.
    pub fn check_task(self: &Arc<Self>, limit: Duration) -> Response<Task> {
        let found = self.ask(limit, Self::check_request, |answer| self.read_task(answer));
        if let Ok(task) = &found.result {
            self.remember(task);
        }
        found
    }

    fn remember(&self, task: &Task) {
        let md5 = Expected::from_hex(Algorithm::Md5, &task.md5);
        self.state.lock().known = Some(Known { id: task.id.clone(), size: task.size, md5 });
    }

    fn check_request(&self) -> Vec<u8> {
        self.request(&Ask::Check { kind: self.config.kind, version: &self.config.version })
    }

    fn read_task(&self, answer: &Envelope) -> Result<Task, Error> {
        let tokens = matches!(self.config.dialect, Dialect::General { .. });
        let note = &mut |note: std::fmt::Arguments<'_>| crate::log!(Warning, "onenet", "{note}");
        Task::decode(&answer.data, tokens, note).map_err(|error| {
            crate::log!(Error, "onenet", "task refused: {error}");
            match error {
                TaskError::Field(_) => Error::Data,
                TaskError::Range(_) => Error::Overflow,
            }
        })
    }

    /// Asks whether a task still stands; the platform wants that before each slice.
    pub fn check_standing(self: &Arc<Self>, task: &TaskId, limit: Duration) -> Response<()> {
        let task = task.clone();
        self.ask(limit, move |this| this.request(&Ask::Stands(&task)), |answer| standing(answer.standing()))
    }

    /// Reports progress in percent, or a result.
    pub fn report(self: &Arc<Self>, task: &TaskId, step: u32, limit: Duration) -> Response<()> {
        let task = task.clone();
        self.ask(limit, move |this| this.request(&Ask::Report { task: &task, step }), |_| Ok(()))
    }

    /// Fetches one slice of a task's package, `len` bytes from `first` on, fewer where the package ends. There is room
    /// for one byte more in the vector.
    pub fn package(
        self: &Arc<Self>,
        task: &TaskId,
        first: u64,
        len: u64,
        limit: Duration,
    ) -> Result<Vec<u8>, Error> {
        self.begin();
        let size = self.known(task).map(|known| known.size);
        if len == 0 || size.is_some_and(|size| first >= size) {
            return Err(Error::Argument);
        }
        let task = task.clone();
        let fetched = self.timed(limit, move |this, cancel| {
            this.slice(&task, slices::wanted(first, len, size), limit, cancel)
        })?;
        fetched.map_err(|told| self.failed(&told))
    }

    fn known(&self, task: &TaskId) -> Option<Known> {
        self.state.lock().known.as_ref().filter(|known| known.id == *task).cloned()
    }

    fn request(&self, ask: &Ask<'_>) -> Vec<u8> {
        let Config { dialect, authorization, endpoint, .. } = &self.config;
        dialect.request(ask, &endpoint.authority, authorization)
    }

    /// One exchange in the caller's time; `read` makes sense of an answer that is no refusal.
    fn ask<T>(
        self: &Arc<Self>,
        limit: Duration,
        request: impl FnOnce(&Self) -> Vec<u8>,
        read: impl FnOnce(&Envelope) -> Result<T, Error>,
    ) -> Response<T> {
        self.begin();
        let request = request(self);
        let answered = self.timed(limit, move |this, cancel| this.exchange(request, limit, cancel));
        let body = match answered {
            Ok(Ok(body)) => body,
            Ok(Err(told)) => return self.failed(&told).into(),
            Err(error) => return error.into(),
        };
        let result = match answer::envelope(&body) {
            None => {
                let target = self.config.endpoint.target();
                crate::log!(Warning, "onenet", "{target}: the answer is not the platform's JSON");
                Err(Error::Unreadable)
            }
            Some(Envelope { errno: 0, data }) => read(&Envelope { errno: 0, data }),
            Some(Envelope { errno, .. }) => Err(Error::refusal(errno)),
        };
        self.conclude(result.as_ref().err());
        Response { body: Some(body), result }
    }

    /// The body of an answer with status 2xx. On a worker thread.
    fn exchange(
        &self,
        request: Vec<u8>,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Vec<u8>, FetchError> {
        let mut reply = self.send(request, limit, cancel)?;
        match reply.status() {
            200..=299 => reply.bytes(MAX_ANSWER),
            status => Err(FetchError::Status { status, retry_after: None }),
        }
    }

    fn send(
        &self,
        request: Vec<u8>,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Reply, FetchError> {
        call::call(&self.dial, self.config.endpoint.target(), request, limit, cancel)
    }

    fn failed(&self, told: &Told) -> Error {
        let error = &told.error;
        let mut state = self.state.lock();
        state.refusal = match error {
            FetchError::Refused { code, .. } => Some(*code),
            _ => None,
        };
        if state.closed && *error == FetchError::Net(NetError::Cancelled) {
            return Error::Closed;
        }
        drop(state);
        crate::log!(Warning, "onenet", "{}", told.words);
        Error::from(error)
    }

    /// Runs `job` on a thread of its own and waits for it, `limit` at most. The job is cancelled when it is late, with a line.
    fn timed<T: Send + 'static>(
        self: &Arc<Self>,
        limit: Duration,
        job: impl FnOnce(&Self, &CancellationToken) -> Result<T, FetchError> + Send + 'static,
    ) -> Result<Result<T, Told>, Error> {
        let began = Instant::now();
        let cancel = self.enter()?;
        let (done, outcome) = mpsc::sync_channel(1);
        let worker = Worker { service: self.clone(), cancel: cancel.clone() };
        let work = move || {
            // A caller that did not wait has its answer already.
            let _ = done.send(job(&worker.service, &worker.cancel).map_err(Told::of));
        };
        if crate::thread::worker("otakit-onenet", &cancel, work).is_err() {
            return Err(Error::Busy);
        }
        outcome.recv_timeout(limit.saturating_sub(began.elapsed())).map_err(|error| {
            cancel.cancel();
            match error {
                RecvTimeoutError::Timeout => {
                    let (target, limit) = (self.config.endpoint.target(), limit.as_millis());
                    crate::log!(
                        Warning,
                        "onenet",
                        "{target}: not done within the {limit} ms of the call; given up"
                    );
                    Error::Timeout
                }
                RecvTimeoutError::Disconnected => Error::Internal,
            }
        })
    }

    fn enter(&self) -> Result<CancellationToken, Error> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        if state.live.len() >= MAX_WORKERS {
            return Err(Error::Busy);
        }
        let cancel = CancellationToken::new();
        state.live.push(cancel.clone());
        Ok(cancel)
    }

    /// Notes how a call ended, for [`Onenet::refusal`].
    fn conclude(&self, error: Option<&Error>) {
        self.state.lock().refusal = match error {
            Some(Error::Platform(errno)) => Some(*errno),
            _ => None,
        };
    }

    /// A call begins: the refusal of the one before is history.
    pub fn begin(&self) {
        self.conclude(None);
    }
}

/// A failure with its words, which are those of the thread that has met it.
struct Told {
    error: FetchError,
    words: String,
}

impl Told {
    fn of(error: FetchError) -> Self {
        Self { words: trace::told(&error, error.advice()), error }
    }
}

/// One call under way: it counts until its thread ends, however that ends.
struct Worker {
    service: Arc<Onenet>,
    cancel: CancellationToken,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.service.state.lock().live.retain(|other| !other.is(&self.cancel));
    }
}

fn standing(errno: i64) -> Result<(), Error> {
    if errno == 0 { Ok(()) } else { Err(Error::refusal(errno)) }
}

/// Whether a refusal says that there is nothing to do.
pub fn is_no_task(error: &Error) -> bool {
    *error == Error::Platform(errno::NO_TASK)
}

#[cfg(test)]
mod tests;
