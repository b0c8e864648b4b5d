// SPDX-License-Identifier: MIT OR Apache-2.0
//! How slow a client may be: a body comes at a least rate, and what is sent is taken in time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, timeout_at};

use super::direct::Desk;
use crate::metrics;

/// Time for any body, however little has come of it.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Bytes that a longer one must bring for each second.
const BODY_RATE: u64 = 1024;
/// Time for a client to take anything of what is sent to it.
pub const WRITE_TIME: Duration = Duration::from_secs(60);

/// A body that fails when it is slower than [`BODY_RATE`] after [`BODY_TIME`].
pub fn body(body: Body) -> Body {
    let start = Instant::now();
    let state = (body.into_data_stream(), 0_u64, false);
    Body::from_stream(stream::unfold(state, move |(mut frames, came, failed)| async move {
        if failed {
            return None;
        }
        let deadline = start + BODY_TIME + Duration::from_secs(came / BODY_RATE);
        match timeout_at(deadline, frames.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(bytes))) => {
                let came = came + bytes.len() as u64;
                Some((Ok(bytes), (frames, came, false)))
            }
            Ok(Some(Err(error))) => Some((Err(io::Error::other(error)), (frames, came, true))),
            Err(_) => Some((Err(io::ErrorKind::TimedOut.into()), (frames, came, true))),
        }
    }))
}

/// A connection that fails when its peer takes nothing for [`WRITE_TIME`].
pub struct Patient<S> {
    inner: S,
    stuck: Option<Pin<Box<Sleep>>>,
    /// What was read from it already.
    ahead: Bytes,
    /// Is told when all has left.
    desk: Option<Arc<Desk>>,
}

impl<S> Patient<S> {
    /// Around a connection.
    pub fn new(inner: S, desk: Option<Arc<Desk>>) -> Self {
        Self { inner, stuck: None, ahead: Bytes::new(), desk }
    }

    /// Takes it apart. `read` was read from this, and nobody has looked at it.
    pub fn into_parts(self, read: Bytes) -> (S, Bytes) {
        let ahead = if read.is_empty() { self.ahead } else { [read, self.ahead].concat().into() };
        (self.inner, ahead)
    }

    /// With bytes that were read from the connection before.
    pub fn after(mut self, ahead: Bytes) -> Self {
        self.ahead = ahead;
        self
    }

    fn watched<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.stuck = None;
            return done;
        }
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_TIME)));
        match stuck.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let n = self.ahead.len().min(buffer.remaining());
            buffer.put_slice(&self.ahead.split_to(n));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write(cx, bytes);
        counted(&done);
        self.watched(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write_vectored(cx, bytes);
        counted(&done);
        self.watched(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_flush(cx);
        if let (Poll::Ready(Ok(())), Some(desk)) = (&done, &self.desk) {
            desk.flushed();
        }
        self.watched(cx, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.watched(cx, done)
    }
}

fn counted(done: &Poll<io::Result<usize>>) {
    if let Poll::Ready(Ok(n)) = done {
        metrics::sent(*n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    /// A body of pieces of `size` bytes, one every `pause`; the seconds until it ends, and whether it came whole.
    async fn taken(pieces: usize, size: usize, pause: Duration) -> (u64, bool) {
        let start = Instant::now();
        let slow = stream::unfold(pieces, move |left| async move {
            if left == 0 {
                return None;
            }
            tokio::time::sleep(pause).await;
            Some((Ok::<_, io::Error>(Bytes::from(vec![0; size])), left - 1))
        });
        let whole = axum::body::to_bytes(body(Body::from_stream(slow)), usize::MAX).await.is_ok();
        (start.elapsed().as_secs(), whole)
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_come_at_a_rate() {
        assert_eq!(taken(1, 10, Duration::from_secs(29)).await, (29, true));
        assert_eq!(taken(1, 10, Duration::from_secs(3600)).await, (30, false), "nothing comes");
        assert_eq!(taken(1000, 1, Duration::from_secs(1)).await, (30, false), "it drips");
        assert_eq!(taken(1000, 4096, Duration::from_secs(1)).await, (1000, true), "slow, but it comes");
    }

    #[tokio::test(start_paused = true)]
    async fn readers_take_something() {
        let (_reader, client) = tokio::io::duplex(1000);
        let mut client = Patient::new(client, None);
        let start = Instant::now();
        assert!(client.write_all(&[0; 2000]).await.is_err());
        assert_eq!(start.elapsed(), WRITE_TIME);
    }
}
