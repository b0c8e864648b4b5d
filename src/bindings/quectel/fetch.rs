// SPDX-License-Identifier: MIT OR Apache-2.0
//! `quectel_fota_fetch_*`: single files, beside the service.

use std::ffi::{c_char, c_int};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use otakit_core::digest::Expected;
use otakit_core::failure::Failure;
use parking_lot::{Condvar, Mutex};

use super::{FAILED, OK, answer, expected, timeout};
use crate::bindings::guard::guard;
use crate::bindings::handle::{Handle, Kind, Table};
use crate::bindings::settings::{self, Settings};
use crate::bindings::text;
use crate::cancel::CancellationToken;
use crate::service::package::{self, Promise, Wanted};
use crate::service::quectel::code;
use crate::thread::{self, Begun, Work, steady};

/// `QUECTEL_FOTA_FETCHING`.
const UNDER_WAY: c_int = 1;

static FETCHES: Table<Fetch> = Table::new(Kind::Fetch);

/// Fetches one file beside the service; blocks.
///
/// # Safety
/// The strings are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quectel_fota_fetch_file(
    url: *const c_char,
    path: *const c_char,
    hash_type: *const c_char,
    hash: *const c_char,
) -> c_int {
    guard("quectel_fota_fetch_file", FAILED, || {
        // SAFETY: each pointer is NULL or a NUL-terminated string for the time of the call, as the contract above asks.
        let given = unsafe { (text::given(url), text::given(path), expected(hash_type, hash)) };
        let (Some(url), Some(path), Some(digest)) = given else { return FAILED };
        fetch_file(url, Path::new(path), digest, &settings::current(), &CancellationToken::new())
    })
}

fn fetch_file(
    url: &str,
    path: &Path,
    digest: Option<Expected>,
    settings: &Settings,
    cancel: &CancellationToken,
) -> c_int {
    let source = settings.http_source(None);
    let fetched = package::promised(url).and_then(|promise| {
        let promise = Promise { digest: digest.or(promise.digest), ..promise };
        let wanted = Wanted { url, version: "", size: None, promise, renewal: None };
        package::fetch(source, settings.session.clone(), wanted, path, cancel, &mut |_, _| {})
    });
    fetched.map_or_else(
        |failure| {
            crate::log!(Error, "fota", "file for {}: {failure}", path.display());
            code(&failure)
        },
        |_| OK,
    )
}

/// A file that is fetched on a thread of its own.
struct Fetch {
    url: String,
    path: PathBuf,
    digest: Option<Expected>,
    settings: Settings,
    cancel: CancellationToken,
    /// The code it ended with.
    outcome: Mutex<Option<c_int>>,
    ended: Condvar,
}

impl Fetch {
    fn end(&self, begun: &Begun, outcome: c_int) {
        let steady = steady();
        begun.done();
        *self.outcome.lock() = Some(outcome);
        drop(steady);
        self.ended.notify_all();
    }
}

impl Work for Fetch {
    fn name(&self) -> String {
        format!("file for {}", self.path.display())
    }

    fn run(&self, begun: &Begun) {
        let outcome = fetch_file(&self.url, &self.path, self.digest.clone(), &self.settings, &self.cancel);
        self.end(begun, outcome);
    }

    fn lose(&self, begun: &Begun) {
        self.end(begun, code(&Failure::Cancelled));
    }

    fn waits(&self) -> bool {
        false
    }

    fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }
}

fn of_number(handle: i64) -> Option<Handle> {
    let address = usize::try_from(handle).ok()?;
    Some(Handle::from_c(std::ptr::without_provenance(address)))
}

/// Begins to fetch one file.
///
/// # Safety
/// The strings are NULL or NUL-terminated; `fetch` is NULL or points to an `int64_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quectel_fota_fetch_start(
    url: *const c_char,
    path: *const c_char,
    hash_type: *const c_char,
    hash: *const c_char,
    fetch: *mut i64,
) -> c_int {
    answer("quectel_fota_fetch_start", || {
        if fetch.is_null() {
            return None;
        }
        // SAFETY: all are NULL or NUL-terminated, as this function's caller promises.
        let (url, path) = unsafe { (text::given(url)?.to_owned(), PathBuf::from(text::given(path)?)) };
        // SAFETY: `hash_type` and `hash` are NULL or NUL-terminated, by this function's contract.
        let digest = unsafe { expected(hash_type, hash) }?;
        let job = Arc::new(Fetch {
            url,
            path,
            digest,
            settings: settings::current(),
            cancel: CancellationToken::new(),
            outcome: Mutex::new(None),
            ended: Condvar::new(),
        });
        let handle = FETCHES.open_unless(Arc::clone(&job), |_| false)?;
        if thread::start("otakit-fota", job).is_err() {
            drop(FETCHES.close(handle));
            return None;
        }
        let number = i64::try_from(handle.to_c().addr()).ok()?;
        // SAFETY: not NULL, and writable as the caller promises; it need not be aligned.
        unsafe { fetch.write_unaligned(number) };
        Some(())
    })
}

/// Waits for the end of a file's download.
#[unsafe(no_mangle)]
pub extern "C" fn quectel_fota_fetch_wait(fetch: i64, timeout_ms: c_int) -> c_int {
    guard("quectel_fota_fetch_wait", FAILED, || {
        let Some(handle) = of_number(fetch) else { return FAILED };
        let Some(job) = FETCHES.get(handle) else { return FAILED };
        let mut outcome = job.outcome.lock();
        if outcome.is_none() {
            job.ended.wait_for(&mut outcome, timeout(timeout_ms));
        }
        outcome.map_or(UNDER_WAY, |code| if FETCHES.close(handle).is_some() { code } else { FAILED })
    })
}

/// Ends a file's download.
#[unsafe(no_mangle)]
pub extern "C" fn quectel_fota_fetch_cancel(fetch: i64) -> c_int {
    answer("quectel_fota_fetch_cancel", || {
        FETCHES.get(of_number(fetch)?)?.cancel.cancel();
        Some(())
    })
}
