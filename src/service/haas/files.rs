// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files fetched and checked for the application, each on a thread of its own; the outcome is an event.
//!
//! What a device was offered is remembered. A URL that the application hands back is then known with its size, digest
//! and signature: its download is verified, goes on after a restart of the process, and can get a fresh URL.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use otakit_core::digest::{Algorithm, Expected, Hasher};
use otakit_core::failure::Failure;
use otakit_core::fetch::FetchError;
use otakit_core::platform::aliyun::module::Upgrade;
use otakit_core::policy::PolicyViolation;
use otakit_core::store::StoreError;

use super::updates::Renewal;
use super::{Content, DOWNLOAD, Device, Event, Hub, INSTALL, VERIFY};
use crate::cancel::CancellationToken;
use crate::engine::Policy;
use crate::engine::Renew;
use crate::engine::Settings;
use crate::fetch::http::HttpSource;
use crate::service::package::{self, Promise, Wanted};
use crate::store::{FileSink, Input, Keep, Sink};

/// A download.
pub(super) struct Job<'a> {
    pub(super) source: HttpSource,
    pub(super) settings: Settings,
    pub(super) url: &'a str,
    /// The offer that the URL is from, and whose it is.
    pub(super) known: Option<(Weak<Device>, Upgrade)>,
    pub(super) path: &'a Path,
}

impl Hub {
    /// Begins to fetch a file. `false`: it is being fetched already, or there is no thread.
    pub fn download(
        self: &Arc<Self>,
        source: HttpSource,
        settings: Settings,
        url: String,
        path: PathBuf,
    ) -> bool {
        if !self.occupy(&path) {
            return false;
        }
        let (hub, place) = (Arc::clone(self), path.clone());
        let begun = self.background(DOWNLOAD, move || {
            let known = hub.offers.lock().iter().rfind(|(_, known)| known.firmware.offer.url == url).cloned();
            let job = Job { source, settings, url: &url, known, path: &path };
            let value = fetch(job, &CancellationToken::new(), &mut |_, _| {});
            hub.vacate(&path);
            value
        });
        if !begun {
            self.vacate(&place);
        }
        begun
    }

    /// Begins to check a file's length and digest, and its signature where one was offered with that digest. `false`: no
    /// thread.
    pub fn verify(self: &Arc<Self>, policy: Policy, length: u64, path: PathBuf, expected: Expected) -> bool {
        let hub = Arc::clone(self);
        self.background(VERIFY, move || {
            let signature = hub.offers.lock().iter().rev().find_map(|(_, known)| {
                let offer = &known.firmware.offer;
                (offer.size == length && offer.digest == expected).then(|| offer.signature.clone())
            });
            check(&policy, length, &path, &expected, signature.flatten().as_deref())
        })
    }

    /// Begins to install a file: a copy of it appears in `to`, whole and durable. `false`: no thread.
    pub fn install(self: &Arc<Self>, length: u64, from: PathBuf, to: PathBuf) -> bool {
        self.background(INSTALL, move || place(length, &from, &to))
    }

    fn background(self: &Arc<Self>, kind: i64, work: impl FnOnce() -> i64 + Send + 'static) -> bool {
        let hub = Arc::clone(self);
        let work = move || {
            let value = work();
            hub.events.post(Event { device: 0, kind, value, content: Content::Nothing }, false);
        };
        crate::thread::named("otakit-haas").spawn(work).is_ok()
    }

    /// Marks a file as being fetched; `false` when it is already.
    pub(super) fn occupy(&self, path: &Path) -> bool {
        let mut busy = self.busy.lock();
        let free = busy.iter().all(|other| other != path);
        if free {
            busy.push(path.to_owned());
        }
        free
    }

    pub(super) fn vacate(&self, path: &Path) {
        self.busy.lock().retain(|other| other != path);
    }
}

/// Fetches; 0 or a code of AliOS Things.
pub(super) fn fetch(job: Job<'_>, cancel: &CancellationToken, watch: &mut dyn FnMut(u64, u64)) -> i64 {
    let Job { source, settings, url, known, path } = job;
    let algorithm = known.as_ref().map(|(_, upgrade)| upgrade.firmware.offer.digest.algorithm());
    let wanted = match &known {
        Some((device, upgrade)) => {
            let offer = &upgrade.firmware.offer;
            let renewal = Renewal::of(device.clone(), &upgrade.module);
            Wanted {
                url,
                version: &offer.version,
                size: Some(offer.size),
                promise: Promise { digest: Some(offer.digest.clone()), signature: offer.signature.clone() },
                renewal: Some(Arc::new(renewal) as Arc<dyn Renew>),
            }
        }
        None => Wanted { url, version: "", size: None, promise: Promise::default(), renewal: None },
    };
    match package::fetch(source, settings, wanted, path, cancel, watch) {
        Ok(_) => 0,
        Err(Failure::Digest) if algorithm == Some(Algorithm::Md5) => -10,
        Err(failure) => code(&failure),
    }
}

fn check(policy: &Policy, length: u64, path: &Path, expected: &Expected, signature: Option<&[u8]>) -> i64 {
    let hasher = Hasher::new(expected.algorithm()).with_sha256();
    let hasher = match package::digested(path, length, hasher) {
        Err(_) => return -17,
        Ok(None) => return -13,
        Ok(Some(hasher)) => hasher,
    };
    let is_right = hasher.finish(expected.algorithm()).is_some_and(|digest| expected.matches(&digest));
    if !is_right {
        if expected.algorithm() == Algorithm::Md5 { -10 } else { -11 }
    } else if policy.trusts(&hasher.finish(Algorithm::Sha256).unwrap_or_default(), signature) {
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
        let verify = |path: &Path, length| check(&Policy::default(), length, path, &expected, None);
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
