// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is on its way to one client, bounded: a client that does not read is let go.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Bytes that may wait for one client, unless it is a single packet.
const MAX_WAITING: usize = 64 * 1024;
/// Time for the client's system to take a batch.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// A queue of packets. Any thread may add; one task writes.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    packets: VecDeque<Bytes>,
    bytes: usize,
    closed: bool,
}

impl Outbox {
    /// Adds a packet; with too many of them the connection ends instead.
    pub fn push(&self, packet: Bytes) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        if state.bytes > 0 && state.bytes + packet.len() > MAX_WAITING {
            *state = State { closed: true, ..State::default() };
        } else {
            state.bytes += packet.len();
            state.packets.push_back(packet);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The connection ends, after what waits is written.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
    }

    /// Writes what comes until the queue is closed or the client is gone.
    pub async fn write_to(&self, client: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
        let mut batch: Vec<u8> = Vec::new();
        loop {
            let closed = {
                let mut state = self.state.lock();
                batch.extend(state.packets.drain(..).flatten());
                state.closed
            };
            if !batch.is_empty() {
                match timeout(WRITE_TIME, client.write_all(&batch)).await {
                    Ok(written) => written?,
                    Err(_) => return Err(std::io::ErrorKind::TimedOut.into()),
                }
                // Counted only now: what the system has not taken yet waits too.
                let mut state = self.state.lock();
                state.bytes = state.bytes.saturating_sub(batch.len());
                batch = Vec::new();
            } else if closed {
                return Ok(());
            } else {
                self.changed.notified().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_does_not_read_is_let_go() {
        let outbox = Outbox::default();
        for _ in 0..100 {
            outbox.push(Bytes::from(vec![1; 1000]));
        }
        assert!(outbox.state.lock().bytes <= MAX_WAITING);
        let mut written = Vec::new();
        outbox.write_to(&mut written).await.unwrap();
        assert!(written.is_empty(), "closed without the rest");
    }

    #[tokio::test]
    async fn a_large_packet_goes_alone() {
        let outbox = Outbox::default();
        outbox.push(Bytes::from(vec![1; 2 * MAX_WAITING]));
        outbox.close();
        let mut written = Vec::new();
        outbox.write_to(&mut written).await.unwrap();
        assert_eq!(written.len(), 2 * MAX_WAITING);
    }
}
