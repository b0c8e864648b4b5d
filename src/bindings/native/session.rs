// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the library offers beyond `ota_api.h` for a Link Kit OTA session: its handle is that of `IOT_OTA_Init`.

use std::ffi::{c_char, c_int, c_void};

use super::codes::{OTAKIT_FAILED, OTAKIT_INVALID, OTAKIT_OK, OTAKIT_STATE, of_failure};
use super::delta::otakit_base_t;
use super::download::{Course, User, in_files, otakit_watch_t, outcome, run, watched};
use crate::bindings::guard::guard;
use crate::bindings::linkkit::ota::session;
use crate::bindings::text;
use crate::service::aliyun::Ota;
use crate::store::Journal;
#[cfg(feature = "delta")]
use otakit_core::failure::DeltaFailure;
use otakit_core::failure::Failure;
use otakit_core::offer::Offer;

/// Bytes fetched and size of the image, in 64 bits, where `IOT_OTA_Ioctl` has only 32. Either pointer may be NULL. Does not
/// block; any thread.
///
/// Returns `OTAKIT_OK`, `OTAKIT_INVALID` for a handle that is not open, or `OTAKIT_STATE` before the first offer.
///
/// # Safety
/// `fetched` and `total` are NULL or point to a `uint64_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_linkkit_ota_size(
    ota_handle: *mut c_void,
    fetched: *mut u64,
    total: *mut u64,
) -> c_int {
    guard("otakit_linkkit_ota_size", OTAKIT_FAILED, || {
        let Some(ota) = session(ota_handle) else { return OTAKIT_INVALID };
        let Some((done, size)) = ota.session().progress() else { return OTAKIT_STATE };
        for (out, value) in [(fetched, done), (total, size)] {
            if !out.is_null() {
                // SAFETY: `out` is not NULL and may be written, by this function's contract; its alignment is
                // not relied on.
                unsafe { out.write_unaligned(value) };
            }
        }
        OTAKIT_OK
    })
}

/// What the last download failed of, in words: copied into `buf`, cut to `buf_len` bytes with the NUL that ends it. `buf`
/// may be NULL. Does not block; any thread.
///
/// Returns the failure's code (`OTAKIT_ERR_…`), `OTAKIT_OK` when nothing failed, or `OTAKIT_INVALID` for a handle that is
/// not open.
///
/// # Safety
/// `buf` is NULL or points to `buf_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_linkkit_ota_failure(
    ota_handle: *mut c_void,
    buf: *mut c_char,
    buf_len: usize,
) -> c_int {
    guard("otakit_linkkit_ota_failure", OTAKIT_FAILED, || {
        let Some(ota) = session(ota_handle) else { return OTAKIT_INVALID };
        let failure = ota.session().failure();
        // SAFETY: `buf` is NULL or has `buf_len` bytes, by this function's contract.
        if let Some(out) = unsafe { text::buffer(buf, buf_len) } {
            let words = ota.session().failure_words().unwrap_or_default();
            text::copy_truncated(&words, out);
        }
        failure.as_ref().map_or(OTAKIT_OK, of_failure)
    })
}

/// Ends the session's download from any thread: a call that is waiting for its bytes returns within 100 ms. The session
/// is then as after a failed download. Does not block.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_linkkit_ota_cancel(ota_handle: *mut c_void) -> c_int {
    control("otakit_linkkit_ota_cancel", ota_handle, Ota::cancel)
}

/// Pauses the session's downloads: the connection is given up, `IOT_OTA_FetchYield` brings nothing in its time. Does not
/// block; any thread.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_linkkit_ota_pause(ota_handle: *mut c_void) -> c_int {
    control("otakit_linkkit_ota_pause", ota_handle, |ota| ota.session().pause())
}

/// Lets them go on where they were. Does not block; any thread.
#[unsafe(no_mangle)]
pub extern "C" fn otakit_linkkit_ota_resume(ota_handle: *mut c_void) -> c_int {
    control("otakit_linkkit_ota_resume", ota_handle, |ota| ota.session().resume())
}

fn control(name: &'static str, handle: *mut c_void, act: impl FnOnce(&Ota)) -> c_int {
    guard(name, OTAKIT_FAILED, || match session(handle) {
        Some(ota) => {
            act(&ota);
            OTAKIT_OK
        }
        None => OTAKIT_INVALID,
    })
}

/// Says which image runs: from now on the session takes offers of delta packages (`isDiff`) that `otakit-delta make` made,
/// too, and `otakit_linkkit_ota_download_file` applies them. `IOT_OTA_FetchYield` does not: it fails with
/// `IOT_OTAE_INVALID_STATE` while a package is on offer, whose bytes are no image. NULL: whole images alone again; packages
/// are refused, and the platform is told so.
///
/// The structure and its path are copied. Its `read` may be called, on the thread that downloads, until this function is
/// called again or `IOT_OTA_Deinit` has returned. Does not block; any thread.
///
/// Returns `OTAKIT_OK`, `OTAKIT_INVALID` for a handle that is not open or a base with neither `path` nor `read`, or
/// `OTAKIT_ERR_NO_DELTA` in a library built without.
///
/// # Safety
/// `base` is NULL or points to the structure, whose text is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_linkkit_ota_set_base(
    ota_handle: *mut c_void,
    base: *const otakit_base_t,
) -> c_int {
    guard("otakit_linkkit_ota_set_base", OTAKIT_FAILED, || {
        let Some(ota) = session(ota_handle) else { return OTAKIT_INVALID };
        #[cfg(not(feature = "delta"))]
        {
            let _ = (ota, base);
            super::delta::without_delta()
        }
        #[cfg(feature = "delta")]
        {
            if base.is_null() {
                ota.set_base(None);
                return OTAKIT_OK;
            }
            // SAFETY: by this function's contract.
            let Some(base) = (unsafe { super::delta::base_at(base) }) else { return OTAKIT_INVALID };
            ota.set_base(Some(base));
            OTAKIT_OK
        }
    })
}

/// Downloads the image on offer (`IOT_OTA_IsFetching` is 1) into the file `path`, in place of a loop over
/// `IOT_OTA_FetchYield`; as `otakit_download_file` does, resumed over restarts with `journal`. A delta package is applied as
/// `otakit_download_delta` does, to the image of `otakit_linkkit_ota_set_base`. A URL that expires is
/// renewed through the platform if `watch` or another thread yields to the MQTT client meanwhile.
///
/// Blocks. Afterwards the session is as after its own download: `IOT_OTAG_CHECK_FIRMWARE` tells the verdict.
///
/// Returns as `otakit_download_file` does; `OTAKIT_STATE` when nothing is on offer.
///
/// # Safety
/// `path` and `journal` are NULL or NUL-terminated; `watch` may be called with `user` until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_linkkit_ota_download_file(
    ota_handle: *mut c_void,
    path: *const c_char,
    journal: *const c_char,
    watch: otakit_watch_t,
    user: *mut c_void,
) -> c_int {
    guard("otakit_linkkit_ota_download_file", OTAKIT_FAILED, || {
        // SAFETY: `path` and `journal` are NULL or NUL-terminated, by this function's contract.
        let (path, journal) = unsafe { (text::given(path), text::optional(journal)) };
        let (Some(ota), Some(path)) = (session(ota_handle), path) else { return OTAKIT_INVALID };
        let Some(offer) = ota.session().current().filter(|_| ota.is_fetching()) else { return OTAKIT_STATE };
        let user = User(user);
        ota.is_fetched(false);
        let mut told = |course: &Course| {
            ota.is_fetched(course.came);
            watched(watch, user, course)
        };
        let result = fetch(&ota, &offer, (path, journal), &mut told);
        // What the program reported meanwhile is so now, or is not.
        ota.settle(true);
        outcome(result)
    })
}

fn fetch(
    ota: &Ota,
    offer: &Offer,
    (path, journal): (&str, Option<&str>),
    watch: &mut dyn FnMut(&Course) -> bool,
) -> Result<(), Failure> {
    #[cfg(feature = "delta")]
    if offer.is_delta {
        // A firmware that takes it back in the midst of an offer takes whole images alone.
        let base = ota.base().ok_or(Failure::Delta(DeltaFailure::Base));
        let result = base
            .and_then(|base| super::delta::run_delta(ota.session(), offer, &base, (path, journal), watch));
        if let Err(failure @ Failure::Delta(_)) = &result {
            ota.session().give_up(failure.clone());
        }
        return result;
    }
    let (mut sink, mut journal) = in_files(path, journal);
    let journal = journal.as_mut().map(|journal| journal as &mut dyn Journal);
    run(ota.session(), offer, &mut sink, journal, watch)
}
