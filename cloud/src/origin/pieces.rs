// SPDX-License-Identifier: MIT OR Apache-2.0
//! A part of a file as the body of an answer. While one piece is sent the next one is read, on a thread that may wait for
//! the disk. A client that takes its pieces quickly gets larger ones; a slow one never holds much.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Response;
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use tokio::task::JoinHandle;

/// The first piece, and the largest.
const SMALL: u64 = 64 << 10;
const LARGE: u64 = 512 << 10;
/// A piece that was taken within this time was taken quickly.
const QUICK: Duration = Duration::from_millis(20);

/// A part of a file.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file.
    pub file: Arc<File>,
    /// Where it begins.
    pub first: u64,
    /// How long it is.
    pub length: u64,
}

struct Pieces {
    file: Arc<File>,
    at: u64,
    left: u64,
    size: u64,
    /// The piece that is read already, or is being read.
    next: Option<JoinHandle<io::Result<Bytes>>>,
    given: Option<Instant>,
}

impl Pieces {
    /// Begins to read the next piece, if there is more.
    fn begin(&mut self) -> Option<JoinHandle<io::Result<Bytes>>> {
        let size = self.size.min(self.left);
        let length = usize::try_from(size).ok().filter(|length| *length > 0)?;
        let (file, at) = (self.file.clone(), self.at);
        self.at += size;
        self.left -= size;
        Some(tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, at)?;
            Ok(Bytes::from(bytes))
        }))
    }

    async fn take(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if let Some(given) = self.given {
            self.size = size_after(self.size, given.elapsed());
        }
        let now = self.next.take().or_else(|| self.begin())?;
        let piece = now.await.unwrap_or_else(|e| Err(io::Error::other(e)));
        if piece.is_err() {
            self.left = 0;
        }
        self.next = self.begin();
        self.given = Some(Instant::now());
        Some((piece, self))
    }
}

/// How large the piece is that follows one of this size, which was taken in this time.
fn size_after(size: u64, took: Duration) -> u64 {
    let next = if took < QUICK { size * 2 } else { size / 2 };
    next.clamp(SMALL, LARGE)
}

/// Makes the bytes `first..first + length` of a file the body of an answer. What it is made of stays beside it, for a
/// connection that has a shorter way.
pub fn fill(answer: &mut Response<Body>, file: File, first: u64, length: u64) {
    let part = Part { file: Arc::new(file), first, length };
    *answer.body_mut() = body(&part);
    answer.extensions_mut().insert(part);
}

/// Has `done` called when the last byte of a file of this size leaves for the connection. An answer with an earlier part of
/// it, or without any, stays as it is. Such an answer goes the usual way, because the shorter one counts no bytes.
pub fn when_last_is_sent(
    mut answer: Response<Body>,
    size: u64,
    done: impl FnOnce() + Send + 'static,
) -> Response<Body> {
    let Some(part) = answer.extensions_mut().remove::<Part>() else {
        return answer;
    };
    if part.length == 0 || part.first + part.length != size {
        return answer;
    }
    let (mut left, mut done) = (part.length, Some(done));
    answer.map(|body| {
        Body::from_stream(body.into_data_stream().inspect_ok(move |bytes| {
            left = left.saturating_sub(bytes.len() as u64);
            if left == 0
                && let Some(done) = done.take()
            {
                done();
            }
        }))
    })
}

fn body(part: &Part) -> Body {
    let Part { file, first, length } = part.clone();
    let pieces = Pieces { file, at: first, left: length, size: SMALL, next: None, given: None };
    Body::from_stream(stream::unfold(pieces, Pieces::take))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    #[tokio::test]
    async fn parts_of_a_file() {
        let path = std::env::temp_dir().join(format!("otakit-cloud-pieces-{}", std::process::id()));
        let all: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        std::fs::write(&path, &all).unwrap();
        let part = |first, length| Part { file: Arc::new(File::open(&path).unwrap()), first, length };
        for (first, length) in
            [(0, 3_000_000), (0, 0), (0, 1), (2_999_999, 1), (65_535, 2), (70_000, 1_500_000)]
        {
            let got = to_bytes(body(&part(first, length)), usize::MAX).await.unwrap();
            let start = usize::try_from(first).unwrap();
            assert!(got == all[start..start + usize::try_from(length).unwrap()], "{first} {length}");
        }
        // A file that became shorter ends the answer as a failure, not as a shorter image.
        assert!(to_bytes(body(&part(2_999_000, 2_000)), usize::MAX).await.is_err());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_slow_client_holds_little() {
        let after = |start: u64, took: u64| {
            (0..6).fold(start, |size, _| size_after(size, Duration::from_millis(took)))
        };
        assert_eq!((after(LARGE, 21), after(SMALL, 0)), (SMALL, LARGE));
    }
}
