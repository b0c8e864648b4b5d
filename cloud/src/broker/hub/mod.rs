// SPDX-License-Identifier: MIT OR Apache-2.0
//! The MQTT server inside: sessions of devices, and the way between each of them and the service.
//!
//! It is no general broker. Devices never talk to each other, and every topic names its device: so a message is looked up
//! by that name, and a device has a short list of filters. A session belongs to the device that signed in, whatever its
//! client id is; a device that signs in again takes its session over. A device may use its own topics, and a gateway those
//! of the sub-devices in its topology.

mod connection;
mod contest;
pub mod outbox;
pub mod packet;
mod session;
pub mod topic;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::data::model::DeviceKey;
use crate::{Failure, Kind, note};
use contest::Contests;
use outbox::Outbox;
use session::{Message, Session};

pub use connection::Door;

/// Filters of one device; a gateway has those of its sub-devices too.
const MAX_FILTERS: usize = 20_000;

/// Checks client id, user name and password.
pub type SignIn = Arc<dyn Fn(&str, &str, &str) -> Result<DeviceKey, Refusal> + Send + Sync>;

/// Answers who signs in for a registration alone: what it is told, or why not. `None`: another sign-in.
pub type Registrar = Arc<dyn Fn(&str, &str, &str) -> Option<Result<Told, Refusal>> + Send + Sync>;

/// Whether the first device is the gateway of the second.
pub type Topology = Arc<dyn Fn(&DeviceKey, &DeviceKey) -> bool + Send + Sync>;

/// What a registration is told.
pub struct Told {
    /// Topic.
    pub topic: &'static str,
    /// Payload.
    pub payload: Vec<u8>,
}

/// Why somebody is not let in: a line for the log.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody knows it, or it is not who it says it is. Devices take that for final.
    Credentials(String),
    /// Nobody can tell now: the database is away. Devices try again.
    Unavailable(String),
}

impl Refusal {
    /// The code of the CONNACK.
    fn code(&self) -> u8 {
        match self {
            Self::Credentials(_) => packet::BAD_LOGIN,
            Self::Unavailable(_) => packet::UNAVAILABLE,
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Credentials(why) | Self::Unavailable(why)) = self;
        f.write_str(why)
    }
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self::Credentials(why)
    }
}

impl From<&str> for Refusal {
    fn from(why: &str) -> Self {
        Self::Credentials(why.to_owned())
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure.kind() {
            Kind::Broken => Self::Unavailable(failure.to_string()),
            _ => Self::Credentials(failure.to_string()),
        }
    }
}

/// What comes from devices.
#[derive(Debug)]
pub enum Event {
    /// A message.
    Message {
        /// Topic.
        topic: String,
        /// Payload.
        payload: Bytes,
        /// Called when the message has been dealt with.
        done: Option<Done>,
    },
    /// A device has signed in by itself.
    SignedIn(DeviceKey),
    /// Somebody listens to topics of a device from now on.
    Listening {
        /// Whose topics.
        device: DeviceKey,
        /// Changes with each connection.
        connection: u64,
    },
}

/// Acknowledges a message to whoever sent it.
#[derive(Debug)]
pub struct Done {
    outbox: Arc<Outbox>,
    packet: Bytes,
}

impl Done {
    /// Sends the acknowledgement.
    pub fn send(self) {
        self.outbox.push(self.packet);
    }

    /// Ends the connection instead: whoever sent the message will send it again.
    pub fn fail(self) {
        self.outbox.close();
    }
}

/// All sessions.
pub struct Hub {
    state: Mutex<State>,
    topology: Topology,
    events: mpsc::Sender<Event>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    sessions: HashMap<DeviceKey, Session>,
    /// Who has filters for a device's topics, when it is not that device alone.
    listeners: HashMap<DeviceKey, HashSet<DeviceKey>>,
    connections: u64,
    contests: Contests,
}

/// A connection that has been let in.
struct Attached {
    outbox: Arc<Outbox>,
    connection: u64,
    present: bool,
    /// It replaced one that was open.
    replaced: bool,
    /// Two clients use the device's identity, which is news.
    contested: bool,
    /// Whose topics the session that was kept listens to.
    listens_to: HashSet<DeviceKey>,
}

impl Hub {
    /// A hub without sessions; what devices send goes to `events`.
    pub fn new(topology: Topology, events: mpsc::Sender<Event>) -> Self {
        Self { state: Mutex::default(), topology, events }
    }

    /// Sends a message to whoever listens to its topic. With `keep` it waits in the session of a listener that is off line.
    /// `true`: somebody who is on line gets it.
    pub fn deliver(&self, topic: &str, payload: &[u8], qos: u8, keep: bool) -> bool {
        let Some(owner) = topic::owner(topic) else {
            return false;
        };
        let message = Message { topic: topic.into(), payload: Bytes::copy_from_slice(payload) };
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let others = state.listeners.get(&owner).into_iter().flatten();
        let mut heard = false;
        for key in others.chain([&owner]) {
            if let Some(session) = state.sessions.get_mut(key) {
                heard |= session.deliver(&message, qos, keep);
            }
        }
        heard
    }

    /// The connection of whoever listens to a topic, if somebody who is on line does.
    pub fn listener(&self, topic: &str) -> Option<u64> {
        let owner = topic::owner(topic)?;
        let state = self.state.lock();
        let others = state.listeners.get(&owner).into_iter().flatten();
        others
            .chain([&owner])
            .filter_map(|key| state.sessions.get(key))
            .find(|session| session.is_online() && session.listens(topic).is_some())
            .map(|session| session.connection)
    }

    /// Whether a device may use a topic or a filter.
    fn may_use(&self, device: &DeviceKey, topic: &str) -> Option<DeviceKey> {
        let owner = topic::owner(topic)?;
        (owner == *device || (self.topology)(device, &owner)).then_some(owner)
    }

    fn attach(&self, device: &DeviceKey, clean: bool) -> Attached {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.connections += 1;
        let connection = state.connections;
        let replaced = state.sessions.get_mut(device).is_some_and(Session::take_link);
        let contested = replaced && state.contests.note(device, Instant::now());
        if clean {
            forget(state, device);
        }
        let present = state.sessions.contains_key(device);
        let outbox = Arc::new(Outbox::default());
        let session = state.sessions.entry(device.clone()).or_insert_with(Session::new);
        session.connection = connection;
        session.clean = clean;
        let listens_to = session.filters().filter_map(topic::owner).collect();
        // The acknowledgement goes first, then what waited.
        outbox.push(packet::connack(present, 0));
        session.set_link(outbox.clone());
        Attached { outbox, connection, present, replaced, contested, listens_to }
    }

    fn detach(&self, device: &DeviceKey, connection: u64) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(session) = state.sessions.get_mut(device).filter(|s| s.connection == connection) else {
            return;
        };
        session.take_link();
        if session.clean {
            forget(state, device);
        }
        state.contests.calm(device, Instant::now());
    }

    /// Closes a device's connection and forgets its session: it was deleted, or has a new secret.
    pub fn revoke(&self, device: &DeviceKey) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.sessions.get_mut(device).is_some_and(Session::take_link) {
            note(format_args!("{device} was deleted or has a new secret: its connection is closed"));
        }
        forget(state, device);
    }

    /// Whether two clients use a device's identity, each of which closes the other's connection.
    pub fn is_contested(&self, device: &DeviceKey) -> bool {
        self.state.lock().contests.is_one(device, Instant::now())
    }

    /// Takes filters; the codes of the SUBACK, and whose topics are listened to now.
    fn subscribe(&self, device: &DeviceKey, filters: &[(String, u8)]) -> (Vec<u8>, HashSet<DeviceKey>) {
        let mut owners = HashSet::new();
        let mut codes = Vec::with_capacity(filters.len());
        for (filter, qos) in filters {
            let owner = self.may_use(device, filter).filter(|_| topic::is_filter(filter));
            let Some(owner) = owner else {
                codes.push(packet::REFUSED);
                continue;
            };
            let mut guard = self.state.lock();
            let state = &mut *guard;
            let taken = state
                .sessions
                .get_mut(device)
                .filter(|session| session.filters().count() < MAX_FILTERS)
                .map(|session| session.subscribe(filter, *qos));
            if taken.is_some() && owner != *device {
                state.listeners.entry(owner.clone()).or_default().insert(device.clone());
            }
            codes.push(taken.unwrap_or(packet::REFUSED));
            if taken.is_some() {
                owners.insert(owner);
            }
        }
        (codes, owners)
    }

    fn unsubscribe(&self, device: &DeviceKey, filters: &[String]) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(session) = state.sessions.get_mut(device) else {
            return;
        };
        for filter in filters {
            session.unsubscribe(filter);
        }
        let left: HashSet<DeviceKey> = session.filters().filter_map(topic::owner).collect();
        for owner in filters.iter().filter_map(|f| topic::owner(f)).filter(|o| !left.contains(o)) {
            unlisten(state, &owner, device);
        }
    }

    fn with_session<T>(
        &self,
        device: &DeviceKey,
        connection: u64,
        work: impl FnOnce(&mut Session) -> T,
    ) -> Option<T> {
        let mut state = self.state.lock();
        state.sessions.get_mut(device).filter(|s| s.connection == connection).map(work)
    }
}

/// Removes a session and everything that leads to it.
fn forget(state: &mut State, device: &DeviceKey) {
    if let Some(session) = state.sessions.remove(device) {
        for owner in session.filters().filter_map(topic::owner) {
            unlisten(state, &owner, device);
        }
    }
}

fn unlisten(state: &mut State, owner: &DeviceKey, device: &DeviceKey) {
    if let Some(devices) = state.listeners.get_mut(owner) {
        devices.remove(device);
        if devices.is_empty() {
            state.listeners.remove(owner);
        }
    }
}
