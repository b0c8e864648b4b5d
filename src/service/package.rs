// SPDX-License-Identifier: MIT OR Apache-2.0
//! A package by its URL alone: no platform has told its size, and perhaps nobody its digest.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::cancel::Cancel;
use crate::digest::{Algorithm, Expected, Hasher, to_hex};
use crate::engine::offer::Kind;
use crate::engine::{Failure, Offer, Session, Settings};
use crate::fetch::http::HttpSource;
use crate::fetch::url::Url;
use crate::fetch::{Class, FetchError};
use crate::store::{FileSink, Keep, Sink};

/// Longest time between two looks at the cancel.
const TICK: Duration = Duration::from_millis(50);
/// Attempts to learn the size, with a pause between them.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
/// Bytes written at once.
const PIECE: usize = 8 * 1024;

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
}

/// What a URL promises of its package in its fragment, `#sha256=…` or `#md5=…`: `None` when nothing, an error when it
/// cannot be read.
pub fn promised(url: &str) -> Result<Option<Expected>, Failure> {
    let Some((_, fragment)) = url.split_once('#') else { return Ok(None) };
    let (algorithm, hex) = match fragment.split_once('=') {
        Some(("sha256", hex)) => (Algorithm::Sha256, hex),
        Some(("md5", hex)) => (Algorithm::Md5, hex),
        _ => return Ok(None),
    };
    Expected::from_hex(algorithm, hex).map(Some).ok_or(Failure::Digest)
}

/// Fetches `url` into the file `path`, which appears only when all of it is there; with `digest`, only when it has that
/// digest. A connection that breaks goes on where it broke. Blocks; `watch` is told bytes stored and size.
pub fn fetch(
    source: HttpSource,
    settings: Settings,
    url: &str,
    digest: Option<&Expected>,
    path: &Path,
    cancel: &Cancel,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Received, Failure> {
    let parsed = Url::parse(url).map_err(|error| Failure::Fetch(FetchError::Url(error)))?;
    settings.policy.check_url(&parsed).map_err(Failure::Policy)?;
    let size = size(&source, url, cancel)?;
    if size == 0 {
        return Err(Failure::Fetch(FetchError::Length { announced: 0 }));
    }
    let session = Session::new(Arc::new(source));
    session.configure(settings);
    let expected = digest.cloned().unwrap_or_else(Expected::unknown);
    let (version, url) = (String::new(), url.to_owned());
    session.offer(Offer { version, size, url, digest: expected, kind: Kind::Firmware, signature: None })?;
    let mut sink = FileSink::new(path);
    sink.open(0, size)?;
    let received = transfer(&session, &mut sink, size, cancel, watch).and_then(|sha256| {
        match (digest, session.verdict()) {
            // Nothing was promised: all that can be said is that every byte is there.
            (None, _) | (Some(_), Some(true)) => Ok(Received { size, sha256 }),
            (Some(_), _) => Err(session.failure().unwrap_or(Failure::Digest)),
        }
    });
    session.cancel();
    let closed = sink.close(if received.is_ok() { Keep::Image } else { Keep::Nothing });
    let received = received?;
    closed?;
    Ok(received)
}

fn size(source: &HttpSource, url: &str, cancel: &Cancel) -> Result<u64, Failure> {
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

fn transfer(
    session: &Session,
    sink: &mut FileSink,
    size: u64,
    cancel: &Cancel,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<String, Failure> {
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
    Ok(hasher.finish(Algorithm::Sha256).map(|digest| to_hex(&digest)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_in_fragments() {
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        let of = |url: &str| promised(url).map(|digest| digest.map(|digest| digest.algorithm()));
        assert_eq!(of("http://h/p"), Ok(None));
        assert_eq!(of("http://h/p#top"), Ok(None));
        assert_eq!(of(&format!("http://h/p#md5={md5}")), Ok(Some(Algorithm::Md5)));
        assert_eq!(of(&format!("http://h/p#sha256={md5}{md5}")), Ok(Some(Algorithm::Sha256)));
        assert_eq!(of(&format!("http://h/p#sha256={md5}")), Err(Failure::Digest));
    }
}
