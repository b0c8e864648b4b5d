// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device as HaaS has it: its connection to Aliyun, and the updates of its modules. Everything that takes time happens
//! on threads of its own, everything that happens becomes an event.

mod files;
pub mod json;
mod link;
mod offers;
mod system;
mod told;
mod updates;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use otakit_core::platform::aliyun::identity::{self, SecureMode};
use otakit_core::platform::aliyun::module::{self, Upgrade};
use otakit_core::platform::aliyun::topics::Topic;
use parking_lot::Mutex;

use super::events::Events;
use crate::cancel::CancellationToken;
use crate::engine::Settings;
use crate::fetch::http::HttpSource;
use crate::mqtt::{Client, Event as MqttEvent, Handler, MAX_UNACKNOWLEDGED, MqttError};
use crate::net::{Dial, Target};
use crate::thread::{Birth, steady};
use link::Link;
use offers::Known;
use system::System;
use updates::Asked;

/// Largest message of the application's, taken and sent.
const MAX_PACKET: usize = 64 * 1024;
/// Largest message of the update service that is taken: what the platform passes on at most.
const MAX_OFFER: usize = 256 * 1024;

/// Connected; the value is 0.
pub const CONNECT: i64 = 1;
/// Ended by the application.
pub const CLOSE: i64 = 2;
/// Connection lost; it is being made again.
pub const DISCONNECT: i64 = 3;
/// A message on a subscribed topic.
pub const MESSAGE: i64 = 6;
/// No connection came about.
pub const ERROR: i64 = 8;
/// An update is on offer.
pub const TRIGGER: i64 = 101;
/// A download ended.
pub const DOWNLOAD: i64 = 102;
/// A verification ended.
pub const VERIFY: i64 = 103;
/// An installation ended.
pub const INSTALL: i64 = 104;
/// The firmware itself was updated: the value tells whether it is to be installed.
pub const SYSTEM: i64 = 105;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which device's; 0: nobody's.
    pub device: i64,
    /// One of the constants above.
    pub kind: i64,
    /// 0 or more: good.
    pub value: i64,
    /// What goes with it.
    pub content: Content,
}

/// What an event carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Nothing,
    /// An update on offer: with [`TRIGGER`] and [`SYSTEM`].
    Offer(Box<Upgrade>),
    /// A message: with [`MESSAGE`].
    Message {
        /// Its topic.
        topic: String,
        /// Its bytes.
        payload: Vec<u8>,
    },
    /// Why, in words: with [`ERROR`].
    Reason(String),
}

/// What all devices share.
#[derive(Default)]
pub struct Hub {
    /// What happened.
    pub events: Events<Event>,
    /// What was offered last, per device and module.
    offers: Mutex<Vec<Known>>,
    /// Files that are being fetched, by their real names.
    busy: Mutex<Vec<PathBuf>>,
}

/// Who a device is and how it connects.
pub struct Login {
    /// The device.
    pub device: identity::Device,
    /// Its secret.
    pub secret: String,
    /// The broker.
    pub target: Target,
    /// How the connection is secured.
    pub mode: SecureMode,
    /// Keep-alive.
    pub keepalive: Duration,
}

/// A device that is connected, or about to be.
pub struct Device {
    /// What its events carry.
    id: i64,
    login: Login,
    hub: Arc<Hub>,
    client: Mutex<Option<Client>>,
    ended: CancellationToken,
    /// The same as a lock: no connection is told of once the application has ended it.
    ending: Mutex<bool>,
    /// Threads that fetch new firmware, and where.
    fetching: Mutex<Vec<(Birth, JoinHandle<()>)>>,
    modules: Mutex<BTreeMap<String, String>>,
    /// Where downloads that need a fresh URL wait for the answer, by module.
    mailboxes: Mutex<BTreeMap<String, Asked>>,
    system: Mutex<System>,
    /// How updates ended that the cloud could not be told of yet: step and words, by module.
    owed: Mutex<BTreeMap<String, (i32, String)>>,
    /// Whether it was said that the outbox is full.
    told_full: AtomicBool,
    settings: Settings,
    source: Box<dyn Fn() -> HttpSource + Send + Sync>,
}

impl Device {
    /// A device that nobody has connected yet.
    pub fn new(
        id: i64,
        login: Login,
        hub: Arc<Hub>,
        settings: Settings,
        source: Box<dyn Fn() -> HttpSource + Send + Sync>,
    ) -> Self {
        Self {
            id,
            login,
            hub,
            client: Mutex::default(),
            ended: CancellationToken::new(),
            ending: Mutex::default(),
            fetching: Mutex::default(),
            modules: Mutex::default(),
            mailboxes: Mutex::default(),
            system: Mutex::default(),
            owed: Mutex::default(),
            told_full: AtomicBool::new(false),
            settings,
            source,
        }
    }

    fn post(&self, kind: i64, value: i64, content: Content) {
        self.hub.events.post(Event { device: self.id, kind, value, content }, false);
    }

    /// Posts [`CONNECT`], unless the application has ended the connection meanwhile.
    fn post_connect(&self) {
        let ended = self.ending.lock();
        if !*ended {
            self.post(CONNECT, 0, Content::Nothing);
        }
    }

    /// Begins to connect. The outcome is an event. `false`: no thread.
    pub fn connect(self: &Arc<Self>, dial: Arc<dyn Dial>) -> bool {
        let link = Link { device: Arc::clone(self), dial };
        crate::thread::start("otakit-haas", Arc::new(link)).is_ok()
    }

    /// Ends the connection; the event comes once it has ended.
    pub fn end(&self) {
        *self.ending.lock() = true;
        self.ended.cancel();
    }

    fn client(&self) -> Option<Client> {
        let _steady = steady();
        self.client.lock().clone()
    }

    /// Whether the cloud can be asked now.
    fn is_on_line(&self) -> bool {
        !self.ended.is_cancelled() && self.client().is_some_and(|client| client.is_connected())
    }

    /// Sends a message.
    pub fn publish(&self, topic: &str, qos: u8, payload: &[u8]) -> Option<()> {
        let sent = self.client()?.publish(topic, qos, payload);
        let is_full = sent == Err(MqttError::QueueFull);
        // Once for each time that it fills: programs send in loops.
        if !self.told_full.swap(is_full, Ordering::Relaxed) && is_full {
            crate::log!(
                Warning,
                "haas",
                "{}: message not sent: {MAX_UNACKNOWLEDGED} messages of QoS 1 wait for the broker's acknowledgement, \
                 which is the most; send again later, or with QoS 0 what may be lost",
                self.login.device
            );
        }
        sent.ok().map(drop)
    }

    /// Asks for the messages of a topic.
    pub fn subscribe(self: &Arc<Self>, topic: &str, qos: u8) -> Option<()> {
        let inbox = Inbox { device: Arc::downgrade(self), topic: Some(Kind::Any) };
        self.client()?.subscribe(topic, qos, Arc::new(inbox)).ok().map(drop)
    }

    /// Gives up the messages of a topic.
    pub fn unsubscribe(self: &Arc<Self>, topic: &str) -> Option<()> {
        let inbox = Inbox { device: Arc::downgrade(self), topic: Some(Kind::Any) };
        self.client()?.remove_handler(topic, &inbox).ok().map(drop)
    }

    /// Begins to listen for updates. A file named `system` is where new firmware goes.
    pub fn listen(self: &Arc<Self>) -> Option<()> {
        let inbox = Inbox { device: Arc::downgrade(self), topic: Some(Kind::Upgrade) };
        let topic = Topic::Upgrade.of(&self.login.device);
        // (Waited for: a report made right afterwards is answered at once.)
        self.client()?.subscribe_sync(&topic, 0, Arc::new(inbox), Duration::from_secs(5)).ok().map(drop)
    }

    /// Where new firmware of the device itself goes; without it, it is not fetched.
    pub fn set_system_path(&self, path: Option<&Path>) {
        self.system.lock().path = path.map(Path::to_owned);
    }

    /// Reports a module's version.
    pub fn report(&self, of: &identity::Device, name: &str, version: &str) -> Option<()> {
        let fits = |text: &str| (1..=module::MAX_NAME).contains(&text.len());
        if !fits(name) || !fits(version) {
            return None;
        }
        self.publish(&Topic::Inform.of(of), 1, module::inform(name, version).as_bytes())?;
        self.modules.lock().insert(name.to_owned(), version.to_owned());
        Some(())
    }

    /// Reports a module's progress, -4..=100.
    pub fn progress(&self, name: &str, step: i32, desc: &str) -> Option<()> {
        let fits = (-4..=100).contains(&step) && (1..=module::MAX_NAME).contains(&name.len());
        let payload = fits.then(|| module::progress(name, step, desc))?;
        self.publish(&Topic::Progress.of(&self.login.device), 1, payload.as_bytes())
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Any,
    Upgrade,
    GetReply,
}

struct Inbox {
    device: Weak<Device>,
    topic: Option<Kind>,
}

impl Handler for Inbox {
    fn on_event(&self, event: &MqttEvent<'_>) {
        let Some(device) = self.device.upgrade() else { return };
        // A broker that sends faster than the application takes has to wait.
        device.hub.events.wait_for_room(&device.ended);
        let _steady = steady();
        match (event, self.topic) {
            (MqttEvent::Message(message), Some(Kind::Upgrade)) => device.receive(message.payload),
            (MqttEvent::Message(message), Some(Kind::GetReply)) => device.receive_reply(message.payload),
            (MqttEvent::Message(message), _) => {
                let (topic, payload) = (message.topic.to_owned(), message.payload.to_vec());
                device.post(MESSAGE, 0, Content::Message { topic, payload });
            }
            (MqttEvent::Disconnected, None) => device.post(DISCONNECT, 0, Content::Nothing),
            (MqttEvent::Reconnected, None) => {
                device.post_connect();
                device.tell_owed();
            }
            (MqttEvent::Overflow { topic, text }, None) => device.dropped(topic, text),
            _ => {}
        }
    }

    fn identity(&self) -> (usize, usize) {
        (self.device.as_ptr().addr(), self.topic.map_or(0, |kind| kind as usize + 1))
    }

    fn max_payload(&self) -> Option<usize> {
        matches!(self.topic, Some(Kind::Upgrade | Kind::GetReply)).then_some(MAX_OFFER)
    }
}

#[cfg(test)]
mod tests;
