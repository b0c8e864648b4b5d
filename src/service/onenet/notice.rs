// SPDX-License-Identifier: MIT OR Apache-2.0
//! Notices of tasks over MQTT: answered at once on a thread of this service's own, and noted for whoever waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use otakit_core::platform::onenet::{Device, inform};
use parking_lot::{Condvar, Mutex};

use crate::cancel::CancellationToken;
use crate::mqtt::{Client, ConnectError, Event, Handler, Options};
use crate::net::{Dial, Target};
use crate::thread::{Begun, Work};

/// Largest notice that is taken, in bytes.
const MAX_PACKET: usize = 16 * 1024;
/// How long one round of serving the connection takes.
const ROUND: Duration = Duration::from_millis(200);
/// First and longest wait before a connection is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Time for the goodbye.
const GRACE: Duration = Duration::from_millis(200);

/// How the broker is reached and signed in to.
#[derive(Clone)]
pub struct Broker {
    /// The server.
    pub target: Target,
    /// Who signs in.
    pub device: Device,
    /// The password, a token.
    pub token: String,
}

/// Listens for notices until it is dropped.
pub struct Notices {
    shared: Arc<Shared>,
}

struct Shared {
    pending: Mutex<Pending>,
    changed: Condvar,
    cancel: CancellationToken,
    device: Device,
    client: Mutex<Option<Client>>,
}

#[derive(Default)]
struct Pending {
    notices: u32,
    /// The broker refuses the device's sign-in, as of the last attempt.
    refused: bool,
}

impl Notices {
    /// Starts listening, without waiting for the connection. `None` when no thread could be started.
    pub fn start(broker: Broker, dial: Arc<dyn Dial>) -> Option<Self> {
        let shared = Arc::new(Shared {
            pending: Mutex::default(),
            changed: Condvar::new(),
            cancel: CancellationToken::new(),
            device: broker.device.clone(),
            client: Mutex::new(None),
        });
        let listening = Listening { shared: shared.clone(), broker, dial };
        crate::thread::start("otakit-notice", Arc::new(listening)).ok()?;
        Some(Self { shared })
    }

    /// Waits for a notice, `timeout` at most; `Some(true)` when one came since the last time. `None` while the broker
    /// refuses the sign-in, so that none can come; it is tried again all the same. Several notices count as one.
    pub fn wait(&self, timeout: Duration) -> Option<bool> {
        let deadline = Instant::now().checked_add(timeout);
        let mut pending = self.shared.pending.lock();
        loop {
            if std::mem::take(&mut pending.notices) > 0 {
                return Some(true);
            }
            if pending.refused {
                return None;
            }
            if self.shared.cancel.is_cancelled() {
                return Some(false);
            }
            let late = match deadline {
                Some(deadline) => self.shared.changed.wait_until(&mut pending, deadline).timed_out(),
                None => {
                    self.shared.changed.wait(&mut pending);
                    false
                }
            };
            if late && pending.notices == 0 {
                return Some(false);
            }
        }
    }

    /// Stops listening; waits in other threads return.
    pub fn stop(&self) {
        self.shared.cancel.cancel();
        let _guard = self.shared.pending.lock();
        self.shared.changed.notify_all();
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the thread does.
struct Listening {
    shared: Arc<Shared>,
    broker: Broker,
    dial: Arc<dyn Dial>,
}

impl Work for Listening {
    fn name(&self) -> String {
        format!("notices of {}", self.broker.device.name)
    }

    fn run(&self, _: &Begun) {
        self.lose_client();
        serve(&self.shared, &self.broker, &self.dial);
    }

    /// It was stopped.
    fn lose(&self, _: &Begun) {
        self.lose_client();
    }

    fn waits(&self) -> bool {
        true
    }

    fn cancel(&self) -> &CancellationToken {
        &self.shared.cancel
    }
}

impl Listening {
    /// In a child of a fork: lets go of the parent's client. Each connection is a client of its own here.
    fn lose_client(&self) {
        let client = self.shared.client.lock().take();
        std::mem::forget(client);
    }
}

/// CONNACK codes that say that this device is not let in: wrong protocol, client id, password or authorisation. Others,
/// such as 3 (server unavailable), pass.
const NOT_LET_IN: [u8; 4] = [1, 2, 4, 5];

fn serve(shared: &Arc<Shared>, broker: &Broker, dial: &Arc<dyn Dial>) {
    let mut pause = PAUSES.0;
    while !shared.cancel.is_cancelled() {
        let link = Arc::new(Link::default());
        match Client::connect(dial.clone(), options(broker), Some(link.clone()), Vec::new()) {
            Ok(client) => {
                shared.refuse(false);
                *shared.client.lock() = Some(client.clone());
                // (Asked for here: of a subscription made while connecting no event tells.)
                let handler = Arc::new(Listener { shared: Arc::downgrade(shared) });
                if let Err(error) = client.subscribe(&inform::topic(&broker.device), 1, handler) {
                    crate::log!(Warning, "onenet", "subscription to notices: {error}; connecting again");
                    link.over.store(true, Ordering::Relaxed);
                }
                // Each connection is made here, so that a refusal is heard of at every one, not at the first alone.
                while !shared.cancel.is_cancelled() && !link.is_over() && client.yield_for(ROUND).is_ok() {}
                *shared.client.lock() = None;
                client.disconnect(GRACE);
                if link.works() {
                    pause = PAUSES.0;
                }
            }
            Err(ConnectError::Refused(code)) => {
                crate::log!(
                    Error,
                    "onenet",
                    "sign-in to the broker for notices: refused with code {code}; trying again in {} s",
                    pause.as_secs()
                );
                shared.refuse(NOT_LET_IN.contains(&code));
            }
            Err(error) => crate::log!(
                Warning,
                "onenet",
                "connection to the broker for notices: {error}; trying again in {} s",
                pause.as_secs()
            ),
        }
        shared.cancel.sleep(pause);
        pause = (pause * 2).min(PAUSES.1);
    }
}

impl Shared {
    fn refuse(&self, refused: bool) {
        self.pending.lock().refused = refused;
        self.changed.notify_all();
    }
}

/// What became of one connection.
#[derive(Default)]
struct Link {
    over: AtomicBool,
    works: AtomicBool,
}

impl Link {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whether the subscription was granted.
    fn works(&self) -> bool {
        self.works.load(Ordering::Relaxed)
    }
}

impl Handler for Link {
    fn on_event(&self, event: &Event<'_>) {
        match event {
            Event::Disconnected => self.over.store(true, Ordering::Relaxed),
            Event::SubscribeRefused(_) | Event::SubscribeTimeout(_) => {
                crate::log!(
                    Warning,
                    "onenet",
                    "subscription to notices not granted by the broker; connecting again"
                );
                self.over.store(true, Ordering::Relaxed);
            }
            Event::SubscribeOk(_) => self.works.store(true, Ordering::Relaxed),
            _ => {}
        }
    }

    fn identity(&self) -> (usize, usize) {
        (std::ptr::from_ref(self).addr(), 0)
    }
}

fn options(broker: &Broker) -> Options {
    Options {
        target: broker.target.clone(),
        client_id: broker.device.name.clone(),
        username: broker.device.product_id.clone(),
        password: broker.token.clone(),
        clean_session: true,
        keepalive: Duration::from_secs(60),
        request_timeout: Duration::from_secs(5),
        max_packet_in: MAX_PACKET,
        max_packet_out: MAX_PACKET,
        kept: |_| false,
    }
}

struct Listener {
    shared: std::sync::Weak<Shared>,
}

impl Handler for Listener {
    fn on_event(&self, event: &Event<'_>) {
        let (Event::Message(message), Some(shared)) = (event, self.shared.upgrade()) else { return };
        let Some(reply) = inform::reply(message.payload) else {
            crate::log!(Warning, "onenet", "notice without an id");
            return;
        };
        let client = shared.client.lock().clone();
        // Without an answer the platform tells again; the task is looked for either way.
        let told =
            client.map(|client| client.publish(&inform::reply_topic(&shared.device), 1, reply.as_bytes()));
        if !matches!(told, Some(Ok(_))) {
            crate::log!(Warning, "onenet", "notice not answered");
        }
        shared.pending.lock().notices += 1;
        shared.changed.notify_all();
    }

    fn identity(&self) -> (usize, usize) {
        (self.shared.as_ptr().addr(), 0)
    }
}
