// SPDX-License-Identifier: MIT OR Apache-2.0
//! Updates by a delta package: the image that is there and a few percent of the bytes make the next one.

use std::ffi::{c_char, c_int, c_void};
#[cfg(feature = "delta")]
use std::path::Path;
#[cfg(feature = "delta")]
use std::sync::Arc;

use super::codes::OTAKIT_FAILED;
#[cfg(feature = "delta")]
use super::codes::OTAKIT_INVALID;
use super::download::{otakit_image_t, otakit_watch_t};
use crate::bindings::guard::guard;
#[cfg(feature = "delta")]
use {
    super::download::{Course, User, followed, in_files, offer, outcome, report, watched, with_session},
    crate::bindings::arguments::refuse,
    crate::bindings::{settings, text},
    crate::engine::{DeltaDownload, Session},
    crate::hal::border::in_c,
    crate::store::{BaseAt, Journal},
    otakit_core::failure::{DeltaFailure, Failure},
    otakit_core::offer::Offer,
    otakit_core::store::StoreError,
};

/// The image that a device has, which a delta package is applied to. It is only read.
#[repr(C)]
pub struct otakit_base_t {
    /// A file or a block device, NUL-terminated; NULL: the image is read by `read`.
    pub path: *const c_char,
    /// Reads up to `length` bytes, 1 or more, from `offset` on into `buffer`. Returns how many were read, 0 at the image's
    /// end, or a negative number. Called on the thread that downloads, with no lock held; NULL when there is a `path`.
    pub read: Option<
        unsafe extern "C" fn(user: *mut c_void, offset: u64, buffer: *mut c_char, length: u32) -> c_int,
    >,
    /// Given back in each call of `read`.
    pub user: *mut c_void,
}

/// Downloads a delta package and applies it to `base` while it comes; the result is the file `path`. `package` describes the
/// package: its URL, size, digest, and the signature over its SHA-256. `otakit-delta make` makes packages (docs/DELTA.md).
///
/// `path` and `journal` are as in `otakit_download_file`, and so are the watch, whose numbers are bytes of the package, and
/// the resume: at the end of a block of the image, once 64 KiB of it were made. Then the package's header and index are
/// fetched again and `base` is read through again. `path` may be the file of `base`, which it then replaces at the end.
///
/// The whole of `base` is digested before anything is written. The image is put in its place when the package has the
/// digest, and the signature, that `package` promises, and the image, read once more, has the SHA-256 in the package's
/// header. Takes 16 KiB of heap besides the session's slots and what the package asks for (8 KiB for its dictionary unless
/// made otherwise, 8 bytes for each block); a package that asks for more than `OTAKIT_OPTION_DELTA_MEMORY` is refused.
/// An image larger than `otakit_policy_max_size` is refused, too; the version floor is held against `package->version`.
///
/// Blocks, and may be called by any thread; see `otakit_download_file`.
///
/// Returns as `otakit_download_file` does, and `OTAKIT_ERR_DELTA`, `OTAKIT_ERR_DELTA_BASE`, `OTAKIT_ERR_DELTA_MEMORY`;
/// `OTAKIT_ERR_NO_DELTA` in a library built without (CMake's `OTAKIT_DELTA=OFF`); `OTAKIT_INVALID` for a `base` with neither
/// `path` nor `read`, or that is the file `journal` or `path.part`. With each of these `path` is what it was.
///
/// # Safety
/// `package` and `base` are NULL or point to the structures; their texts, `path` and `journal` are NULL or NUL-terminated;
/// `watch` may be called with `user`, and `base->read` with its `user`, until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_download_delta(
    package: *const otakit_image_t,
    base: *const otakit_base_t,
    path: *const c_char,
    journal: *const c_char,
    watch: otakit_watch_t,
    user: *mut c_void,
) -> c_int {
    guard("otakit_download_delta", OTAKIT_FAILED, || {
        #[cfg(not(feature = "delta"))]
        {
            let _ = (package, base, path, journal, watch, user);
            without_delta()
        }
        #[cfg(feature = "delta")]
        {
            // SAFETY: NULL or NUL-terminated, by this function's contract.
            let (offer, path, journal) =
                unsafe { (offer(package), text::given(path), text::optional(journal)) };
            // SAFETY: by this function's contract.
            let base = unsafe { base_at(base) };
            let (Some(offer), Some(path), Some(base)) = (offer, path, base) else { return OTAKIT_INVALID };
            let result = with_session(|session| {
                run_delta(session, &offer, &base, (path, journal), &mut |course| {
                    watched(watch, User(user), course)
                })
            });
            report(path, &result);
            outcome(result)
        }
    })
}

/// What a build without the code answers.
#[cfg(not(feature = "delta"))]
pub(super) fn without_delta() -> c_int {
    crate::log!(Error, "delta", "this build applies no delta packages: build it with -DOTAKIT_DELTA=ON");
    super::codes::OTAKIT_ERR_NO_DELTA
}

/// Downloads `offer`, a delta package, over a session of any platform.
#[cfg(feature = "delta")]
pub(super) fn run_delta(
    session: &Session,
    offer: &Offer,
    at: &BaseAt,
    (path, journal): (&str, Option<&str>),
    watch: &mut dyn FnMut(&Course) -> bool,
) -> Result<(), Failure> {
    if journal.is_some_and(|journal| at.is(Path::new(journal))) {
        crate::log!(
            Error,
            "delta",
            "the image that is there is the journal's file: give the journal another name"
        );
        return Err(StoreError::Destination.into());
    }
    // Its words are in the log.
    let base = at.open().map_err(|_| Failure::Delta(DeltaFailure::Base))?;
    let (mut sink, mut records) = in_files(path, journal);
    if let Some(path) = at.path() {
        sink = sink.made_from(path);
    }
    let journal = records.as_mut().map(|journal| journal as &mut dyn Journal);
    let memory = settings::current().delta_memory;
    let download = DeltaDownload { session, base: &*base, sink: &mut sink, journal, memory };
    followed(session, offer, watch, |watch| download.run(offer, watch))
}

/// What C says of the image that is there; `None`, with a line, when it says nothing of use.
///
/// # Safety
/// `base` is NULL or points to the structure, its text is NULL or NUL-terminated; `read` may be called with `user` as long as
/// what is returned is there.
#[cfg(feature = "delta")]
pub(super) unsafe fn base_at(base: *const otakit_base_t) -> Option<BaseAt> {
    // SAFETY: NULL or valid for the call, by the contract.
    let Some(base) = (unsafe { base.as_ref() }) else {
        refuse("base", "is NULL");
        return None;
    };
    // SAFETY: NULL or NUL-terminated, by the contract.
    if let Some(path) = unsafe { text::optional(base.path) } {
        return Some(BaseAt::File(path.into()));
    }
    let Some(read) = base.read else {
        refuse("base", "has neither a path nor a function that reads");
        return None;
    };
    let user = Shared(base.user);
    Some(BaseAt::Called(Arc::new(move |offset, bytes: &mut [u8]| {
        let (user, length) = (&user, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        // SAFETY: C gave the function for this prototype, and `user` to be called with, by the contract; the buffer has
        // `length` bytes.
        in_c(|| i64::from(unsafe { read(user.0, offset, bytes.as_mut_ptr().cast(), length) }))
    })))
}

/// What C wants back in its callbacks.
#[cfg(feature = "delta")]
struct Shared(*mut c_void);

// SAFETY: the pointer is only handed back to C, on the thread that called in.
#[cfg(feature = "delta")]
unsafe impl Send for Shared {}
// SAFETY: as above; nothing is read through it here.
#[cfg(feature = "delta")]
unsafe impl Sync for Shared {}
