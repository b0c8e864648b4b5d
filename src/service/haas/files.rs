// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files fetched and checked for the application, each on a thread of its own; the outcome is an event.
//!
//! What a device was offered is remembered. A URL that the application hands back is then known with its size, digest
//! and signature: its download is verified, goes on after a restart of the process, and can get a fresh URL.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use otakit_core::digest::{Algorithm, Expected, Hasher};
use otakit_core::failure::Failure;
use otakit_core::fetch::FetchError;
use otakit_core::policy::PolicyViolation;
use otakit_core::store::StoreError;

use super::offers::Known;
use super::updates::Renewal;
use super::{Content, DOWNLOAD, Event, Hub, INSTALL, VERIFY};
use crate::cancel::CancellationToken;
use crate::engine::Policy;
use crate::engine::Renew;
use crate::engine::Settings;
use crate::fetch::http::HttpSource;
use crate::service::package::{self, Promise, Wanted};
use crate::store::{FileSink, Input, Keep, Sink};
use crate::thread::{self, Begun, Work, steady};

/// Makes what a download fetches with.
pub(super) type NewSource = dyn Fn() -> HttpSource + Send + Sync;

/// A download.
pub(super) struct Job<'a> {
    pub(super) source: &'a NewSource,
    pub(super) settings: &'a Settings,
    pub(super) url: &'a str,
    /// The offers that the URL is from, and whose they are.
    pub(super) known: Vec<Known>,
    pub(super) path: &'a Path,
}

/// What the application has asked for, and hears of by an event.
struct Call {
    hub: Arc<Hub>,
    /// The event's.
    kind: i64,
    /// The file that it makes, while it is a download's.
    busy: Option<PathBuf>,
    /// For log lines.
    name: String,
    work: Box<dyn Fn() -> i64 + Send + Sync>,
    /// The outcome where it is not done.
    lost: i64,
    cancel: CancellationToken,
}

impl Call {
    fn tell(&self, begun: &Begun, value: i64) {
        let _steady = steady();
        begun.done();
        if let Some(path) = &self.busy {
            self.hub.vacate(path);
        }
        self.hub.events.post(Event { device: 0, kind: self.kind, value, content: Content::Nothing }, false);
    }
}

impl Work for Call {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn run(&self, begun: &Begun) {
        let value = (self.work)();
        self.tell(begun, value);
    }

    fn lose(&self, begun: &Begun) {
        self.tell(begun, self.lost);
    }

    fn waits(&self) -> bool {
        false
    }

    fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }
}

impl Hub {
    /// Begins to fetch a file. `false`: it is being fetched already, under whatever name, or there is no thread.
    pub fn download(
        self: &Arc<Self>,
        source: Box<NewSource>,
        settings: Settings,
        url: String,
        path: PathBuf,
    ) -> bool {
        let Some(busy) = self.occupy(&path) else {
            crate::log!(
                Warning,
                "haas",
                "download of {}: refused: it is being fetched already",
                path.display()
            );
            return false;
        };
        let (hub, name) = (Arc::clone(self), format!("download of {}", path.display()));
        let work = move || {
            let known = hub.offers_at(&url);
            let job = Job { source: &*source, settings: &settings, url: &url, known, path: &path };
            fetch(job, &CancellationToken::new(), &mut |_, _| {})
        };
        let begun = self.background(DOWNLOAD, name, -9, Some(busy.clone()), work);
        if !begun {
            self.vacate(&busy);
        }
        begun
    }

    /// Begins to check a file's length and digest, and its signature where one was offered with that digest. `false`: no
    /// thread.
    pub fn verify(self: &Arc<Self>, policy: Policy, length: u64, path: PathBuf, expected: Expected) -> bool {
        let (hub, name) = (Arc::clone(self), format!("check of {}", path.display()));
        self.background(VERIFY, name, -1, None, move || {
            check(&policy, length, &path, &expected, &hub.signatures_of(length, &expected))
        })
    }

    /// Begins to install a file: a copy of it appears in `to`, whole and durable. `false`: no thread.
    pub fn install(self: &Arc<Self>, length: u64, from: PathBuf, to: PathBuf) -> bool {
        let name = format!("installation of {}", to.display());
        self.background(INSTALL, name, -1, None, move || place(length, &from, &to))
    }

    fn background(
        self: &Arc<Self>,
        kind: i64,
        name: String,
        lost: i64,
        busy: Option<PathBuf>,
        work: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> bool {
        let (hub, cancel) = (Arc::clone(self), CancellationToken::new());
        let call = Call { hub, kind, busy, name, work: Box::new(work), lost, cancel };
        thread::start("otakit-haas", Arc::new(call)).is_ok()
    }

    /// Marks a file as being fetched, under the name that is to be given back; `None` when it is already, by whatever name.
    pub(super) fn occupy(&self, path: &Path) -> Option<PathBuf> {
        let real = resolved(path);
        let _steady = steady();
        let mut busy = self.busy.lock();
        let free = busy.iter().all(|other| *other != real);
        free.then(|| {
            busy.push(real.clone());
            real
        })
    }

    pub(super) fn vacate(&self, real: &Path) {
        let _steady = steady();
        self.busy.lock().retain(|other| other != real);
    }
}

/// The real name of a file that may not be there yet: links are followed, and where it leads is what counts.
fn resolved(path: &Path) -> PathBuf {
    let beside = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(folder.canonicalize().ok()?.join(path.file_name()?))
    };
    path.canonicalize().ok().or_else(beside).unwrap_or_else(|| path.to_owned())
}

/// Fetches; 0 or a code of AliOS Things. One URL can be from several offers, and only the bytes tell which: what is wrong by
/// one may be right by the next.
pub(super) fn fetch(job: Job<'_>, cancel: &CancellationToken, watch: &mut dyn FnMut(u64, u64)) -> i64 {
    let mut left = job.known.clone();
    loop {
        let first = left.first().cloned();
        let (alike, others): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|known| first.as_ref().is_some_and(|first| first.is_like(known)));
        let failure = match fetch_by(&job, &alike, cancel, watch) {
            Ok(()) => return 0,
            Err(failure) => failure,
        };
        let may_be_anothers = matches!(
            failure,
            Failure::Digest | Failure::Signature | Failure::Fetch(FetchError::Length { .. })
        );
        if others.is_empty() || !may_be_anothers {
            let algorithm = first.map(|known| known.offer().digest.algorithm());
            return match failure {
                Failure::Digest if algorithm == Some(Algorithm::Md5) => -10,
                failure => code(&failure),
            };
        }
        crate::log!(
            Warning,
            "haas",
            "download of {}: {failure}: the URL was offered for something else too, by which it is judged now",
            job.path.display()
        );
        left = others;
    }
}

/// Fetches what is by these offers, all of one image, or by none.
fn fetch_by(
    job: &Job<'_>,
    known: &[Known],
    cancel: &CancellationToken,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<(), Failure> {
    let (url, settings) = (job.url, job.settings.clone());
    let wanted = match known.first().map(Known::offer) {
        Some(offer) => Wanted {
            url,
            version: &offer.version,
            size: Some(offer.size),
            promise: Promise { digest: Some(offer.digest.clone()), signature: offer.signature.clone() },
            renewal: Some(Arc::new(Renewal::of(known)) as Arc<dyn Renew>),
        },
        None => Wanted { url, version: "", size: None, promise: Promise::default(), renewal: None },
    };
    package::fetch((job.source)(), settings, wanted, job.path, cancel, watch).map(drop)
}

fn check(policy: &Policy, length: u64, path: &Path, expected: &Expected, signatures: &[Vec<u8>]) -> i64 {
    let hasher = Hasher::new(expected.algorithm()).with_sha256();
    let hasher = match package::digested(path, length, hasher) {
        Err(_) => return -17,
        Ok(None) => return -13,
        Ok(Some(hasher)) => hasher,
    };
    let is_right = hasher.finish(expected.algorithm()).is_some_and(|digest| expected.matches(&digest));
    let sha256 = hasher.finish(Algorithm::Sha256).unwrap_or_default();
    let trusted = |signature| policy.trusts(&sha256, signature);
    if !is_right {
        if expected.algorithm() == Algorithm::Md5 { -10 } else { -11 }
    } else if signatures.iter().any(|signature| trusted(Some(signature)))
        || (signatures.is_empty() && trusted(None))
    {
        0
    } else {
        -12
    }
}

fn place(length: u64, from: &Path, to: &Path) -> i64 {
    let input = match Input::open(from, length) {
        Err(_) => return -17,
        Ok(None) => return -13,
        Ok(Some(input)) => input,
    };
    // A file may be installed to its own place, whatever each of the two is called.
    let is_itself = from
        .metadata()
        .is_ok_and(|from| to.metadata().is_ok_and(|to| (from.dev(), from.ino()) == (to.dev(), to.ino())));
    let sink = FileSink::new(to);
    let mut sink = if is_itself { sink } else { sink.beside(from) };
    let mut written = sink.open(0, length);
    let read = match written {
        Ok(()) => input.read_through(|piece| {
            written = sink.write(piece);
            written.is_ok()
        }),
        Err(_) => Ok(false),
    };
    let good = read == Ok(true);
    let closed = sink.close(if good { Keep::Image } else { Keep::Nothing });
    match (written.and(if good { closed } else { Ok(()) }), read) {
        (Err(error), _) => code(&Failure::Store(error)),
        (Ok(()), Ok(true)) => 0,
        (Ok(()), Ok(false)) => -13,
        (Ok(()), Err(_)) => -17,
    }
}

/// The code of AliOS Things for a failure of a download.
fn code(failure: &Failure) -> i64 {
    match failure {
        Failure::Digest => -11,
        Failure::Signature | Failure::Policy(PolicyViolation::Unsigned) => -12,
        Failure::Store(StoreError::Full) | Failure::Policy(PolicyViolation::Size) => -16,
        Failure::Store(_) => -14,
        Failure::Policy(_) | Failure::Fetch(FetchError::Url(_)) => -25,
        Failure::Fetch(FetchError::Net(_)) => -7,
        Failure::Fetch(FetchError::Status { .. } | FetchError::Length { .. } | FetchError::Protocol) => -6,
        Failure::Fetch(FetchError::Redirect | FetchError::InsecureRedirect | FetchError::Forbidden) => -8,
        Failure::Fetch(_) => -9,
        _ => -5,
    }
}

#[cfg(test)]
mod tests {
    use otakit_core::net::NetError;

    use super::*;

    #[test]
    fn only_a_file_of_the_length_is_looked_at() {
        let (folder, others) = crate::system::tests::no_files("haas-files");
        let expected = Expected::from_hex(Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72").unwrap();
        let verify = |path: &Path, length| check(&Policy::default(), length, path, &expected, &[]);
        let to = folder.join("installed");
        for other in others {
            for length in [0, 3, 100_000] {
                let codes = (verify(&other, length), place(length, &other, &to));
                assert_eq!(codes, (-17, -17), "{} {length}", other.display());
            }
        }
        let (file, holes) = (folder.join("file"), folder.join("holes"));
        std::fs::write(&file, b"abc").unwrap();
        std::fs::File::create(&holes).unwrap().set_len(1 << 40).unwrap();
        for length in [0, 2, 4, 1 << 40] {
            assert_eq!((verify(&file, length), place(length, &file, &to)), (-13, -13), "{length}");
        }
        assert_eq!((verify(&holes, 3), place(3, &holes, &to)), (-13, -13));
        assert_eq!(
            std::fs::read_dir(&folder)
                .unwrap()
                .filter_map(Result::ok)
                .filter(|entry| entry.file_name().to_string_lossy().starts_with("installed"))
                .count(),
            0
        );
        assert_eq!((verify(&file, 3), place(3, &file, &to)), (0, 0));
        assert_eq!(std::fs::read(&to).unwrap(), b"abc");
        for bad in ["folder", "pipe", "/dev/null", "absent/x"] {
            assert_eq!(place(3, &file, &folder.join(bad)), -14, "{bad}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_source_is_never_what_the_image_gathers_in() {
        let (folder, _) = crate::system::tests::no_files("haas-part");
        let to = folder.join("installed");
        let part = folder.join("installed.part");
        std::fs::write(&part, b"abc").unwrap();
        std::fs::hard_link(&part, folder.join("hard-link")).unwrap();
        for from in [&part, &folder.join("./installed.part")] {
            assert_eq!(place(3, from, &to), -14, "{}", from.display());
            assert_eq!(std::fs::read(from).unwrap(), b"abc");
        }
        // Another name of it is as good as a copy: only the staging file's name goes.
        assert_eq!(place(3, &folder.join("hard-link"), &to), 0);
        assert_eq!(std::fs::read(folder.join("hard-link")).unwrap(), b"abc");
        // So may a file whose other name is the image's place.
        let other = folder.join("other");
        std::fs::hard_link(&to, &other).unwrap();
        for (from, to) in [(&to, &other), (&other, &to)] {
            assert_eq!(place(3, from, to), 0, "{} to {}", from.display(), to.display());
            assert_eq!(
                (std::fs::read(from).unwrap(), std::fs::read(to).unwrap()),
                (b"abc".to_vec(), b"abc".to_vec())
            );
        }
        // A file may be installed where it is.
        assert_eq!(place(3, &to, &to), 0);
        assert_eq!(std::fs::read(&to).unwrap(), b"abc");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_is_the_same_under_whatever_name() {
        let folder = std::env::temp_dir().join(format!("otakit-haas-names-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("inner")).unwrap();
        std::os::unix::fs::symlink(&folder, folder.join("link")).unwrap();
        std::os::unix::fs::symlink("there", folder.join("to-it")).unwrap();
        std::fs::write(folder.join("there"), b"abc").unwrap();
        for file in ["new", "there"] {
            let hub = Hub::default();
            let busy = hub.occupy(&folder.join(file)).unwrap();
            let names = ["", "./", "inner/../", "link/", "link/inner/.././"];
            for name in names {
                assert!(hub.occupy(&folder.join(format!("{name}{file}"))).is_none(), "{name}{file}");
            }
            assert_eq!(hub.occupy(&folder.join("to-it")).is_none(), file == "there");
            assert!(hub.occupy(&folder.join("inner").join(file)).is_some());
            hub.vacate(&busy);
            assert!(hub.occupy(&folder.join("link").join(file)).is_some());
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn documented_codes() {
        let cases = [
            (Failure::Digest, -11),
            (Failure::Signature, -12),
            (Failure::Policy(PolicyViolation::Unsigned), -12),
            (Failure::Policy(PolicyViolation::Size), -16),
            (Failure::Policy(PolicyViolation::Host), -25),
            (Failure::Store(StoreError::Full), -16),
            (Failure::Store(StoreError::Io), -14),
            (Failure::Fetch(FetchError::Net(NetError::Name)), -7),
            (Failure::Fetch(FetchError::Status { status: 404, retry_after: None }), -6),
            (Failure::Fetch(FetchError::Redirect), -8),
            (Failure::Fetch(FetchError::Truncated), -9),
            (Failure::OtherImage, -5),
        ];
        for (failure, expected) in cases {
            assert_eq!(code(&failure), expected, "{failure}");
        }
    }
}
