// SPDX-License-Identifier: MIT OR Apache-2.0
//! `quectel_fota.h`: upgrade packages by URL and from the application, for C and for Python over it.

mod fetch;

use std::ffi::{CString, c_char, c_int, c_void};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use otakit_core::digest::{Algorithm, Expected};
use parking_lot::Mutex;

use super::calls::{Calls, Running};
use super::guard::guard;
use super::{settings, text};
use crate::hal::border::in_c;
use crate::service::quectel::{Event, Fota};

const OK: c_int = 0;
const FAILED: c_int = -1;

/// Told of each event.
pub type quectel_fota_event_cb = Option<unsafe extern "C" fn(user: *mut c_void, status: i64, progress: i64)>;
/// Passes APN settings to the modem.
pub type quectel_fota_apn_cb = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        apn: *const c_char,
        ip_type: i64,
        name: *const c_char,
        password: *const c_char,
    ) -> i64,
>;
/// Restarts the module.
pub type quectel_fota_restart_cb = Option<unsafe extern "C" fn(user: *mut c_void)>;

static FOTA: LazyLock<Arc<Fota>> = LazyLock::new(Arc::default);
static CALLBACKS: Mutex<Callbacks> = Mutex::new(Callbacks::NONE);
/// Those that run now, by their [`Callbacks::serial`].
static CALLS: Calls<u64> = Calls::new();

#[derive(Clone, Copy)]
struct Callbacks {
    /// Counts up with each replacement.
    serial: u64,
    event: quectel_fota_event_cb,
    apn: quectel_fota_apn_cb,
    restart: quectel_fota_restart_cb,
    /// A pointer, as a number: only ever handed back.
    user: usize,
}

impl Callbacks {
    const NONE: Self = Self { serial: 0, event: None, apn: None, restart: None, user: 0 };

    fn user(self) -> *mut c_void {
        std::ptr::with_exposed_provenance_mut(self.user)
    }

    /// To be held while one of them runs. `None` once they have been replaced.
    fn enter(self) -> Option<Running<'static, u64>> {
        CALLS.enter(self.serial, || CALLBACKS.lock().serial != self.serial)
    }

    fn tell(self, event: Event) {
        let (status, progress) = event.pair();
        if let (Some(callback), Some(_running)) = (self.event, self.enter()) {
            // SAFETY: C gave the function for this prototype and promised that `user` is good for it until it is replaced.
            in_c(|| unsafe { callback(self.user(), status, progress) });
        }
        if event == Event::Restart
            && let (Some(restart), Some(_running)) = (self.restart, self.enter())
        {
            // SAFETY: as for the event's function.
            in_c(|| unsafe { restart(self.user()) });
        }
    }
}

fn callbacks() -> Callbacks {
    *CALLBACKS.lock()
}

/// Puts callbacks in the place of those that were there, none of which is called once this returns.
fn replace_callbacks(mut new: Callbacks) {
    let mut callbacks = CALLBACKS.lock();
    new.serial = callbacks.serial + 1;
    *callbacks = new;
    drop(callbacks);
    CALLS.wait_for_others(|serial| *serial < new.serial);
}

fn answer(name: &'static str, body: impl FnOnce() -> Option<()>) -> c_int {
    guard(name, FAILED, || body().map_or(FAILED, |()| OK))
}

fn timeout(milliseconds: c_int) -> Duration {
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
}

/// Ends what is under way; settings but the path and the callbacks go.
#[unsafe(no_mangle)]
pub extern "C" fn quectel_fota_init() -> c_int {
    answer("quectel_fota_init", || {
        FOTA.reset();
        Some(())
    })
}

/// As `quectel_fota_init`; the callbacks go too, and none is called once this has returned.
#[unsafe(no_mangle)]
pub extern "C" fn quectel_fota_deinit() -> c_int {
    answer("quectel_fota_deinit", || {
        FOTA.reset();
        replace_callbacks(Callbacks::NONE);
        Some(())
    })
}

/// What is called by the calls of dispatch, download and apn_set, on their own thread.
///
/// # Safety
/// The functions may be called with `user` until they are replaced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quectel_fota_callbacks(
    event: quectel_fota_event_cb,
    apn: quectel_fota_apn_cb,
    restart: quectel_fota_restart_cb,
    user: *mut c_void,
) -> c_int {
    answer("quectel_fota_callbacks", || {
        replace_callbacks(Callbacks { serial: 0, event, apn, restart, user: user.expose_provenance() });
        Some(())
    })
}

/// Whether the module stays up once a package is there.
#[unsafe(no_mangle)]
pub extern "C" fn quectel_fota_reset_disable(disable: c_int) -> c_int {
    answer("quectel_fota_reset_disable", || {
        FOTA.set_stays(disable != 0);
        Some(())
    })
}

/// Where packages go.
///
/// # Safety
/// `path` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quectel_fota_package_path(path: *const c_char) -> c_int {
    answer("quectel_fota_package_path", || {
        // SAFETY: `path` is NULL or NUL-terminated, by this function's contract.
        let path = unsafe { text::given(path) }?;
        FOTA.set_path(Path::new(path));
        Some(())
    })
}

/// The digest of the next package.
///
/// # Safety
/// Both are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quectel_fota_expect(hash_type: *const c_char, hash: *const c_char) -> c_int {
    answer("quectel_fota_expect", || {
        // SAFETY: `hash_type` and `hash` are NULL or NUL-terminated, by this function's contract.
        FOTA.expect(unsafe { expected(hash_type, hash) }?);
        Some(())
    })
}

/// The signature that comes with the next package.
///
/// # Safety
/// `signature` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quectel_fota_expect_signature(signature: *const c_char) -> c_int {
    answer("quectel_fota_expect_signature", || {
        // SAFETY: `signature` is NULL or NUL-terminated, by this function's contract.
        let coded = unsafe { text::optional(signature) };
        if coded.is_none() && !signature.is_null() {
            return None;
        }
        let decoded = coded.map(|coded| otakit_core::signature::decode(coded).ok_or(())).transpose().ok()?;
        FOTA.expect_signature(decoded);
        Some(())
    })
}

/// The digest given, if any; `None` when it cannot be read.
///
/// # Safety
/// Both are NULL or NUL-terminated.
unsafe fn expected(hash_type: *const c_char, hash: *const c_char) -> Option<Option<Expected>> {
    // SAFETY: `hash_type` and `hash` are NULL or NUL-terminated, by this function's contract.
    match unsafe { (text::optional(hash_type), text::optional(hash)) } {
        (None, None) => Some(None),
        (Some(name), Some(hex)) => Expected::from_hex(algorithm(name)?, hex).map(Some),
        _ => None,
    }
}

/// The algorithm of a name in either case.
fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        name if name.eq_ignore_ascii_case("md5") => Some(Algorithm::Md5),
        name if name.eq_ignore_ascii_case("sha256") => Some(Algorithm::Sha256),
        _ => None,
    }
}

/// SHA-256 of the last whole package.
///
/// # Safety
/// `digest` is NULL or points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quectel_fota_sha256(digest: *mut c_char, size: usize) -> c_int {
    answer("quectel_fota_sha256", || {
        let known = FOTA.sha256().filter(|known| size > known.len())?;
        // SAFETY: `digest` is NULL or has `size` bytes, by this function's contract.
        text::copy_truncated(&known, unsafe { text::buffer(digest, size) }?);
        Some(())
    })
}

/// # Safety
/// Both are NULL or NUL-terminated.
unsafe fn start(url1: *const c_char, url2: *const c_char) -> Option<u64> {
    // SAFETY: `url1` and `url2` are NULL or NUL-terminated, by this function's contract.
    let (first, second) = unsafe { (text::given(url1)?, text::optional(url2)) };
    let urls = std::iter::once(first).chain(second).map(str::to_owned).collect();
    let settings = settings::current();
    let session = settings.session.clone();
    FOTA.start(urls, move || settings.http_source(None), session).ok()
}

/// Begins a download.
///
/// # Safety
/// Both are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quectel_fota_download_start(url1: *const c_char, url2: *const c_char) -> c_int {
    // SAFETY: `url1` and `url2` are NULL or NUL-terminated, by this function's contract.
    answer("quectel_fota_download_start", || unsafe { start(url1, url2) }.map(drop))
}

/// A whole download; blocks.
///
/// # Safety
/// Both are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quectel_fota_download(url1: *const c_char, url2: *const c_char) -> c_int {
    answer("quectel_fota_download", || {
        // SAFETY: `url1` and `url2` are NULL or NUL-terminated, by this function's contract.
        let ours = unsafe { start(url1, url2) }?;
        loop {
            match FOTA.events().take(Duration::from_secs(1)) {
                Some((serial, event)) => {
                    callbacks().tell(event);
                    match event {
                        // An earlier download's that nobody had taken.
                        _ if serial != ours => {}
                        Event::Progress(_) => {}
                        Event::Done | Event::Restart => return Some(()),
                        Event::Failed(_) => return None,
                    }
                }
                // Another thread may have taken the last event.
                None => {
                    if let Some(outcome) = FOTA.outcome(ours) {
                        return outcome.ok();
                    }
                }
            }
        }
    })
}

/// Ends the download that is under way.
#[unsafe(no_mangle)]
pub extern "C" fn quectel_fota_download_cancel() -> c_int {
    answer("quectel_fota_download_cancel", || FOTA.cancel().ok())
}

/// The next bytes of a package that the application has itself.
///
/// # Safety
/// `data` is NULL or points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quectel_fota_write(data: *const c_void, size: usize, file_size: u64) -> c_int {
    answer("quectel_fota_write", || {
        // SAFETY: `data` is NULL or has `size` bytes, by this function's contract.
        let bytes = unsafe { text::bytes(data, i64::try_from(size).ok()?) }?;
        FOTA.write(bytes, file_size).ok()
    })
}

/// Drops what was written of a package.
#[unsafe(no_mangle)]
pub extern "C" fn quectel_fota_abandon() -> c_int {
    answer("quectel_fota_abandon", || FOTA.abandon().ok())
}

/// Makes the bytes written durable.
#[unsafe(no_mangle)]
pub extern "C" fn quectel_fota_flush() -> c_int {
    answer("quectel_fota_flush", || FOTA.flush().ok())
}

/// Judges the package that was written.
#[unsafe(no_mangle)]
pub extern "C" fn quectel_fota_verify() -> c_int {
    answer("quectel_fota_verify", || FOTA.verify(&settings::current().session.policy).ok())
}

/// Passes APN settings to the callback.
///
/// # Safety
/// The strings are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quectel_fota_apn_set(
    apn: *const c_char,
    ip_type: c_int,
    user: *const c_char,
    password: *const c_char,
) -> c_int {
    answer("quectel_fota_apn_set", || {
        let callbacks = callbacks();
        let callback = callbacks.apn.filter(|_| matches!(ip_type, 0 | 1))?;
        let copy = |given: *const c_char| {
            if given.is_null() {
                return Some(CString::default());
            }
            // SAFETY: `given` is NULL or NUL-terminated, by this function's contract.
            unsafe { text::text(given) }.and_then(|text| CString::new(text).ok())
        };
        let (apn, user, password) = (copy(apn)?, copy(user)?, copy(password)?);
        let _running = callbacks.enter()?;
        // SAFETY: C gave the function for this prototype, with its pointer; the strings live during the call.
        let done = in_c(|| unsafe {
            callback(callbacks.user(), apn.as_ptr(), ip_type.into(), user.as_ptr(), password.as_ptr())
        });
        (done == 0).then_some(())
    })
}

/// Descriptor that is readable while events wait.
#[unsafe(no_mangle)]
pub extern "C" fn quectel_fota_event_fd() -> c_int {
    guard("quectel_fota_event_fd", FAILED, || FOTA.events().readable().map_or(FAILED, AsRawFd::as_raw_fd))
}

/// Takes one event.
///
/// # Safety
/// Both are NULL or point to an `int64_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quectel_fota_poll_event(
    status: *mut i64,
    progress: *mut i64,
    timeout_ms: c_int,
) -> c_int {
    guard("quectel_fota_poll_event", FAILED, || {
        if status.is_null() || progress.is_null() {
            return FAILED;
        }
        let Some((_, event)) = FOTA.events().take(timeout(timeout_ms)) else { return 0 };
        let (now, how_far) = event.pair();
        // SAFETY: neither is NULL, both may be written, by this function's contract; their alignment is not
        // relied on.
        unsafe {
            status.write_unaligned(now);
            progress.write_unaligned(how_far);
        }
        1
    })
}

/// Calls the callbacks for the events that wait.
#[unsafe(no_mangle)]
pub extern "C" fn quectel_fota_dispatch(timeout_ms: c_int) -> c_int {
    guard("quectel_fota_dispatch", FAILED, || {
        let (mut wait, mut count) = (timeout(timeout_ms), 0);
        while let Some((_, event)) = FOTA.events().take(wait) {
            callbacks().tell(event);
            wait = Duration::ZERO;
            count += 1;
        }
        count
    })
}
