// SPDX-License-Identifier: MIT OR Apache-2.0
//! Upgrade packages as QuecPython's `fota` has them: fetched by URL, or written by the application; one at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::events::Events;
use super::package;
use crate::cancel::Cancel;
use crate::digest::{Algorithm, Expected, Hasher, to_hex};
use crate::engine::progress::percent;
use crate::engine::{Failure, Settings};
use crate::fetch::FetchError;
use crate::fetch::http::HttpSource;
use crate::net::NetError;
use crate::store::{FileSink, Keep, Sink, StoreError};

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
        Failure::Fetch(FetchError::Net(NetError::Timeout)) | Failure::Deadline | Failure::TooSlow => 1002,
        Failure::Fetch(FetchError::Url(_)) => 1003,
        Failure::Fetch(FetchError::Net(_)) => 1004,
        Failure::Fetch(FetchError::Status { status: 401 | 403, .. }) => 1005,
        Failure::Fetch(FetchError::Status { status: 404 | 410, .. }) => 1006,
        Failure::Fetch(FetchError::Length { .. } | FetchError::Protocol) => 1007,
        Failure::Fetch(_) => 1008,
        Failure::Digest | Failure::Signature => 1009,
        Failure::Cancelled | Failure::State => 1011,
        Failure::NoMemory | Failure::Store(StoreError::Full) => 1012,
        Failure::Policy(crate::engine::policy::Breach::Size) => 1013,
        Failure::Policy(_) => 1014,
        _ => 1010,
    }
}

/// What the application asked for cannot be done now, or was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// The module's one upgrade service.
#[derive(Default)]
pub struct Fota {
    events: Events<Event>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    path: Option<PathBuf>,
    stays: bool,
    expected: Option<Expected>,
    running: Option<Cancel>,
    local: Option<Local>,
    sha256: Option<String>,
}

/// A package that the application writes.
struct Local {
    sink: FileSink,
    size: u64,
    written: u64,
    sha256: Hasher,
    promised: Option<Hasher>,
    flushed: bool,
    failed: bool,
}

impl Fota {
    /// What happened.
    pub fn events(&self) -> &Events<Event> {
        &self.events
    }

    /// Ends what is under way and forgets what was set, but for where packages go.
    pub fn reset(&self) {
        let mut state = self.state.lock();
        if let Some(cancel) = &state.running {
            cancel.cancel();
        }
        state.drop_local();
        let (path, running) = (state.path.take(), state.running.take());
        *state = State { path, running, ..State::default() };
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
        self.state.lock().expected = expected;
    }

    /// SHA-256 of the last package that came whole.
    pub fn sha256(&self) -> Option<String> {
        self.state.lock().sha256.clone()
    }

    /// Begins to fetch one package, or two for a small module; the second goes to the path with `.2` behind it. The
    /// outcome is the last event.
    pub fn start(
        self: &Arc<Self>,
        urls: Vec<String>,
        source: impl Fn() -> HttpSource + Send + 'static,
        settings: Settings,
    ) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if state.running.is_some() || urls.is_empty() {
            return Err(Refused);
        }
        state.drop_local();
        let cancel = Cancel::new();
        let (path, stated) = (state.path(), state.expected.take());
        let (fota, token) = (Arc::clone(self), cancel.clone());
        self.events.clear();
        let work = move || {
            let outcome = fota.fetch_all(&urls, &source, &settings, stated.as_ref(), &path, &token);
            let mut state = fota.state.lock();
            state.running = None;
            let event = match outcome {
                Ok(_) if state.stays => Event::Done,
                Ok(_) => Event::Restart,
                Err(ref failure) => {
                    crate::log!(Error, "fota", "{failure}");
                    Event::Failed(code(failure))
                }
            };
            state.sha256 = outcome.ok();
            drop(state);
            fota.events.post(event, false);
        };
        let thread = crate::thread::named("otakit-fota");
        thread.spawn(work).map_err(|_| Refused)?;
        state.running = Some(cancel);
        Ok(())
    }

    fn fetch_all(
        &self,
        urls: &[String],
        source: &dyn Fn() -> HttpSource,
        settings: &Settings,
        stated: Option<&Expected>,
        path: &Path,
        cancel: &Cancel,
    ) -> Result<String, Failure> {
        let (mut last, mut sha256) = (None, String::new());
        for (stage, url) in urls.iter().enumerate() {
            let promised = package::promised(url)?;
            let digest = if stage == 0 { stated.or(promised.as_ref()) } else { promised.as_ref() };
            let path = if stage == 0 { path.to_owned() } else { second(path) };
            let watch = &mut |stored, size| {
                let done = usize::from(percent(stored, size));
                let all = u8::try_from((stage * 100 + done) / urls.len()).unwrap_or(100).min(99);
                if last != Some(all) {
                    last = Some(all);
                    self.events.post(Event::Progress(all), true);
                }
            };
            let got = package::fetch(source(), settings.clone(), url, digest, &path, cancel, watch)?;
            if stage == 0 {
                sha256 = got.sha256;
            }
        }
        Ok(sha256)
    }

    /// Ends the download that is under way.
    pub fn cancel(&self) -> Result<(), Refused> {
        let state = self.state.lock();
        state.running.as_ref().map(Cancel::cancel).ok_or(Refused)
    }

    /// Whether a download is under way.
    pub fn is_running(&self) -> bool {
        self.state.lock().running.is_some()
    }

    /// Takes the next bytes of a package of `size` bytes.
    pub fn write(&self, bytes: &[u8], size: u64) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if state.running.is_some() || size == 0 {
            return Err(Refused);
        }
        if state.local.as_ref().is_none_or(|local| local.size != size) {
            state.drop_local();
            let mut sink = FileSink::new(&state.path());
            sink.open(0, size).map_err(|_| Refused)?;
            let promised = state.expected.as_ref().map(|expected| Hasher::new(expected.algorithm()));
            let sha256 = Hasher::new(Algorithm::Sha256);
            state.local =
                Some(Local { sink, size, written: 0, sha256, promised, flushed: false, failed: false });
        }
        let local = state.local.as_mut().ok_or(Refused)?;
        let written = local.write(bytes);
        // After a failure, later bytes would land at the wrong place.
        local.failed |= written.is_err();
        written
    }

    /// Makes what was written durable.
    pub fn flush(&self) -> Result<(), Refused> {
        let mut state = self.state.lock();
        let local = state.local.as_mut().filter(|local| !local.failed).ok_or(Refused)?;
        local.sink.sync().map_err(|_| Refused)?;
        local.flushed = true;
        Ok(())
    }

    /// Whether the package is whole and has the digest that was promised. It takes its place then; otherwise writing
    /// begins anew.
    pub fn verify(&self) -> Result<(), Refused> {
        let mut state = self.state.lock();
        let mut local = state.local.take().ok_or(Refused)?;
        let expected = state.expected.take();
        let digest_is_right = match (&expected, &local.promised) {
            (None, _) => true,
            (Some(expected), Some(hasher)) => {
                hasher.finish(expected.algorithm()).is_some_and(|digest| expected.matches(&digest))
            }
            (Some(_), None) => false,
        };
        let good = local.flushed && !local.failed && local.written == local.size && digest_is_right;
        let closed = local.sink.close(if good { Keep::Image } else { Keep::Nothing });
        if !good || closed.is_err() {
            return Err(Refused);
        }
        state.sha256 = local.sha256.finish(Algorithm::Sha256).map(|digest| to_hex(&digest));
        Ok(())
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

impl Local {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let written = self.written + bytes.len() as u64;
        if self.failed || written > self.size {
            return Err(Refused);
        }
        self.sink.write(&mut bytes.to_vec()).map_err(|_| Refused)?;
        self.sha256.update(bytes);
        if let Some(promised) = &mut self.promised {
            promised.update(bytes);
        }
        self.written = written;
        self.flushed = false;
        Ok(())
    }
}

fn second(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".2");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_packages_are_judged() {
        let folder = std::env::temp_dir().join(format!("otakit-fota-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("package");
        let fota = Fota::default();
        fota.set_path(&path);
        let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let verify = |parts: &[&[u8]], size, flush: bool, hex: Option<&str>| {
            fota.expect(hex.and_then(|hex| Expected::from_hex(Algorithm::Sha256, hex)));
            let written = parts.iter().all(|part| fota.write(part, size).is_ok());
            let flushed = flush && fota.flush().is_ok();
            (written, flushed, fota.verify().is_ok())
        };
        assert_eq!(verify(&[], 3, true, None), (true, false, false));
        assert_eq!(verify(&[b"abc"], 0, true, None), (false, false, false));
        assert_eq!(verify(&[b"ab"], 3, true, None), (true, true, false));
        assert_eq!(verify(&[b"ab", b"cd"], 3, true, None), (false, false, false));
        assert_eq!(verify(&[b"ab", b"c"], 3, false, None), (true, false, false));
        assert_eq!(verify(&[b"abd"], 3, true, Some(sha)), (true, true, false));
        assert!(!path.exists() && fota.sha256().is_none());
        assert_eq!(verify(&[b"a", b"bc"], 3, true, Some(sha)), (true, true, true));
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
        assert_eq!(fota.sha256().as_deref(), Some(sha));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn documented_codes() {
        let status = |status| Failure::Fetch(FetchError::Status { status, retry_after: None });
        let cases = [
            (Failure::Fetch(FetchError::Net(NetError::Timeout)), 1002),
            (Failure::Fetch(FetchError::Net(NetError::Connect)), 1004),
            (status(403), 1005),
            (status(404), 1006),
            (status(500), 1008),
            (Failure::Digest, 1009),
            (Failure::Cancelled, 1011),
            (Failure::Store(StoreError::Full), 1012),
        ];
        for (failure, expected) in cases {
            assert_eq!(code(&failure), expected, "{failure}");
        }
    }
}
