// SPDX-License-Identifier: MIT OR Apache-2.0
//! One file by its URL, put in its place whole. With a digest promised the engine's [`Download`] does it, journal and
//! all; with the URL alone all that can be told is that every byte is there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use otakit_core::digest::{Algorithm, Expected, Hasher, to_hex};
use otakit_core::failure::Failure;
use otakit_core::fetch::{Class, FetchError};
use otakit_core::offer::{Kind, Offer};
use otakit_core::store::StoreError;
use otakit_core::url::Url;

use crate::cancel::CancellationToken;
use crate::engine::Renew;
use crate::engine::{Download, Session, Settings, Step};
use crate::fetch::http::HttpSource;
use crate::store::{FileJournal, FileSink, Input, Keep, Sink};

/// Longest time between two looks at the cancel.
const TICK: Duration = Duration::from_millis(50);
/// Attempts to learn the size, with a pause between them.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
/// Bytes written at once.
const PIECE: usize = 16 * 1024;

/// What a package is checked by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promise {
    /// Its digest.
    pub digest: Option<Expected>,
    /// A signature over its SHA-256.
    pub signature: Option<Vec<u8>>,
}

/// What is to be fetched.
pub struct Wanted<'a> {
    /// Where it is.
    pub url: &'a str,
    /// Its version, or empty: with size and digest what makes two downloads the same one.
    pub version: &'a str,
    /// Its size in bytes; `None`: the server is asked.
    pub size: Option<u64>,
    /// What it is checked by.
    pub promise: Promise,
    /// Who is asked for a fresh URL when this one is no longer good.
    pub renewal: Option<Arc<dyn Renew>>,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
}

/// What a URL promises of its package in its fragment: `#sha256=…` or `#md5=…`, `&signature=…` with base64 behind it or
/// alone. Other fragments promise nothing; an error when a promise cannot be read.
pub fn promised(url: &str) -> Result<Promise, Failure> {
    let mut promise = Promise::default();
    let Some((_, fragment)) = url.split_once('#') else { return Ok(promise) };
    for part in fragment.split('&') {
        let digest = |algorithm, hex| Expected::from_hex(algorithm, hex).map(Some).ok_or(Failure::Digest);
        match part.split_once('=') {
            Some(("sha256", hex)) => promise.digest = digest(Algorithm::Sha256, hex)?,
            // Of two the stronger one counts.
            Some(("md5", hex)) => {
                let md5 = digest(Algorithm::Md5, hex)?;
                promise.digest =
                    promise.digest.filter(|known| known.algorithm() == Algorithm::Sha256).or(md5);
            }
            Some(("signature", coded)) => {
                promise.signature = Some(otakit_core::signature::decode(coded).ok_or(Failure::Signature)?);
            }
            _ => {}
        }
    }
    Ok(promise)
}

/// Fetches into the file `path`, which appears only when all of it is there, of the digest and by the signature that were
/// promised. A connection that breaks goes on where it broke; with a digest so does a process that is started again, by
/// `path.part` and `path.journal`. Blocks; `watch` is told bytes stored and size.
pub fn fetch(
    source: HttpSource,
    settings: Settings,
    wanted: Wanted<'_>,
    path: &Path,
    cancel: &CancellationToken,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Received, Failure> {
    let parsed = Url::parse(wanted.url).map_err(|error| Failure::Fetch(FetchError::Url(error)))?;
    settings.policy.check_url(&parsed).map_err(Failure::Policy)?;
    check_place(path)?;
    let size = match wanted.size {
        Some(size) => size,
        None => size(&source, wanted.url, cancel)?,
    };
    if size == 0 {
        return Err(Failure::Fetch(FetchError::Length { announced: 0 }));
    }
    let Promise { digest, signature } = wanted.promise;
    let offer = Offer {
        version: wanted.version.to_owned(),
        size,
        url: wanted.url.to_owned(),
        digest: digest.clone().unwrap_or_else(Expected::unknown),
        kind: Kind::Firmware,
        signature,
        is_delta: false,
    };
    let policy = settings.policy.clone();
    let session = Session::new(Arc::new(source));
    session.configure(settings);
    session.set_renewal(wanted.renewal);
    let sha256 = match digest {
        Some(digest) => verified(&session, &offer, &digest, path, cancel, watch)?,
        None => {
            let trusted = |sha256: &[u8]| policy.trusts(sha256, offer.signature.as_deref());
            unpromised(&session, &offer, &trusted, path, cancel, watch)?
        }
    };
    Ok(Received { size, sha256 })
}

/// Whether a file can appear at `path`, as far as that can be told before there is one: nobody waits for a download whose
/// end is known.
fn check_place(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let why = match (path.file_name(), std::fs::metadata(folder), std::fs::metadata(path)) {
        (None, ..) => "it names no file",
        (_, Err(_), _) => "its folder is not there",
        (_, Ok(folder), _) if !folder.is_dir() => "its folder is not a folder",
        (_, _, Ok(there)) if !there.is_file() => "there is something else than a file",
        _ => return Ok(()),
    };
    crate::log!(Error, "package", "cannot store to {}: {why}", path.display());
    Err(Failure::Store(StoreError::Io))
}

fn size(source: &HttpSource, url: &str, cancel: &CancellationToken) -> Result<u64, Failure> {
    let mut attempt = 1;
    loop {
        match source.size(url, cancel) {
            Ok(size) => return Ok(size),
            Err(_) if cancel.is_cancelled() => return Err(Failure::Cancelled),
            Err(error) if attempt < ATTEMPTS && matches!(error.class(), Class::Transient(_)) => {
                attempt += 1;
                cancel.sleep(PAUSE);
            }
            Err(error) => return Err(Failure::Fetch(error)),
        }
    }
}

fn verified(
    session: &Session,
    offer: &Offer,
    digest: &Expected,
    path: &Path,
    cancel: &CancellationToken,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<String, Failure> {
    let journal = beside(path, ".journal");
    let (mut sink, mut journal) = (FileSink::new(path).beside(&journal), FileJournal::new(&journal));
    let download = Download {
        session,
        sink: &mut sink,
        journal: Some(&mut journal),
        chunk: PIECE,
        every: 0,
        keep_record: false,
    };
    let valid = download.run(offer, &mut |step| {
        match step {
            Step::Started { resumed_at: stored } | Step::Progress { fetched: stored, .. } => {
                watch(stored, offer.size);
            }
            Step::Idle => {}
        }
        !cancel.is_cancelled()
    });
    if !valid? {
        return Err(session.failure().unwrap_or(Failure::Digest));
    }
    match digest.algorithm() {
        Algorithm::Sha256 => Ok(digest.to_hex()),
        Algorithm::Md5 => {
            let hasher =
                digested(path, offer.size, Hasher::new(Algorithm::Sha256)).map_err(Failure::Store)?;
            let sha256 = hasher.and_then(|hasher| hasher.finish(Algorithm::Sha256));
            // Somebody has changed it since it was verified.
            sha256.map(|digest| to_hex(&digest)).ok_or(Failure::Store(StoreError::Mismatch))
        }
    }
}

/// `path` with more behind its last component.
pub fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    name.into()
}

fn unpromised(
    session: &Session,
    offer: &Offer,
    trusted: &dyn Fn(&[u8]) -> bool,
    path: &Path,
    cancel: &CancellationToken,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<String, Failure> {
    session.offer(offer.clone())?;
    let mut sink = FileSink::new(path);
    sink.open(0, offer.size)?;
    let received = transfer(session, &mut sink, offer.size, cancel, watch);
    let received =
        received.and_then(|sha256| if trusted(&sha256) { Ok(sha256) } else { Err(Failure::Signature) });
    session.cancel();
    let closed = sink.close(if received.is_ok() { Keep::Image } else { Keep::Nothing });
    let sha256 = received?;
    closed?;
    Ok(to_hex(&sha256))
}

fn transfer(
    session: &Session,
    sink: &mut FileSink,
    size: u64,
    cancel: &CancellationToken,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Vec<u8>, Failure> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut piece = vec![0; PIECE];
    let mut stored = 0;
    watch(0, size);
    while stored < size {
        if cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let read = session.read(&mut piece, TICK)?;
        let bytes = piece.get_mut(..read.bytes).unwrap_or_default();
        hasher.update(bytes);
        sink.write(bytes)?;
        stored += read.bytes as u64;
        if read.bytes > 0 {
            watch(stored, size);
        }
    }
    hasher.finish(Algorithm::Sha256).map(|digest| digest.to_vec()).ok_or(Failure::Internal)
}

/// Digests over all of a file of exactly `size` bytes. `None`: it has another length.
pub fn digested(path: &Path, size: u64, mut hasher: Hasher) -> Result<Option<Hasher>, StoreError> {
    let Some(input) = Input::open(path, size)? else { return Ok(None) };
    let whole = input.read_through(|piece| {
        hasher.update(piece);
        true
    })?;
    Ok(whole.then_some(hasher))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_in_fragments() {
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        let of = |url: &str| promised(url).map(|promise| promise.digest.map(|digest| digest.algorithm()));
        assert_eq!(of("http://h/p"), Ok(None));
        assert_eq!(of("http://h/p#top"), Ok(None));
        assert_eq!(of(&format!("http://h/p#md5={md5}")), Ok(Some(Algorithm::Md5)));
        assert_eq!(of(&format!("http://h/p#sha256={md5}{md5}")), Ok(Some(Algorithm::Sha256)));
        assert_eq!(of(&format!("http://h/p#sha256={md5}")), Err(Failure::Digest));
        let two = |first: &str, second: &str| of(&format!("http://h/p#{first}&{second}"));
        let (weak, strong) = (format!("md5={md5}"), format!("sha256={md5}{md5}"));
        assert_eq!(two(&weak, &strong), Ok(Some(Algorithm::Sha256)));
        assert_eq!(two(&strong, &weak), Ok(Some(Algorithm::Sha256)));
        let both = promised(&format!("http://h/p#md5={md5}&signature=AAEC")).unwrap();
        assert_eq!((both.digest.is_some(), both.signature), (true, Some(vec![0, 1, 2])));
        assert_eq!(promised("http://h/p#signature=AA==").unwrap().signature, Some(vec![0]));
        assert_eq!(promised("http://h/p#signature=?"), Err(Failure::Signature));
    }

    #[test]
    fn places_are_judged_before_anything_is_fetched() {
        let folder = std::env::temp_dir().join(format!("otakit-package-place-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        std::fs::write(folder.join("file"), b"old").unwrap();
        let server = crate::fetch::http::call::tests::Scripted::new(&[]);
        let good = ["file", "new"].map(|name| folder.join(name));
        let bad = ["sub", "sub/", "sub/..", "absent/new", "file/new"].map(|name| folder.join(name));
        let bad = bad.into_iter().chain(["/", "..", "/dev/null", "/dev/null/x"].map(PathBuf::from));
        for (path, is_good) in good.into_iter().map(|path| (path, true)).chain(bad.map(|path| (path, false)))
        {
            let guard = Box::new(|_: &Url| true);
            let source =
                HttpSource::new(server.clone(), Arc::default(), crate::fetch::http::Limits::default(), guard);
            let promise = Promise {
                digest: Some(Expected::from_hex(Algorithm::Md5, &"0".repeat(32)).unwrap()),
                signature: None,
            };
            let wanted = Wanted { url: "http://h/", version: "", size: None, promise, renewal: None };
            let failure =
                fetch(source, Settings::default(), wanted, &path, &CancellationToken::new(), &mut |_, _| {})
                    .unwrap_err();
            // This network has no server: who gets that far was let through.
            assert_eq!(matches!(failure, Failure::Fetch(_)), is_good, "{}: {failure}", path.display());
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
