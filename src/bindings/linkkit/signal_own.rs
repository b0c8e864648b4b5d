// SPDX-License-Identifier: MIT OR Apache-2.0
//! The signal channel over this library's own MQTT client.

use std::ffi::c_void;
use std::sync::Arc;

use parking_lot::Mutex;

use super::mqtt;
use crate::bindings::handle::Handle;
use crate::mqtt::{Client, Event, Handler, Subscription};
use crate::service::{Listener, Signal, SignalError};

/// Largest payload taken on the OTA topics, whatever the application's read buffer is: an offer whose URL is signed
/// does not fit the buffers that programs commonly choose.
const MAX_PAYLOAD: usize = 64 * 1024;

/// A client of the device model, which is there only once the model has connected.
#[derive(Default)]
pub struct Link {
    client: Mutex<Option<Handle>>,
    early: Mutex<Vec<Subscription>>,
}

impl Link {
    /// The channel over the client to come.
    pub fn channel(self: &Arc<Self>) -> Arc<dyn Signal> {
        Arc::new(OwnSignal { over: Over::Link(self.clone()) })
    }

    /// The subscriptions that were made up to now; the client is to make them.
    pub fn early(&self) -> Vec<Subscription> {
        self.early.lock().clone()
    }

    /// The client is there, with the subscriptions that [`Link::early`] gave.
    pub fn connected(&self, client: Handle) {
        *self.client.lock() = Some(client);
        self.early.lock().clear();
    }

    /// The authorities that its connection trusts.
    pub fn authorities(&self) -> Option<String> {
        mqtt::authorities(Some((*self.client.lock())?))
    }
}

/// The channel over the client `ch_signal`; NULL is the process's client, which may come later. `None` when the handle
/// is no client's.
pub fn channel(ch_signal: *mut c_void) -> Option<Arc<dyn Signal>> {
    if ch_signal.is_null() {
        if mqtt::default_client().is_none() {
            crate::log!(
                Warning,
                "ota",
                "no MQTT client yet (ch_signal is NULL): nothing is offered until IOT_MQTT_Construct has succeeded"
            );
        }
        return Some(Arc::new(OwnSignal { over: Over::Default }));
    }
    let handle = Handle::from_c(ch_signal);
    if mqtt::client(handle).is_none() {
        crate::log!(Error, "ota", "ch_signal is no open MQTT client");
        return None;
    }
    Some(Arc::new(OwnSignal { over: Over::Client(handle) }))
}

/// The authorities that the client's connection trusts.
pub fn authorities(ch_signal: *mut c_void) -> Option<String> {
    let handle = if ch_signal.is_null() { None } else { Some(Handle::from_c(ch_signal)) };
    mqtt::authorities(handle)
}

/// The firmware's version, as the HAL tells it.
pub fn running_version() -> Option<String> {
    crate::hal::device::firmware_version()
}

/// Which client.
enum Over {
    Client(Handle),
    /// The process's, which may come later.
    Default,
    /// The device model's, which comes later.
    Link(Arc<Link>),
}

struct OwnSignal {
    over: Over,
}

impl OwnSignal {
    fn client(&self) -> Option<Client> {
        match &self.over {
            Over::Client(handle) => mqtt::client(*handle),
            Over::Default => mqtt::default_client(),
            Over::Link(link) => {
                let handle = *link.client.lock();
                handle.and_then(mqtt::client)
            }
        }
    }
}

impl Signal for OwnSignal {
    fn publish(&self, topic: &str, qos: u8, payload: &[u8]) -> Result<(), SignalError> {
        let client = self.client().ok_or(SignalError)?;
        // `IOT_OTA_FetchYield` reports too: a full queue must not hold it beyond its time.
        client.try_publish(topic, qos, payload).map(drop).map_err(|_| SignalError)
    }

    fn subscribe(&self, topic: &str, qos: u8, listener: Arc<dyn Listener>) -> Result<(), SignalError> {
        let handler: Arc<dyn Handler> = Arc::new(ListenerHandler(listener));
        match self.client() {
            Some(client) => client.subscribe_lasting(topic, qos, handler).map_err(|_| SignalError),
            None => {
                let subscription = Subscription { filter: topic.to_owned(), qos, handler };
                let kept = match &self.over {
                    Over::Client(_) => false,
                    Over::Default => mqtt::subscribe_early(subscription),
                    Over::Link(link) => {
                        link.early.lock().push(subscription);
                        true
                    }
                };
                if kept { Ok(()) } else { Err(SignalError) }
            }
        }
    }

    fn unsubscribe(&self, topic: &str, listener: &Arc<dyn Listener>) {
        let handler = ListenerHandler(listener.clone());
        match self.client() {
            // A link that is down or full needs no goodbye: the handler is gone, and that is what counts.
            Some(client) => drop(client.remove_handler(topic, &handler)),
            None => match &self.over {
                Over::Client(_) => {}
                Over::Default => mqtt::forget_early(topic, &handler),
                Over::Link(link) => {
                    link.early.lock().retain(|kept| kept.filter != topic || !kept.handler.same_as(&handler));
                }
            },
        }
    }
}

/// A listener as the client sees it; its identity is the listener's address.
struct ListenerHandler(Arc<dyn Listener>);

impl Handler for ListenerHandler {
    fn on_event(&self, event: &Event<'_>) {
        if let Event::Message(message) = event {
            self.0.on_message(message.payload);
        }
    }

    fn identity(&self) -> (usize, usize) {
        (Arc::as_ptr(&self.0).cast::<()>().addr(), 0)
    }

    fn max_payload(&self) -> Option<usize> {
        Some(MAX_PAYLOAD)
    }

    fn insists(&self) -> bool {
        self.0.insists()
    }
}
