// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a gateway does for its sub-devices. Calls that wait serve the connection themselves meanwhile.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use otakit_core::platform::aliyun::identity::{DEVICE_SECRET_LEN, Device};
use otakit_core::platform::aliyun::model::{Down, Reply, activation, envelope, gateway, topics};
use otakit_core::platform::aliyun::report;
use otakit_core::platform::aliyun::topics::Topic;

use super::nodes::{Node, SubDeviceState};
use super::pending::{Expect, Slot};
use super::{Master, ModelError, REPLY_TIMEOUT, SUBSCRIBE_TOTAL, Wants, signal};
use crate::mqtt::MqttError;
use crate::service::aliyun::message_id;

/// How long the connection is served between two looks at the answer.
const SLICE: Duration = Duration::from_millis(10);

impl Master {
    /// Opens a sub-device. Its id; a device that is open already keeps its own.
    pub fn open_sub(&self, device: &Device, secret: &str) -> Result<i32, ModelError> {
        if secret.len() > DEVICE_SECRET_LEN || device == self.device() {
            return Err(ModelError::Invalid);
        }
        self.state.lock().nodes.open(device, secret).ok_or(ModelError::Invalid)
    }

    /// Sets the secret that a sub-device was issued with.
    pub fn set_sub_secret(&self, devid: i32, secret: &str) -> Result<(), ModelError> {
        if secret.len() > DEVICE_SECRET_LEN {
            return Err(ModelError::Invalid);
        }
        let mut state = self.state.lock();
        let node = state.nodes.get_mut(devid).ok_or(ModelError::Device)?;
        secret.clone_into(&mut node.secret);
        Ok(())
    }

    /// How many sub-devices are open.
    pub fn subs(&self) -> usize {
        self.state.lock().nodes.len()
    }

    /// Whether a sub-device is on line.
    pub fn is_logged_in(&self, devid: i32) -> bool {
        self.state.lock().nodes.get(devid).is_some_and(|node| node.state == SubDeviceState::LoggedIn)
    }

    /// Brings a sub-device into the gateway: registers it when it has no secret, then adds it to the topology. Blocks,
    /// at most 10 s a step.
    pub fn connect_sub(&self, devid: i32) -> Result<(), ModelError> {
        let node = self.node(devid)?;
        self.listen_as_gateway()?;
        let secret = if node.secret.is_empty() { self.register_sub(&node)? } else { node.secret };
        self.ask("thing/topo/add", "thing.topo.add", &gateway::topo_add(&node.device, &secret, now_ms()))?;
        self.advance(devid, SubDeviceState::Attached);
        Ok(())
    }

    fn register_sub(&self, node: &Node) -> Result<String, ModelError> {
        let names = gateway::list_of_names(&node.device);
        let reply = self.ask("thing/sub/register", "thing.sub.register", &names)?;
        let secret = gateway::secret_of(&reply.data, &node.device);
        let secret = secret.filter(|secret| (1..=DEVICE_SECRET_LEN).contains(&secret.len()));
        let secret = secret.ok_or(ModelError::Refused(reply.code))?;
        let mut state = self.state.lock();
        let known = state.nodes.get_mut(node.id).ok_or(ModelError::Device)?;
        known.secret.clone_from(&secret);
        known.state = SubDeviceState::Registered;
        Ok(secret)
    }

    /// Brings a sub-device on line and subscribes for it. Blocks, at most 10 s and the subscriptions.
    pub fn login(&self, devid: i32, event_replies: bool) -> Result<(), ModelError> {
        let node = self.node(devid)?;
        self.listen_as_gateway()?;
        let params = gateway::login(&node.device, &node.secret, now_ms());
        self.ask_session("login", "combine.login", &params)?;
        self.advance(devid, SubDeviceState::LoggedIn);
        let client = self.client()?;
        let wants = Wants { event_replies, gateway: false, ..self.state.lock().wants };
        self.subscribe(&client, devid, &node.device, wants);
        let [a, b, c, d] = crate::system::random_u32().to_ne_bytes();
        let (hardware, chip) = (activation::HARDWARE, activation::CHIP);
        let record = activation::record(activation::SDK_VERSION, [a, b, c, d], hardware, chip);
        // The device is on line; that its record arrives is not part of the promise.
        let _ = self.device_info(devid, activation::tags(&record).as_bytes(), false);
        Ok(())
    }

    /// Takes a sub-device off line. Blocks, at most 10 s.
    pub fn logout(&self, devid: i32) -> Result<(), ModelError> {
        let node = self.node(devid)?;
        if node.state != SubDeviceState::LoggedIn {
            return Err(ModelError::State);
        }
        self.ask_session("logout", "combine.logout", &gateway::names(&node.device))?;
        self.advance(devid, SubDeviceState::Attached);
        Ok(())
    }

    /// Takes a sub-device out of the gateway's topology. It stays open here. Blocks, at most 10 s.
    pub fn leave(&self, devid: i32) -> Result<(), ModelError> {
        let node = self.node(devid)?;
        self.listen_as_gateway()?;
        self.ask("thing/topo/delete", "thing.topo.delete", &gateway::list_of_names(&node.device))?;
        self.advance(devid, SubDeviceState::Registered);
        Ok(())
    }

    /// Asks for the gateway's sub-devices. The message's id.
    pub fn query_topology(&self) -> Result<u32, ModelError> {
        self.listen_as_gateway()?;
        let topic = topics::sys(self.device(), "thing/topo/get");
        self.call(&topic, "thing.topo.get", b"{}", Some(Expect::TopoList))
    }

    /// Tells the cloud which firmware a sub-device runs (1..=32 bytes).
    pub fn report_sub_version(&self, devid: i32, version: &str) -> Result<(), ModelError> {
        let device = self.device_of(devid)?;
        self.client()?;
        if !(1..=32).contains(&version.len()) {
            return Err(ModelError::Invalid);
        }
        let payload = report::version_at_sign_in(message_id::next(), version);
        self.publish(&Topic::Inform.of(&device), 0, payload.as_bytes())
    }

    /// Closes a sub-device: off line, unsubscribed, forgotten. Waits for no answer. One that is not open is no error.
    pub fn close_sub(&self, devid: i32) {
        let (node, ota, client, wants) = {
            let mut state = self.state.lock();
            let index = state.otas.iter().position(|(id, _)| *id == devid);
            let ota = index.map(|index| state.otas.remove(index).1);
            if state.ota_device == devid {
                state.ota_device = 0;
            }
            (state.nodes.close(devid), ota, state.client.clone(), state.wants)
        };
        if let Some(ota) = ota {
            ota.close();
        }
        let (Some(node), Some(client)) = (node, client) else { return };
        if node.state == SubDeviceState::LoggedIn {
            let names = gateway::names(&node.device);
            let payload = envelope::encode_call(message_id::next(), "combine.logout", &names);
            let _ = self.publish(&topics::session(self.device(), "logout"), 0, payload.as_bytes());
            let replies = [Down::EventReply];
            let shadow = if wants.shadow { Down::SHADOW.as_slice() } else { &[] };
            for down in replies.iter().chain(shadow).chain(&Down::COMMON).chain(&Down::STATUS) {
                let filter = down.filter(&node.device);
                let inlet =
                    super::Inlet { master: self.me.clone(), devid, device: node.device.clone(), down: *down };
                // A link that is down needs no goodbye: the handler is gone, and that is what counts.
                let _ = client.remove_handler(&filter, &inlet);
            }
        }
    }

    /// Logs a sub-device in again whose session the cloud has lost. Waits for nothing: this runs where messages come in.
    pub(super) fn login_again(&self, data: &str) {
        let Ok(item) = serde_json::from_str(data) else { return };
        let node = gateway::device(&item).and_then(|device| self.state.lock().nodes.find(&device).cloned());
        if let Some(node) = node.filter(|node| node.state == SubDeviceState::LoggedIn) {
            let params = gateway::login(&node.device, &node.secret, now_ms());
            let payload = envelope::encode_call(message_id::next(), "combine.login", &params);
            let _ = self.publish(&topics::session(self.device(), "login"), 0, payload.as_bytes());
        }
    }

    fn node(&self, devid: i32) -> Result<Node, ModelError> {
        self.client()?;
        self.state.lock().nodes.get(devid).cloned().ok_or(ModelError::Device)
    }

    fn advance(&self, devid: i32, state: SubDeviceState) {
        if let Some(node) = self.state.lock().nodes.get_mut(devid) {
            node.state = state;
        }
    }

    /// The gateway's own topics, subscribed at the connection or, at the latest, when a gateway is needed.
    fn listen_as_gateway(&self) -> Result<(), ModelError> {
        let client = self.client()?;
        if !std::mem::replace(&mut self.state.lock().wants.gateway, true) {
            let deadline = Instant::now() + SUBSCRIBE_TOTAL;
            for down in Down::GATEWAY {
                self.subscribe_one(&client, 0, self.device(), down, deadline);
            }
        }
        Ok(())
    }

    fn ask(&self, topic: &str, method: &str, params: &str) -> Result<Reply, ModelError> {
        self.ask_on(&topics::sys(self.device(), topic), method, params.as_bytes(), REPLY_TIMEOUT)
    }

    fn ask_session(&self, what: &str, method: &str, params: &str) -> Result<Reply, ModelError> {
        self.ask_on(&topics::session(self.device(), what), method, params.as_bytes(), REPLY_TIMEOUT)
    }

    /// Sends a request and waits for its answer; a refusal is an error.
    pub(super) fn ask_on(
        &self,
        topic: &str,
        method: &str,
        params: &[u8],
        within: Duration,
    ) -> Result<Reply, ModelError> {
        let client = self.client()?;
        let slot = Slot::default();
        let deadline = Instant::now() + within;
        let expect = Some(Expect::Caller(slot.clone()));
        let id = self.call_within(topic, method, params, expect, within, &|_| ())?;
        loop {
            if let Some(reply) = slot.lock().take() {
                return if reply.is_success() { Ok(reply) } else { Err(ModelError::Refused(reply.code)) };
            }
            let failure = match client.yield_for(SLICE) {
                Ok(()) if Instant::now() < deadline => continue,
                Ok(()) => ModelError::Timeout,
                // Inside a handler of the application's own nobody can bring the answer.
                Err(MqttError::Reentrant) => ModelError::State,
                Err(error) => signal(error),
            };
            self.state.lock().pending.give_up(id);
            return Err(failure);
        }
    }
}

/// Opens all devices that a notice lists; `false` when one cannot be.
pub(super) fn open_all(master: &Master, params: &str) -> bool {
    gateway::devices(params).is_some_and(|devices| {
        let opened = devices.iter().filter(|device| master.open_sub(device, "").is_ok());
        opened.count() == devices.len()
    })
}

/// What signatures count as time: anything that grows.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}
