// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client against a scripted server.

pub(crate) mod broker;
mod connecting;
mod links;
mod messages;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use otakit_core::net::NetError;

use self::broker::{Broker, LONG, Peer, TcpDial, connect_in_thread, publish, recorder, recorder_with};
use super::{Client, ConnectError, Event, Handler, MqttError, Options, Subscription};
use crate::cancel::CancellationToken;
use crate::net::{Dial, Stream, Target};

const MS: Duration = Duration::from_millis(1);

fn subscription(filter: &str, qos: u8, handler: Arc<dyn Handler>) -> Subscription {
    Subscription { filter: filter.into(), qos, handler }
}

/// Yields in the background until dropped, as firmware's own loop does.
struct Yielding(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

impl Yielding {
    fn new(client: &Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (client, seen) = (client.clone(), Arc::clone(&stop));
        let body = move || while !seen.load(Ordering::Relaxed) && client.yield_for(20 * MS).is_ok() {};
        Self(stop, Some(std::thread::spawn(body)))
    }
}

impl Drop for Yielding {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.take().unwrap().join().unwrap();
    }
}

fn expect_end(peer: &mut Peer) {
    assert_eq!(peer.read().first, 0xE0, "DISCONNECT");
    assert_eq!(peer.try_read(), None);
}
