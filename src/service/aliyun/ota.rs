// SPDX-License-Identifier: MIT OR Apache-2.0
//! Aliyun's OTA for one device: what Link Kit's `IOT_OTA_*` stand for, without C.

mod orders;
mod renewal;
mod told;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use otakit_core::failure::Failure;
use otakit_core::phase::Phase;
use otakit_core::platform::aliyun::config::{self, Config};
use otakit_core::platform::aliyun::identity::Device;
use otakit_core::platform::aliyun::offer::Firmware;
use otakit_core::platform::aliyun::report;
use otakit_core::platform::aliyun::topics::Topic;
use parking_lot::Mutex;

use crate::engine::{self, Put, Session};
use crate::fetch::Source;
use crate::service::gate::Gate;
use crate::service::mailbox::Mailbox;
use crate::service::{Listener, Signal, SignalError};
#[cfg(feature = "delta")]
use crate::store::BaseAt;
use orders::Orders;
use told::Told;

/// Longest version text that is reported, in bytes.
const MAX_VERSION: usize = 32;

/// The step that says that the image is not the one that was promised.
const WRONG: i32 = -3;

/// Why a call failed. The numbers of `IOT_OTA_Err_t` stand in the C layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtaError {
    /// A value does not fit what is asked for.
    General,
    /// An argument is out of range, or the cloud's message could not be used.
    Invalid,
    /// Not allowed now.
    State,
    /// A text is too long.
    TooLong,
    /// The image did not come.
    Fetch,
    /// Out of memory.
    NoMemory,
    /// The signal channel failed.
    Signal,
}

impl From<Failure> for OtaError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::State => Self::State,
            Failure::NoMemory | Failure::Resources => Self::NoMemory,
            Failure::Fetch(_)
            | Failure::Digest
            | Failure::Signature
            | Failure::TooSlow
            | Failure::Deadline
            | Failure::OtherImage
            | Failure::Delta(_)
            | Failure::Cancelled => Self::Fetch,
            Failure::Policy(_) => Self::Invalid,
            Failure::Store(_) | Failure::Internal => Self::General,
        }
    }
}

/// What the last offer carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A firmware image.
    Firmware(Firmware),
    /// A remote configuration.
    Config(Config),
}

/// Called with no lock held: when an offer was taken (`false`, on the thread that yields), and when its download has
/// ended, well or not (`true`, on the thread that fetches).
pub type Hook = Arc<dyn Fn(&Content, bool) + Send + Sync>;

/// How a session fetches; see [`engine::Settings`].
pub type Settings = engine::Settings;

/// One device's OTA service.
pub struct Ota {
    device: Device,
    signal: Arc<dyn Signal>,
    session: Session,
    listeners: Mutex<Vec<(Topic, Arc<dyn Listener>)>>,
    state: Mutex<State>,
    renewals: Mailbox<Content>,
    /// The image that runs, for delta packages; without it none is taken.
    #[cfg(feature = "delta")]
    base: Mutex<Option<BaseAt>>,
    /// Around the application's hooks.
    gate: Gate,
}

#[derive(Default)]
struct State {
    content: Option<Content>,
    /// The version that runs, as far as it is known.
    running: Option<String>,
    orders: Orders,
    told: Told,
    last_error: Option<OtaError>,
    firmware_hook: Option<Hook>,
    config_hook: Option<Hook>,
}

impl Ota {
    /// Opens the service and subscribes the device's four topics. `running` is the firmware's version, if known.
    pub fn open(
        device: Device,
        running: Option<String>,
        signal: Arc<dyn Signal>,
        source: Arc<dyn Source>,
        settings: Settings,
    ) -> Result<Arc<Self>, OtaError> {
        let session = Session::new(source);
        session.configure(settings);
        let ota = Arc::new(Self {
            device,
            signal,
            session,
            listeners: Mutex::default(),
            state: Mutex::new(State { running, ..State::default() }),
            renewals: Mailbox::default(),
            #[cfg(feature = "delta")]
            base: Mutex::default(),
            gate: Gate::default(),
        });
        ota.session.set_renewal(Some(Arc::new(renewal::Renewal::of(&ota))));
        for (topic, qos) in Topic::SUBSCRIBED {
            if ota.listen(topic, qos).is_err() {
                ota.close();
                return Err(OtaError::Signal);
            }
        }
        Ok(ota)
    }

    /// Subscribes one topic; a second time is nothing.
    fn listen(self: &Arc<Self>, topic: Topic, qos: u8) -> Result<(), SignalError> {
        let listener: Arc<dyn Listener> = Arc::new(Inbox { ota: Arc::downgrade(self), topic });
        {
            let mut listeners = self.listeners.lock();
            if listeners.iter().any(|(known, _)| *known == topic) {
                return Ok(());
            }
            listeners.push((topic, listener.clone()));
        }
        self.signal.subscribe(&topic.of(&self.device), qos, listener).inspect_err(|_| {
            // It may work another time.
            self.listeners.lock().retain(|(known, _)| *known != topic);
        })
    }

    /// Closes it: ends a transfer, unsubscribes. A read under way in another thread returns at once. Idempotent. Once it
    /// has returned no hook runs any more, except for the one that it was called in: one in another thread is waited for.
    pub fn close(&self) {
        self.cancel();
        let listeners = std::mem::take(&mut *self.listeners.lock());
        for (topic, listener) in listeners {
            self.signal.unsubscribe(&topic.of(&self.device), &listener);
        }
        self.gate.shut();
    }

    /// The device it serves.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The session, for what needs no platform.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Sets the image that runs: from now on offers of delta packages are taken. `None`: whole images alone.
    #[cfg(feature = "delta")]
    pub fn set_base(&self, base: Option<BaseAt>) {
        *self.base.lock() = base;
    }

    /// The image that runs, as far as it was told.
    #[cfg(feature = "delta")]
    pub fn base(&self) -> Option<BaseAt> {
        self.base.lock().clone()
    }

    fn takes_deltas(&self) -> bool {
        #[cfg(feature = "delta")]
        return self.base.lock().is_some();
        #[cfg(not(feature = "delta"))]
        false
    }

    /// What the last offer carried.
    pub fn content(&self) -> Option<Content> {
        self.state.lock().content.clone()
    }

    /// Notes an error as the last one, and hands it on.
    pub fn note(&self, error: OtaError) -> OtaError {
        self.state.lock().last_error = Some(error);
        error
    }

    /// The last error noted. Success does not clear it.
    pub fn last_error(&self) -> Option<OtaError> {
        self.state.lock().last_error
    }

    /// Sets what is called when a firmware is on offer.
    pub fn on_firmware(&self, hook: Hook) {
        self.state.lock().firmware_hook = Some(hook);
    }

    /// Sets what is called when a remote configuration is on offer.
    pub fn on_config(&self, hook: Hook) {
        self.state.lock().config_hook = Some(hook);
    }

    /// Tells the cloud which version runs (1..=32 bytes).
    pub fn report_version(&self, version: &str) -> Result<(), OtaError> {
        self.state.lock().orders.asked_by_application();
        self.send_version(Topic::Inform, version)?;
        self.state.lock().running = Some(version.to_owned());
        self.settle(true);
        Ok(())
    }

    /// Asks the cloud for an offer beyond the version that runs (1..=32 bytes).
    pub fn request_image(&self, version: &str) -> Result<(), OtaError> {
        self.state.lock().orders.asked_by_application();
        self.send_version(Topic::Request, version)
    }

    fn send_version(&self, topic: Topic, version: &str) -> Result<(), OtaError> {
        if !is_reported(version) {
            return Err(self.note(OtaError::Invalid));
        }
        self.send(topic, 1, &report::version(version))
    }

    /// Asks the cloud for the remote configuration.
    pub fn request_config(&self, scope: &str, get_type: &str, attribute_keys: &str) -> Result<(), OtaError> {
        self.state.lock().orders.asked_by_application();
        self.send(Topic::ConfigGet, 0, &config::encode_get(scope, get_type, attribute_keys))
    }

    fn send(&self, topic: Topic, qos: u8, payload: &str) -> Result<(), OtaError> {
        self.say(topic, qos, payload).map_err(|_| self.note(OtaError::Signal))
    }

    /// As `send`, for what the application did not ask for: a failure is no error of its.
    fn say(&self, topic: Topic, qos: u8, payload: &str) -> Result<(), SignalError> {
        self.signal.publish(&topic.of(&self.device), qos, payload.as_bytes())
    }

    /// Hands the next bytes of the image to `put`, at most `room`; see [`Session::read_with`]. The first bytes are
    /// reported to the cloud as the start of the download.
    pub fn fetch(&self, room: usize, timeout: Duration, put: Put<'_>) -> Result<usize, OtaError> {
        if self.session.current().is_some_and(|offer| offer.is_delta) {
            crate::log!(
                Error,
                "ota",
                "{}: the offer is a delta package, whose bytes are no image: fetch it with \
                 otakit_linkkit_ota_download_file",
                self.device
            );
            return Err(self.note(OtaError::State));
        }
        let read = self.session.read_with(room, timeout, put);
        let begun = !matches!(read, Err(Failure::State));
        let came = read.as_ref().is_ok_and(|read| read.bytes > 0);
        if begun {
            let over = self.session.phase() == Phase::Finished;
            self.state.lock().told.fetched(Instant::now(), came, over);
        }
        if begun && self.is_finished() {
            self.call_hook(true);
        }
        if came && read.as_ref().is_ok_and(|read| read.first) {
            // The download does not depend on the cloud's hearing of it.
            let _ = self.say(Topic::Progress, 0, &report::progress(0, report::ENTERED_DOWNLOADING));
        }
        self.settle(came || (begun && read.is_err()));
        read.map(|read| read.bytes).map_err(|failure| self.note(failure.into()))
    }

    /// The image at hand is fetched in another way than through [`Ota::fetch`]; `came`: bytes.
    pub fn is_fetched(&self, came: bool) {
        let over = self.session.phase() == Phase::Finished;
        self.state.lock().told.fetched(Instant::now(), came, over);
        self.settle(came || over);
    }

    /// The verdict over the image: complete, and of the promised digest. The same answer each time; the cloud is told
    /// once of a wrong digest.
    pub fn verdict(&self) -> Result<bool, OtaError> {
        let valid = self.session.verdict().ok_or_else(|| self.note(OtaError::State))?;
        let complete = self.session.progress().is_some_and(|(fetched, size)| fetched == size);
        let firmware = {
            let mut state = self.state.lock();
            state.orders.judged();
            state.told.first_verdict() && matches!(state.content, Some(Content::Firmware(_)))
        };
        if !valid && complete && firmware {
            self.tell(WRONG);
        }
        Ok(valid)
    }

    fn call_hook(&self, ended: bool) {
        let (hook, content) = {
            let state = self.state.lock();
            let hook = match &state.content {
                Some(Content::Firmware(_)) => state.firmware_hook.clone(),
                Some(Content::Config(_)) => state.config_hook.clone(),
                None => None,
            };
            (hook, state.content.clone())
        };
        if let (Some(hook), Some(content)) = (hook, content)
            && let Some(_pass) = self.gate.enter()
        {
            hook(&content, ended);
        }
    }

    /// Gives the offer up and waits for the next one, as if there had been none.
    pub fn forget_offer(&self) {
        self.cancel();
        let mut state = self.state.lock();
        state.content = None;
        state.orders.judged();
    }

    /// Whether bytes are wanted now.
    pub fn is_fetching(&self) -> bool {
        self.session.phase() == Phase::Fetching
    }

    /// Whether the last download has ended, well or not.
    pub fn is_finished(&self) -> bool {
        self.session.phase() == Phase::Finished && self.state.lock().content.is_some()
    }
}

impl Drop for Ota {
    fn drop(&mut self) {
        self.close();
    }
}

/// Whether the platform takes a version's text.
fn is_reported(version: &str) -> bool {
    (1..=MAX_VERSION).contains(&version.len())
}

struct Inbox {
    ota: Weak<Ota>,
    topic: Topic,
}

impl Listener for Inbox {
    fn on_message(&self, payload: &[u8]) {
        if let Some(ota) = self.ota.upgrade() {
            ota.receive(self.topic, payload);
        }
    }

    fn insists(&self) -> bool {
        // Without this one a fresh URL can come in another way.
        self.topic != Topic::FirmwareGetReply
    }
}

#[cfg(test)]
mod tests;
