// SPDX-License-Identifier: MIT OR Apache-2.0
//! Downloads into a place of the library's own, resumed over restarts of the process and power loss.

use std::ffi::{c_char, c_int, c_void};
use std::path::Path;
use std::sync::Arc;

use otakit_core::digest::{Algorithm, Expected};
use otakit_core::failure::Failure;
use otakit_core::offer::{Kind, Offer};

use super::codes::{OTAKIT_FAILED, OTAKIT_INVALID, OTAKIT_OK, of_failure};
use crate::bindings::arguments::refuse;
use crate::bindings::guard::guard;
use crate::bindings::{settings, text};
use crate::engine::download::Watch;
use crate::engine::{Download, Session, Step};
use crate::hal::border::in_c;
use crate::store::{FileJournal, FileSink, Journal, KvJournal, PersistenceSink, Resume, Sink};

/// Bytes handed to the store at once.
const CHUNK: usize = 16 * 1024;

/// An image to download. All texts are borrowed for the call.
#[repr(C)]
pub struct otakit_image_t {
    /// http or https URL, NUL-terminated, at most 4096 bytes.
    pub url: *const c_char,
    /// Version, NUL-terminated; NULL counts as empty. Part of the image's identity when a download is resumed.
    pub version: *const c_char,
    /// Size in bytes, at least 1.
    pub size: u64,
    /// SHA-256 in hexadecimal digits, or NULL.
    pub sha256: *const c_char,
    /// MD5 in hexadecimal digits, or NULL; used when there is no SHA-256.
    pub md5: *const c_char,
    /// Signature over the image's SHA-256 in base64, or NULL; see `otakit_policy_trust_key`.
    pub signature: *const c_char,
}

/// Watches a download: called on the thread that downloads, with no lock held, at each step and at least every 100 ms,
/// whatever the network does. The same thread stores the bytes, so what a write or a sync of the medium takes comes on top.
/// `fetched` goes down when stored bytes turn out wrong and are fetched again. A return other than 0 cancels.
pub type otakit_watch_t = Option<unsafe extern "C" fn(user: *mut c_void, fetched: u64, total: u64) -> c_int>;

/// Asks the firmware to go on with an image of which `stored` bytes were handed to `HAL_Firmware_Persistence_Write`
/// before; a firmware that answers other than 0 promises that those bytes are durable, that nothing else was written there
/// since (no `Start` by another update), and that the next `Write` appends to them. 0: the image is started again with `HAL_Firmware_Persistence_Start`.
pub type otakit_resume_t = Option<unsafe extern "C" fn(user: *mut c_void, stored: u64) -> c_int>;

/// What C wants back in its callbacks.
#[derive(Clone, Copy)]
pub(super) struct User(pub *mut c_void);

// SAFETY: the pointer is only handed back to C, on the thread that called in.
unsafe impl Send for User {}

/// Downloads an image into the file `path`, which never holds anything but a complete, verified image: bytes are written
/// to `path.part`, read once more when all are there, and moved there at the end. `path` is a regular file or none yet, in
/// a folder that is there; a symbolic link to a regular file stands for that file. `path.part` is the library's: mode 0600
/// and locked, links and pipes there are removed, not followed. The image has the access rights of the file it replaces,
/// else 0600. With `journal`, the path of a small file, a download that was
/// interrupted, by a crash or a power loss too, goes on at its last checkpoint when it is called again for
/// the same image; see `OTAKIT_OPTION_CHECKPOINT_BYTES`. Kept bytes are read again before they count. A journal that cannot
/// be written, or is no regular file of this user's, costs a warning and the resume, nothing else. NULL: it starts from
/// the first byte each time. The journal stays: while `path` is the file that was put there, another call for the same
/// image fetches nothing.
///
/// Blocks until the image is there or the download has failed. One download at a time has a place, whatever it is called,
/// in all threads and processes: another gets `OTAKIT_ERR_STORE_BUSY` at once. The lock ends with its process, whatever
/// children it has: in a child of a fork a download that the parent began ends with `OTAKIT_ERR_STORE`. So does one whose
/// descriptors the program closes; nothing is written to what the program opens in their place. A thread that is cancelled
/// (`pthread_cancel`) ends once the call has returned.
///
/// Returns `OTAKIT_OK` when the image is complete, verified and in its place, else an `OTAKIT_ERR_…`, `OTAKIT_INVALID`
/// for arguments that cannot be used: a `path` that is a folder, a device, a pipe or a link that leads nowhere, a `journal`
/// that is the same file as `path` or `path.part`. Nothing is fetched then, nor without room for the image.
///
/// # Safety
/// `image` is NULL or points to the structure; `path` and `journal` are NULL or NUL-terminated; `watch` may be called with
/// `user` until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_download_file(
    image: *const otakit_image_t,
    path: *const c_char,
    journal: *const c_char,
    watch: otakit_watch_t,
    user: *mut c_void,
) -> c_int {
    guard("otakit_download_file", OTAKIT_FAILED, || {
        // SAFETY: `path` and `journal` are NULL or NUL-terminated, by this function's contract.
        let (offer, path, journal) = unsafe { (offer(image), text::given(path), text::optional(journal)) };
        let (Some(offer), Some(path)) = (offer, path) else { return OTAKIT_INVALID };
        let (mut sink, mut journal) = in_files(path, journal);
        let journal = journal.as_mut().map(|journal| journal as &mut dyn Journal);
        let result = fetch(&offer, &mut sink, journal, watch, User(user));
        report(path, &result);
        outcome(result)
    })
}

/// Downloads an image into the firmware's own store, `HAL_Firmware_Persistence_*`, in pieces of 16 KiB. With `resume`,
/// a download that was interrupted goes on where the firmware can; how far it got is kept in `HAL_Kv_*` under `key`.
///
/// `HAL_Firmware_Persistence_Stop` is called at the end of a failed download too, after a `Write` of 0 bytes,
/// which says that the image is not valid: only `OTAKIT_OK` means that the image is
/// complete and verified. Blocks; one thread at a time in the whole process.
///
/// Returns as `otakit_download_file` does.
///
/// # Safety
/// `image` is NULL or points to the structure; `key` is NULL or NUL-terminated; the functions may be called with `user`
/// until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otakit_download_persistence(
    image: *const otakit_image_t,
    key: *const c_char,
    resume: otakit_resume_t,
    watch: otakit_watch_t,
    user: *mut c_void,
) -> c_int {
    guard("otakit_download_persistence", OTAKIT_FAILED, || {
        // SAFETY: `key` is NULL or NUL-terminated, by this function's contract.
        let (Some(offer), key) = (unsafe { (offer(image), text::optional(key)) }) else {
            return OTAKIT_INVALID;
        };
        let user = User(user);
        let ask = resume.map(|resume| {
            Box::new(move |stored| {
                let user = user;
                // SAFETY: C gave the function for this prototype, and `user` to be called with until this
                // call returns.
                in_c(|| unsafe { resume(user.0, stored) != 0 })
            }) as Resume
        });
        let mut sink = PersistenceSink::new(ask);
        let mut journal = key.map(KvJournal::new);
        let journal = journal.as_mut().map(|journal| journal as &mut dyn Journal);
        outcome(fetch(&offer, &mut sink, journal, watch, user))
    })
}

fn fetch<'a>(
    offer: &Offer,
    sink: &'a mut dyn Sink,
    journal: Option<&'a mut dyn Journal>,
    watch: otakit_watch_t,
    user: User,
) -> Result<(), Failure> {
    with_session(|session| run(session, offer, sink, journal, &mut |course| watched(watch, user, course)))
}

/// Lends a session with the process's settings.
pub(super) fn with_session<T>(work: impl FnOnce(&Session) -> T) -> T {
    let settings = settings::current();
    let session = Session::new(Arc::new(settings.http_source(None)));
    session.configure(settings.session);
    let outcome = work(&session);
    drop(session);
    settings::wait_at_end();
    outcome
}

/// Says at which place an image could not be stored.
pub(super) fn report(path: &str, result: &Result<(), Failure>) {
    if let Err(failure @ Failure::Store(_)) = result {
        crate::log!(Error, "store", "{path}: {failure}");
    }
}

/// Sink and journal for the file `path`.
pub(super) fn in_files(path: &str, journal: Option<&str>) -> (FileSink, Option<FileJournal>) {
    let sink = FileSink::new(Path::new(path));
    match journal.map(Path::new) {
        Some(journal) => (sink.beside(journal), Some(FileJournal::new(journal))),
        None => (sink, None),
    }
}

/// How far a download is: bytes stored, of how many, and whether any came since the last time.
pub(super) struct Course {
    fetched: u64,
    total: u64,
    pub(super) came: bool,
}

/// Runs a download over a session of any platform, until `watch` gives `false`.
pub(super) fn run<'a>(
    session: &Session,
    offer: &Offer,
    sink: &'a mut dyn Sink,
    journal: Option<&'a mut dyn Journal>,
    watch: &mut dyn FnMut(&Course) -> bool,
) -> Result<(), Failure> {
    let download = Download { session, sink, journal, chunk: CHUNK, every: 0, keep_record: true };
    followed(session, offer, watch, |watch| download.run(offer, watch))
}

/// Runs a download of any kind, and keeps its course for `watch`.
pub(super) fn followed(
    session: &Session,
    offer: &Offer,
    watch: &mut dyn FnMut(&Course) -> bool,
    download: impl FnOnce(Watch<'_>) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let mut course = Course { fetched: 0, total: offer.size, came: false };
    let valid = download(&mut |step| {
        course.came = matches!(step, Step::Progress { .. });
        match step {
            Step::Started { resumed_at } => course.fetched = resumed_at,
            Step::Progress { fetched, .. } => course.fetched = fetched,
            Step::Idle => {}
        }
        watch(&course)
    })?;
    if valid { Ok(()) } else { Err(session.failure().unwrap_or(Failure::Digest)) }
}

/// Asks C's watch whether the download is to go on.
pub(super) fn watched(watch: otakit_watch_t, user: User, course: &Course) -> bool {
    // SAFETY: C gave the function for this prototype, and `user` to be called with until the call that watches returns.
    watch.is_none_or(|watch| in_c(|| unsafe { watch(user.0, course.fetched, course.total) == 0 }))
}

/// The code of a download's outcome.
pub(super) fn outcome(result: Result<(), Failure>) -> c_int {
    result.map_or_else(|failure| of_failure(&failure), |()| OTAKIT_OK)
}

/// Says what is wrong with an `otakit_image_t`.
fn unusable<T>(what: &str) -> Option<T> {
    crate::log!(Warning, "api", "otakit_image_t: {what}");
    None
}

/// # Safety
/// As for [`otakit_download_file`].
pub(super) unsafe fn offer(image: *const otakit_image_t) -> Option<Offer> {
    // SAFETY: `image` is NULL or valid for the call, by this function's contract.
    let Some(image) = (unsafe { image.as_ref() }) else {
        refuse("image", "is NULL");
        return None;
    };
    // SAFETY: `image.sha256` and `image.md5` are NULL or NUL-terminated, by this function's contract.
    let digests = unsafe { (text::optional(image.sha256), text::optional(image.md5)) };
    let digest = match digests {
        (Some(hex), _) => Expected::from_hex(Algorithm::Sha256, hex)
            .or_else(|| unusable("sha256 is not 64 hexadecimal digits"))?,
        (None, Some(hex)) => Expected::from_hex(Algorithm::Md5, hex)
            .or_else(|| unusable("md5 is not 32 hexadecimal digits"))?,
        (None, None) => {
            return unusable("neither sha256 nor md5 is given: an image without a digest cannot be verified");
        }
    };
    // SAFETY: `image.url` and `image.version` are NULL or NUL-terminated, by this function's contract.
    let (url, version) = unsafe { (text::given(image.url)?, text::optional(image.version)) };
    // SAFETY: `image.signature` is NULL or NUL-terminated, by this function's contract.
    let signature = match unsafe { text::optional(image.signature) } {
        Some(coded) => {
            Some(otakit_core::signature::decode(coded).or_else(|| unusable("signature is not base64"))?)
        }
        None => None,
    };
    let (url, version) = (url.to_owned(), version.unwrap_or_default().to_owned());
    if image.size == 0 {
        return unusable("size is 0");
    }
    Some(Offer { version, size: image.size, url, digest, kind: Kind::Firmware, signature, is_delta: false })
}
