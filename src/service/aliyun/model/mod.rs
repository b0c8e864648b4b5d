// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device model: a master device on its connection, and the sub-devices that it speaks for.
//!
//! ```text
//! MQTT ─► Inlet ─► inbound: decode, match with what is pending ─► Queue ─► next_event ─► the application
//! the application ─► report, trigger, ask ─► envelope ─► MQTT
//! ```
//!
//! Messages are decoded in whatever thread serves the connection; the application is told only where it asks for events.
//! No lock is held while the MQTT client, an OTA service or the application is called.

mod event;
mod gateway;
mod inbound;
mod nodes;
mod pending;
mod progress;
mod report;
mod update;

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use otakit_core::platform::aliyun::identity::Device;
use otakit_core::platform::aliyun::model::{Down, envelope};
use parking_lot::Mutex;

use crate::mqtt::{Client, MqttError};
use crate::service::aliyun::{Content, Ota, OtaError, message_id};
use crate::service::gate::Gate;
use event::Queue;
pub use event::{DeviceStatus, Event, ReplyTo};
use inbound::Inlet;
use nodes::Nodes;
use pending::{Expect, Pending};
pub use report::Post;
pub use update::Kind;

/// How long an answer of the cloud is waited for.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// The code of a message that was not answered.
pub const CODE_TIMEOUT: i32 = 100_000;
/// How long one subscription is waited for.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long all subscriptions of a device are waited for; those that are left are not waited for.
const SUBSCRIBE_TOTAL: Duration = Duration::from_secs(15);

/// Most calls of the cloud that are kept to be answered later.
const MAX_CALLS: usize = 64;

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// Not allowed now: not connected, connected already, closed.
    State,
    /// No such device.
    Device,
    /// An argument cannot be used.
    Invalid,
    /// The message could not be sent.
    Signal,
    /// The cloud refused, with this code.
    Refused(i32),
    /// The cloud did not answer.
    Timeout,
    /// The update module failed.
    Ota(OtaError),
    /// The image is complete and not what was promised.
    Digest,
}

impl From<OtaError> for ModelError {
    fn from(error: OtaError) -> Self {
        Self::Ota(error)
    }
}

/// What a device listens to, beyond what every device does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Answers to properties and events.
    pub event_replies: bool,
    /// Desired properties, and queries of properties.
    pub shadow: bool,
    /// What concerns a gateway.
    pub gateway: bool,
    /// Notices of the platform.
    pub notices: bool,
    /// Being disabled, enabled and deleted.
    pub status: bool,
}

/// Opens the OTA service of a device.
pub type OtaMaker = Box<dyn Fn(Device) -> Result<Arc<Ota>, OtaError> + Send + Sync>;

/// Where the master stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    Connecting,
    Connected,
    Closed,
}

#[derive(Default)]
struct State {
    phase: Phase,
    client: Option<Client>,
    wants: Wants,
    nodes: Nodes,
    pending: Pending,
    events: Queue,
    otas: Vec<(i32, Arc<Ota>)>,
    /// The device that update calls are about when they do not say.
    ota_device: i32,
    /// Devices whose download is under way.
    downloading: Vec<i32>,
    /// The notice that the application was told last and has not answered.
    notice: Option<ReplyTo>,
    /// Calls of the cloud that are to be answered later, by number.
    calls: VecDeque<(usize, ReplyTo)>,
    last_call: usize,
}

/// A device that holds the connection, and its sub-devices. All methods may be called from any thread.
pub struct Master {
    me: Weak<Self>,
    device: Device,
    make_ota: OtaMaker,
    state: Mutex<State>,
    gate: Gate,
}

impl Master {
    /// Opens the master; its OTA service listens as soon as there is a connection.
    pub fn open(device: Device, make_ota: OtaMaker) -> Result<Arc<Self>, ModelError> {
        let master = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            device: device.clone(),
            make_ota,
            state: Mutex::default(),
            gate: Gate::default(),
        });
        master.open_ota(0, device)?;
        Ok(master)
    }

    /// The master's names.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Begins to connect: [`ModelError::State`] when that was done already. [`Master::connected`] or
    /// [`Master::disconnected`] ends it.
    pub fn connecting(&self) -> Result<(), ModelError> {
        let mut state = self.state.lock();
        match state.phase {
            Phase::Open => {
                state.phase = Phase::Connecting;
                Ok(())
            }
            _ => Err(ModelError::State),
        }
    }

    /// The connection did not come about.
    pub fn disconnected(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Connecting {
            state.phase = Phase::Open;
        }
    }

    /// The connection stands: subscribes, each one awaited. What is refused or not answered is left out.
    pub fn connected(&self, client: Client, mut wants: Wants) -> Result<(), ModelError> {
        {
            let mut state = self.state.lock();
            if state.phase != Phase::Connecting {
                return Err(ModelError::State);
            }
            state.client = Some(client.clone());
            wants.gateway |= !state.nodes.is_empty();
            state.wants = wants;
        }
        self.push(Event::Connected);
        self.subscribe(&client, 0, &self.device, wants);
        let mut state = self.state.lock();
        if state.phase != Phase::Connecting {
            return Err(ModelError::State);
        }
        state.phase = Phase::Connected;
        Ok(())
    }

    /// A handler for what no subscription takes: the connection's own events.
    pub fn link_handler(&self) -> Arc<dyn crate::mqtt::Handler> {
        Arc::new(inbound::Link(self.me.clone()))
    }

    /// Whether calls to the cloud are possible.
    pub fn is_connected(&self) -> bool {
        self.state.lock().phase == Phase::Connected
    }

    /// To be passed by each call into the application that an event makes.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Ends all: transfers, waiting callers, subscriptions kept here. The connection is the caller's to end, before. Waits
    /// for an event that another thread delivers.
    pub fn close(&self) {
        let (otas, client) = {
            let mut state = self.state.lock();
            state.phase = Phase::Closed;
            let otas = std::mem::take(&mut state.otas);
            state.pending = Pending::default();
            state.events = Queue::default();
            state.nodes = Nodes::default();
            (otas, state.client.take())
        };
        for (_, ota) in otas {
            ota.close();
        }
        drop(client);
        self.gate.shut();
    }

    /// Serves the connection for `duration`, and gives up on answers that are overdue. Handlers that the application
    /// itself subscribed run inside.
    pub fn serve(&self, duration: Duration) -> Result<(), ModelError> {
        self.serve_while(duration, &|| true)
    }

    /// As [`Master::serve`], but returns early when many events wait for the application.
    pub fn serve_for_events(&self, duration: Duration) -> Result<(), ModelError> {
        self.serve_while(duration, &|| self.state.lock().events.has_room())
    }

    /// Whether anything can still come: not once its client was ended, for good or in the parent of this process.
    pub fn is_open(&self) -> bool {
        self.client().is_ok_and(|client| client.is_open())
    }

    fn serve_while(&self, duration: Duration, more: &dyn Fn() -> bool) -> Result<(), ModelError> {
        // Asked after each event, of which one is that the link is back.
        let more = || {
            self.settle();
            more()
        };
        self.client()?.yield_while(duration, &more).map_err(signal)?;
        let overdue = self.state.lock().pending.overdue(Instant::now());
        for (msgid, expect) in overdue {
            match expect {
                Expect::Report { devid } => {
                    self.push(Event::Report { devid, msgid, code: CODE_TIMEOUT, text: None });
                }
                Expect::Event { devid, name } => {
                    let message = String::new();
                    self.push(Event::EventReply { devid, msgid, code: CODE_TIMEOUT, name, message });
                }
                Expect::TopoList => {
                    self.push(Event::TopoList { msgid, code: CODE_TIMEOUT, list: String::new() });
                }
                Expect::Caller(_) => {}
            }
        }
        Ok(())
    }

    /// Lets each update tell the cloud what it could not tell before.
    fn settle(&self) {
        let otas: Vec<_> = self.state.lock().otas.iter().map(|(_, ota)| ota.clone()).collect();
        for ota in otas {
            ota.settle(true);
        }
    }

    /// What the application is to be told next.
    pub fn next_event(&self) -> Option<Event> {
        self.state.lock().events.pop()
    }

    /// How many events wait.
    pub fn events_waiting(&self) -> usize {
        self.state.lock().events.len()
    }

    /// Keeps a call that is to be answered later; the oldest is forgotten when there are too many. Its number, not 0.
    pub fn remember_call(&self, reply: ReplyTo) -> usize {
        let mut state = self.state.lock();
        if state.calls.len() >= MAX_CALLS {
            state.calls.pop_front();
        }
        state.last_call = state.last_call.wrapping_add(1).max(1);
        let number = state.last_call;
        state.calls.push_back((number, reply));
        number
    }

    /// A call that was kept, once.
    pub fn take_call(&self, number: usize) -> Option<ReplyTo> {
        let mut state = self.state.lock();
        let index = state.calls.iter().position(|(kept, _)| *kept == number)?;
        state.calls.remove(index).map(|(_, reply)| reply)
    }

    /// The application is told of a notice: [`Master::answer_notice`] is about this one.
    pub fn told_notice(&self, reply: ReplyTo) {
        self.state.lock().notice = Some(reply);
    }

    /// Answers the notice that the application was told last, once. `data` must be JSON.
    pub fn answer_notice(&self, data: &[u8]) -> Result<(), ModelError> {
        self.client()?;
        let data = envelope::well_formed(data).ok_or(ModelError::Invalid)?;
        let to = self.state.lock().notice.take().ok_or(ModelError::State)?;
        self.answer(&to, 200, data.as_ref())
    }

    /// Answers a call of the cloud. `data` must be JSON.
    pub fn answer(&self, to: &ReplyTo, code: i32, data: &[u8]) -> Result<(), ModelError> {
        let data = envelope::well_formed(data).ok_or(ModelError::Invalid)?;
        self.publish(&to.topic, 0, envelope::encode_reply(&to.id, code, data).as_bytes())
    }

    /// The device with this id: 0 is the master.
    pub fn device_of(&self, devid: i32) -> Result<Device, ModelError> {
        if devid == 0 {
            return Ok(self.device.clone());
        }
        self.state.lock().nodes.get(devid).map(|node| node.device.clone()).ok_or(ModelError::Device)
    }

    /// The id of a device; `None` when it was not opened.
    pub fn devid_of(&self, device: &Device) -> Option<i32> {
        if device == &self.device {
            return Some(0);
        }
        self.state.lock().nodes.find(device).map(|node| node.id)
    }

    fn client(&self) -> Result<Client, ModelError> {
        let state = self.state.lock();
        match state.phase {
            Phase::Connected => state.client.clone().ok_or(ModelError::State),
            _ => Err(ModelError::State),
        }
    }

    fn publish(&self, topic: &str, qos: u8, payload: &[u8]) -> Result<(), ModelError> {
        let client = self.state.lock().client.clone().ok_or(ModelError::State)?;
        client.publish(topic, qos, payload).map(drop).map_err(|error| {
            crate::log!(Warning, "model", "{topic}: {error}");
            signal(error)
        })
    }

    /// Sends a request; `expect` says who wants to know how it ends.
    fn call(
        &self,
        topic: &str,
        method: &str,
        params: &[u8],
        expect: Option<Expect>,
    ) -> Result<u32, ModelError> {
        self.call_within(topic, method, params, expect, REPLY_TIMEOUT, &|_| ())
    }

    /// As [`Master::call`], with another time for the answer; `noted` hears the message's id before it is sent.
    fn call_within(
        &self,
        topic: &str,
        method: &str,
        params: &[u8],
        expect: Option<Expect>,
        within: Duration,
        noted: &dyn Fn(u32),
    ) -> Result<u32, ModelError> {
        self.client()?;
        let params = envelope::well_formed(params).ok_or(ModelError::Invalid)?;
        let id = message_id::next();
        noted(id);
        if let Some(expect) = expect {
            self.state.lock().pending.add(id, expect, Instant::now() + within);
        }
        let sent = self.publish(topic, 0, envelope::encode_call(id, method, params).as_bytes());
        sent.inspect_err(|_| self.state.lock().pending.forget(id))?;
        Ok(id)
    }

    fn push(&self, event: Event) -> bool {
        let mut state = self.state.lock();
        if state.phase == Phase::Closed {
            return false;
        }
        let taken = state.events.push(event);
        drop(state);
        if !taken {
            crate::log!(Error, "model", "an event is lost: the application does not take them");
        }
        taken
    }

    /// Subscribes what a device listens to, in the reference's order.
    fn subscribe(&self, client: &Client, devid: i32, device: &Device, wants: Wants) {
        let deadline = Instant::now() + SUBSCRIBE_TOTAL;
        let replies = wants.event_replies.then_some(Down::EventReply);
        let shadow = wants.shadow.then_some(Down::SHADOW);
        let gateway = (wants.gateway && devid == 0).then_some(Down::GATEWAY);
        let all = replies.into_iter().chain(shadow.into_iter().flatten());
        let all = all.chain(Down::COMMON).chain(wants.notices.then_some(Down::Notice));
        let status = (wants.status && gateway.is_none()).then_some(Down::STATUS);
        let all = all.chain(gateway.into_iter().flatten()).chain(status.into_iter().flatten());
        for down in all {
            self.subscribe_one(client, devid, device, down, deadline);
        }
    }

    fn subscribe_one(&self, client: &Client, devid: i32, device: &Device, down: Down, deadline: Instant) {
        let filter = down.filter(device);
        let inlet = Arc::new(Inlet { master: self.me.clone(), devid, device: device.clone(), down });
        let left = deadline.saturating_duration_since(Instant::now()).min(SUBSCRIBE_TIMEOUT);
        let waited = if left.is_zero() {
            Err(MqttError::NotConnected)
        } else {
            client.subscribe_sync(&filter, 0, inlet.clone(), left).map(drop)
        };
        let outcome = match waited {
            Err(MqttError::NotConnected | MqttError::Network) => client.subscribe_lasting(&filter, 0, inlet),
            outcome => outcome,
        };
        if let Err(error) = outcome {
            crate::log!(Warning, "model", "{filter}: {error}");
        }
    }

    fn open_ota(&self, devid: i32, device: Device) -> Result<Arc<Ota>, ModelError> {
        if let Some(ota) = self.ota(devid) {
            return Ok(ota);
        }
        let ota = (self.make_ota)(device)?;
        let hook = |me: Weak<Self>| {
            Arc::new(move |content: &Content, ended: bool| {
                if let Some(master) = me.upgrade().filter(|_| !ended) {
                    master.push(match content {
                        Content::Firmware(firmware) => {
                            Event::Firmware { devid, version: firmware.offer.version.clone() }
                        }
                        Content::Config(config) => Event::Config { devid, config: config.clone() },
                    });
                }
            })
        };
        ota.on_firmware(hook(self.me.clone()));
        ota.on_config(hook(self.me.clone()));
        self.state.lock().otas.push((devid, ota.clone()));
        Ok(ota)
    }

    fn ota(&self, devid: i32) -> Option<Arc<Ota>> {
        self.state.lock().otas.iter().find(|(id, _)| *id == devid).map(|(_, ota)| ota.clone())
    }
}

fn signal(error: MqttError) -> ModelError {
    match error {
        MqttError::Closed => ModelError::State,
        _ => ModelError::Signal,
    }
}
