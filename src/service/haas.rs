// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device as HaaS has it: its connection to Aliyun, and the updates of its modules. Everything that takes time happens
//! on threads of its own, everything that happens becomes an event.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;

use super::events::Events;
use super::package;
use crate::cancel::Cancel;
use crate::digest::{Algorithm, Expected, Hasher};
use crate::engine::policy::compare_versions;
use crate::engine::{Failure, Settings};
use crate::fetch::http::HttpSource;
use crate::mqtt::{Client, Event as MqttEvent, Handler, Options, Subscription};
use crate::net::{Dial, Target};
use crate::platform::aliyun::identity::{self, SecureMode};
use crate::platform::aliyun::module::{self, Upgrade};
use crate::platform::aliyun::topics::Topic;

/// Largest message taken and sent.
const MAX_PACKET: usize = 16 * 1024;
/// Longest time between two looks at the end.
const SLICE: Duration = Duration::from_millis(100);
/// Time for the goodbye.
const GRACE: Duration = Duration::from_millis(500);

/// Connected; the value is 0.
pub const CONNECT: i64 = 1;
/// Ended by the application.
pub const CLOSE: i64 = 2;
/// Connection lost; it is being made again.
pub const DISCONNECT: i64 = 3;
/// A message on a subscribed topic, as `{"topic":…,"payload":…}`.
pub const MESSAGE: i64 = 6;
/// No connection came about.
pub const ERROR: i64 = 8;
/// An update is on offer.
pub const TRIGGER: i64 = 101;
/// A download ended.
pub const DOWNLOAD: i64 = 102;
/// A verification ended.
pub const VERIFY: i64 = 103;
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
    /// JSON, or empty.
    pub text: String,
}

/// Where events of all devices go.
pub type Queue = Arc<Events<Event>>;

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
    queue: Queue,
    client: Mutex<Option<Client>>,
    ended: Cancel,
    modules: Mutex<BTreeMap<String, String>>,
    system: Mutex<Option<PathBuf>>,
    settings: Settings,
    source: Box<dyn Fn() -> HttpSource + Send + Sync>,
}

impl Device {
    /// A device that nobody has connected yet.
    pub fn new(
        id: i64,
        login: Login,
        queue: Queue,
        settings: Settings,
        source: Box<dyn Fn() -> HttpSource + Send + Sync>,
    ) -> Self {
        Self {
            id,
            login,
            queue,
            client: Mutex::default(),
            ended: Cancel::new(),
            modules: Mutex::default(),
            system: Mutex::default(),
            settings,
            source,
        }
    }

    fn post(&self, kind: i64, value: i64, text: String) {
        self.queue.post(Event { device: self.id, kind, value, text }, false);
    }

    /// Begins to connect. The outcome is an event. `false`: no thread.
    pub fn connect(self: &Arc<Self>, dial: Arc<dyn Dial>) -> bool {
        let device = Arc::clone(self);
        let thread = crate::thread::named("otakit-haas");
        thread.spawn(move || device.run(dial)).is_ok()
    }

    fn run(self: &Arc<Self>, dial: Arc<dyn Dial>) {
        let login = &self.login;
        let signed = identity::credentials(&login.device, &login.secret, login.mode, "");
        let options = Options {
            target: login.target.clone(),
            client_id: signed.client_id,
            username: signed.username,
            password: signed.password,
            clean_session: true,
            keepalive: login.keepalive,
            request_timeout: Duration::from_secs(2),
            max_packet_in: MAX_PACKET,
            max_packet_out: MAX_PACKET,
        };
        let link: Arc<dyn Handler> = Arc::new(Inbox { device: Arc::downgrade(self), topic: None });
        match Client::connect(dial, options, Some(link), Vec::<Subscription>::new()) {
            Ok(client) => {
                *self.client.lock() = Some(client.clone());
                self.post(CONNECT, 0, r#"{"code":0}"#.to_owned());
                while !self.ended.is_cancelled() && client.yield_for(SLICE).is_ok() {}
                self.client.lock().take();
                client.disconnect(GRACE);
                self.post(CLOSE, 0, String::new());
            }
            Err(error) => {
                crate::log!(Error, "haas", "{}: {error}", login.device);
                self.post(ERROR, -1, json!({"code": -1, "message": error.to_string()}).to_string());
            }
        }
    }

    /// Ends the connection; the event comes once it has ended.
    pub fn end(&self) {
        self.ended.cancel();
    }

    fn client(&self) -> Option<Client> {
        self.client.lock().clone()
    }

    /// Sends a message.
    pub fn publish(&self, topic: &str, qos: u8, payload: &[u8]) -> Option<()> {
        self.client()?.publish(topic, qos, payload).ok().map(drop)
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
        *self.system.lock() = path.map(Path::to_owned);
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

    fn receive(self: &Arc<Self>, payload: &[u8]) {
        match module::decode(payload) {
            Ok(upgrade) if upgrade.module == module::DEFAULT => self.receive_system(upgrade),
            Ok(upgrade) => {
                let _ = self.progress(&upgrade.module, 1, "");
                self.post(TRIGGER, 0, describe(&upgrade));
            }
            Err(refusal) => {
                crate::log!(Warning, "haas", "{}: message refused: {refusal}", self.login.device);
                let _ = self.progress(module::DEFAULT, -1, "OTA transport parse failed");
            }
        }
    }

    /// The device's own firmware: fetched and verified here, installed by the application.
    fn receive_system(self: &Arc<Self>, upgrade: Upgrade) {
        let running = self.modules.lock().get(module::DEFAULT).cloned().unwrap_or_default();
        if compare_versions(&upgrade.firmware.offer.version, &running).is_le() {
            crate::log!(Warning, "haas", "{}: offered firmware is not newer", self.login.device);
            let _ = self.progress(module::DEFAULT, -1, "OTA transport version is too old");
            return;
        }
        let _ = self.progress(module::DEFAULT, 1, "");
        let Some(path) = self.system.lock().clone() else {
            self.post(SYSTEM, -1, describe(&upgrade));
            return;
        };
        let device = Arc::clone(self);
        let work = move || {
            let offer = &upgrade.firmware.offer;
            let mut told = 0;
            let watch = &mut |stored, size| {
                let percent = crate::engine::progress::percent(stored, size);
                if percent >= told + 5 {
                    told = percent;
                    let _ = device.progress(module::DEFAULT, percent.into(), "");
                }
            };
            let source = (device.source)();
            let settings = device.settings.clone();
            let got = package::fetch(
                source,
                settings,
                &offer.url,
                Some(&offer.digest),
                &path,
                &device.ended,
                watch,
            );
            let value = match got {
                Ok(received) if received.size == offer.size => 0,
                Ok(_) => -6,
                Err(ref failure) => code_of_ota(failure),
            };
            if value < 0 {
                let step = if value <= -10 { -3 } else { -2 };
                let _ = device.progress(module::DEFAULT, step, "");
            }
            device.post(SYSTEM, value, describe(&upgrade));
        };
        if std::thread::Builder::new().spawn(work).is_err() {
            self.post(SYSTEM, -1, String::new());
        }
    }
}

fn describe(upgrade: &Upgrade) -> String {
    let offer = &upgrade.firmware.offer;
    let hash_type = match offer.digest.algorithm() {
        Algorithm::Md5 => "md5",
        Algorithm::Sha256 => "sha256",
    };
    json!({
        "length": offer.size,
        "module_name": upgrade.module,
        "version": offer.version,
        "url": offer.url,
        "hash": offer.digest.to_hex().to_ascii_uppercase(),
        "hash_type": hash_type,
    })
    .to_string()
}

/// Fetches a file; the outcome is an event of value 0 or a negative code. `false`: no thread.
pub fn download(queue: &Queue, source: HttpSource, settings: Settings, url: String, path: PathBuf) -> bool {
    background(queue, DOWNLOAD, move || {
        package::fetch(source, settings, &url, None, &path, &Cancel::new(), &mut |_, _| {})
            .map_or_else(|failure| code_of_ota(&failure), |_| 0)
    })
}

/// Checks a file's length and digest; the outcome is an event of value 0 or a negative code. `false`: no thread.
pub fn verify(queue: &Queue, length: u64, path: PathBuf, expected: Expected) -> bool {
    background(queue, VERIFY, move || check(length, &path, &expected))
}

fn check(length: u64, path: &Path, expected: &Expected) -> i64 {
    let mut hasher = Hasher::new(expected.algorithm());
    let size = std::fs::File::open(path).and_then(|mut file| {
        let (mut piece, mut size) = (vec![0; 16 * 1024], 0u64);
        loop {
            let n = std::io::Read::read(&mut file, &mut piece)?;
            if n == 0 {
                return Ok(size);
            }
            hasher.update(piece.get(..n).unwrap_or_default());
            size += n as u64;
        }
    });
    match size {
        Err(_) => -17,
        Ok(size) if size != length => -13,
        Ok(_) if hasher.finish(expected.algorithm()).is_some_and(|digest| expected.matches(&digest)) => 0,
        Ok(_) if expected.algorithm() == Algorithm::Md5 => -10,
        Ok(_) => -11,
    }
}

fn background(queue: &Queue, kind: i64, work: impl FnOnce() -> i64 + Send + 'static) -> bool {
    let queue = Arc::clone(queue);
    let work = move || queue.post(Event { device: 0, kind, value: work(), text: String::new() }, false);
    std::thread::Builder::new().name("otakit-haas".to_owned()).spawn(work).is_ok()
}

#[derive(Clone, Copy)]
enum Kind {
    Any,
    Upgrade,
}

struct Inbox {
    device: Weak<Device>,
    topic: Option<Kind>,
}

impl Handler for Inbox {
    fn on_event(&self, event: &MqttEvent<'_>) {
        let Some(device) = self.device.upgrade() else { return };
        match (event, self.topic) {
            (MqttEvent::Message(message), Some(Kind::Upgrade)) => device.receive(message.payload),
            (MqttEvent::Message(message), _) => {
                let payload = String::from_utf8_lossy(message.payload);
                device.post(MESSAGE, 0, json!({"topic": message.topic, "payload": payload}).to_string());
            }
            (MqttEvent::Disconnected, None) => device.post(DISCONNECT, 0, String::new()),
            (MqttEvent::Reconnected, None) => device.post(CONNECT, 0, r#"{"code":0}"#.to_owned()),
            _ => {}
        }
    }

    fn identity(&self) -> (usize, usize) {
        (self.device.as_ptr().addr(), self.topic.map_or(0, |kind| kind as usize + 1))
    }
}

/// The code of AliOS Things for a failure of a download.
fn code_of_ota(failure: &Failure) -> i64 {
    use crate::fetch::FetchError;
    match failure {
        Failure::Digest => -11,
        Failure::Signature => -12,
        Failure::Store(crate::store::StoreError::Full) => -16,
        Failure::Store(_) => -14,
        Failure::Policy(_) | Failure::Fetch(FetchError::Url(_)) => -25,
        Failure::Fetch(FetchError::Net(_)) => -7,
        Failure::Fetch(FetchError::Status { .. } | FetchError::Length { .. } | FetchError::Protocol) => -6,
        Failure::Fetch(FetchError::Redirect | FetchError::InsecureRedirect | FetchError::Forbidden) => -8,
        Failure::Fetch(_) => -9,
        _ => -5,
    }
}
