// SPDX-License-Identifier: MIT OR Apache-2.0
//! Updates by a delta package: the image that is there and a few percent of the bytes make the next one.

use std::ffi::{c_char, c_int, c_void};

use super::codes::{OTAKIT_ERR_NO_DELTA, OTAKIT_FAILED};
use super::download::{otakit_image_t, otakit_watch_t};
use crate::bindings::guard::guard;

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
        #[cfg(feature = "delta")]
        // SAFETY: this function's contract is that of the other.
        return unsafe { apply::download(package, base, path, journal, watch, user) };
        #[cfg(not(feature = "delta"))]
        {
            let _ = (package, base, path, journal, watch, user);
            crate::log!(
                Error,
                "delta",
                "this build applies no delta packages: build it with -DOTAKIT_DELTA=ON"
            );
            OTAKIT_ERR_NO_DELTA
        }
    })
}

#[cfg(feature = "delta")]
const _: c_int = OTAKIT_ERR_NO_DELTA;

#[cfg(feature = "delta")]
mod apply {
    use std::path::Path;

    use super::*;
    use crate::bindings::arguments::refuse;
    use crate::bindings::native::codes::{OTAKIT_ERR_DELTA_BASE, OTAKIT_INVALID};
    use crate::bindings::native::download::{
        User, followed, in_files, offer, outcome, report, watched, with_session,
    };
    use crate::bindings::{settings, text};
    use crate::engine::DeltaDownload;
    use crate::hal::border::in_c;
    use crate::store::{Base, CallbackBase, FileBase, Journal};

    /// # Safety
    /// As for [`otakit_download_delta`].
    pub unsafe fn download(
        package: *const otakit_image_t,
        base: *const otakit_base_t,
        path: *const c_char,
        journal: *const c_char,
        watch: otakit_watch_t,
        user: *mut c_void,
    ) -> c_int {
        // SAFETY: NULL or NUL-terminated, by the contract.
        let (offer, path, journal) = unsafe { (offer(package), text::given(path), text::optional(journal)) };
        let (Some(offer), Some(path)) = (offer, path) else { return OTAKIT_INVALID };
        // SAFETY: NULL or valid for the call, by the contract.
        let Some(base) = (unsafe { base.as_ref() }) else {
            refuse("base", "is NULL");
            return OTAKIT_INVALID;
        };
        let (mut sink, mut records) = in_files(path, journal);
        // SAFETY: NULL or NUL-terminated, by the contract.
        let file = match (unsafe { text::optional(base.path) }, base.read) {
            (Some(name), _) => match FileBase::open(Path::new(name)) {
                Ok(file) if journal.is_some_and(|journal| file.is(Path::new(journal))) => {
                    refuse("base", "is the journal's file");
                    return OTAKIT_INVALID;
                }
                Ok(file) => {
                    sink = sink.made_from(Path::new(name));
                    Some(file)
                }
                Err(_) => return OTAKIT_ERR_DELTA_BASE,
            },
            (None, Some(_)) => None,
            (None, None) => {
                refuse("base", "has neither a path nor a function that reads");
                return OTAKIT_INVALID;
            }
        };
        let (read, own) = (base.read, User(base.user));
        let called = CallbackBase(move |offset, bytes: &mut [u8]| {
            let (own, length) = (own, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            let Some(read) = read else { return -1 };
            // SAFETY: C gave the function for this prototype, and `user` to be called with until this call returns; the
            // buffer has `length` bytes.
            in_c(|| i64::from(unsafe { read(own.0, offset, bytes.as_mut_ptr().cast(), length) }))
        });
        let base: &dyn Base = file.as_ref().map_or(&called, |file| file);
        let journal = records.as_mut().map(|journal| journal as &mut dyn Journal);
        let memory = settings::current().delta_memory;
        let result = with_session(|session| {
            let download = DeltaDownload { session, base, sink: &mut sink, journal, memory };
            let mut told = |course: &_| watched(watch, User(user), course);
            followed(session, &offer, &mut told, |watch| download.run(&offer, watch))
        });
        report(path, &result);
        outcome(result)
    }
}
