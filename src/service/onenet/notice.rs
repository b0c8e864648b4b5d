// SPDX-License-Identifier: MIT OR Apache-2.0
//! Notices of tasks over MQTT: answered at once on a thread of this service's own, and noted for whoever waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::cancel::Cancel;
use crate::mqtt::{Client, ConnectError, Event, Handler, Options, Subscription};
use crate::net::{Dial, Target};
use crate::platform::onenet::{Device, inform};

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
    cancel: Cancel,
    device: Device,
    client: Mutex<Option<Client>>,
}

#[derive(Default)]
struct Pending {
    notices: u32,
    refused: bool,
}

impl Notices {
    /// Starts listening, without waiting for the connection. `None` when no thread could be started.
    pub fn start(broker: Broker, dial: Arc<dyn Dial>) -> Option<Self> {
        let shared = Arc::new(Shared {
            pending: Mutex::default(),
            changed: Condvar::new(),
            cancel: Cancel::new(),
            device: broker.device.clone(),
            client: Mutex::new(None),
        });
        let ours = shared.clone();
        let thread = crate::thread::named("otakit-notice");
        thread.spawn(move || serve(&ours, &broker, &dial)).ok()?;
        Some(Self { shared })
    }

    /// Waits for a notice, `timeout` at most; `Some(true)` when one came since the last time. `None` when the broker
    /// refuses the sign-in, so that none will come. Several notices count as one.
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

fn serve(shared: &Arc<Shared>, broker: &Broker, dial: &Arc<dyn Dial>) {
    let mut pause = PAUSES.0;
    while !shared.cancel.is_cancelled() {
        let handler: Arc<dyn Handler> = Arc::new(Listener { shared: Arc::downgrade(shared) });
        let early = Subscription { filter: inform::topic(&broker.device), qos: 1, handler };
        match Client::connect(dial.clone(), options(broker), None, vec![early]) {
            Ok(client) => {
                *shared.client.lock() = Some(client.clone());
                while !shared.cancel.is_cancelled() && client.yield_for(ROUND).is_ok() {}
                *shared.client.lock() = None;
                client.disconnect(GRACE);
                pause = PAUSES.0;
            }
            Err(ConnectError::Refused(code)) => {
                crate::log!(Error, "onenet", "broker refuses the sign-in, code {code}");
                shared.pending.lock().refused = true;
                shared.changed.notify_all();
                return;
            }
            Err(error) => {
                crate::log!(Warning, "onenet", "broker: {error}");
                shared.cancel.sleep(pause);
                pause = (pause * 2).min(PAUSES.1);
            }
        }
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
