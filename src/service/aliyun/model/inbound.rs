// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages of the cloud, each to what it is about.

use std::sync::Weak;

use otakit_core::platform::aliyun::Refusal;
use otakit_core::platform::aliyun::identity::Device;
use otakit_core::platform::aliyun::model::envelope::{number_in, text_in};
use otakit_core::platform::aliyun::model::{Call, Down, Reply, topics};

use super::event::{DeviceStatus, Event, ReplyTo};
use super::pending::{Expect, Match};
use super::{Master, gateway};
use crate::mqtt::{self, Handler};

/// Largest payload taken, whatever the connection's buffer is.
const MAX_PAYLOAD: usize = 64 * 1024;

/// Takes the messages of one kind for one device.
pub struct Inlet {
    pub master: Weak<Master>,
    pub devid: i32,
    pub device: Device,
    pub down: Down,
}

impl Handler for Inlet {
    fn on_event(&self, event: &mqtt::Event<'_>) {
        let (mqtt::Event::Message(message), Some(master)) = (event, self.master.upgrade()) else { return };
        if let Err(refusal) = master.receive(self, message.topic, message.payload) {
            crate::log!(Warning, "model", "{}: message dropped: {refusal}", message.topic);
        }
    }

    fn identity(&self) -> (usize, usize) {
        static MARK: u8 = 0;
        let number = usize::try_from(self.devid).unwrap_or_default() << 8 | self.down as usize;
        ((&raw const MARK).addr(), number)
    }

    fn max_payload(&self) -> Option<usize> {
        Some(MAX_PAYLOAD)
    }

    fn insists(&self) -> bool {
        true
    }
}

/// Takes the connection's own events.
pub struct Link(pub Weak<Master>);

impl Handler for Link {
    fn on_event(&self, event: &mqtt::Event<'_>) {
        let Some(master) = self.0.upgrade() else { return };
        match event {
            mqtt::Event::Disconnected => drop(master.push(Event::Disconnected)),
            mqtt::Event::Reconnected => drop(master.push(Event::Connected)),
            mqtt::Event::Overflow { text, .. } => crate::log!(Warning, "model", "{text}"),
            _ => {}
        }
    }

    fn identity(&self) -> (usize, usize) {
        static MARK: u8 = 0;
        ((&raw const MARK).addr(), 0)
    }
}

impl Master {
    fn receive(&self, inlet: &Inlet, topic: &str, payload: &[u8]) -> Result<(), Refusal> {
        match inlet.down {
            Down::PropertySet | Down::PropertyGet | Down::Service | Down::Rrpc => {
                self.called(inlet, topic, payload)
            }
            Down::EventReply
            | Down::DeviceInfoUpdateReply
            | Down::DeviceInfoDeleteReply
            | Down::DesiredGetReply
            | Down::DesiredDeleteReply
            | Down::TopoGetReply => self.answered(inlet, topic, payload),
            Down::RegisterReply
            | Down::TopoAddReply
            | Down::TopoDeleteReply
            | Down::LoginReply
            | Down::LogoutReply => self.confirmed(&Reply::decode(payload)?),
            Down::RawDown | Down::RawUpReply => {
                let reply = inlet.down == Down::RawUpReply;
                self.push(Event::RawData { devid: inlet.devid, data: payload.to_vec(), reply });
                Ok(())
            }
            Down::Ntp => {
                let text = std::str::from_utf8(payload).map_err(|_| Refusal::NotJson)?;
                let time = text_in(text, "serverSendTime").ok_or(Refusal::Key("serverSendTime"))?;
                self.push(Event::Timestamp(time));
                Ok(())
            }
            Down::SessionError => self.session_error(inlet, payload),
            Down::PermitJoin => self.permit_join(payload),
            Down::TopoAddNotify => self.topo_notified(payload),
            Down::Notice => {
                let Call { id, params, .. } = Call::decode(payload)?;
                self.push(Event::Notice { devid: inlet.devid, params, reply: reply_beside(topic, id) });
                Ok(())
            }
            // The cloud keeps the mark; it takes nothing from a disabled device.
            Down::Disable | Down::Enable | Down::Delete => {
                let call = Call::decode(payload)?;
                crate::log!(Warning, "model", "{}: {}", inlet.device, call.method);
                let status = match inlet.down {
                    Down::Disable => DeviceStatus::Disabled,
                    Down::Delete => DeviceStatus::Deleted,
                    _ => DeviceStatus::Enabled,
                };
                self.push(Event::Status { devid: inlet.devid, status });
                let _ = self.answer(&reply_beside(topic, call.id), 200, b"{}");
                Ok(())
            }
            Down::DynamicTslReply | Down::UnregisterReply | Down::ListFoundReply => Ok(()),
        }
    }

    /// The cloud wants something of the application.
    fn called(&self, inlet: &Inlet, topic: &str, payload: &[u8]) -> Result<(), Refusal> {
        let Call { id, method, params } = Call::decode(payload)?;
        let devid = inlet.devid;
        let reply = match inlet.down {
            Down::Rrpc => {
                let name = Down::Rrpc.name_in(&inlet.device, topic).ok_or(Refusal::Nothing)?;
                ReplyTo { topic: topics::sys(&inlet.device, &format!("rrpc/response/{name}")), id }
            }
            _ => reply_beside(topic, id),
        };
        let event = match inlet.down {
            Down::PropertySet => Event::PropertySet { devid, params, reply },
            Down::PropertyGet => Event::PropertyGet { devid, params, reply },
            down => match service_name(down, &inlet.device, topic, &method).ok_or(Refusal::Key("method"))? {
                name if name == "property.set" => Event::PropertySet { devid, params, reply },
                name if name == "property.get" => Event::PropertyGet { devid, params, reply },
                name => Event::Service { devid, name, params, reply },
            },
        };
        let refused = match &event {
            Event::PropertySet { reply, .. } => Some(reply.clone()),
            _ => None,
        };
        if !self.push(event)
            && let Some(reply) = refused
        {
            let _ = self.answer(&reply, 400, b"{}");
        }
        Ok(())
    }

    /// The cloud answers a report.
    fn answered(&self, inlet: &Inlet, topic: &str, payload: &[u8]) -> Result<(), Refusal> {
        let Reply { id: msgid, code, data, message } = Reply::decode(payload)?;
        match self.state.lock().pending.take(msgid) {
            Match::Late => return Err(Refusal::Nothing),
            Match::Known(Expect::Caller(slot)) => {
                *slot.lock() = Some(Reply { id: msgid, code, data, message });
                return Ok(());
            }
            Match::Known(_) | Match::Unknown => {}
        }
        let devid = inlet.devid;
        let event = match inlet.down {
            Down::EventReply => {
                let name = inlet.down.name_in(&inlet.device, topic).ok_or(Refusal::Nothing)?;
                if name == "property" {
                    let text = if code == 200 { data } else { message.unwrap_or(data) };
                    Event::Report { devid, msgid, code, text: Some(text) }
                } else {
                    Event::EventReply { devid, msgid, code, name, message: message.unwrap_or_default() }
                }
            }
            Down::DesiredGetReply if code == 200 => Event::Desired(data),
            Down::TopoGetReply => Event::TopoList { msgid, code, list: data },
            _ => Event::Report { devid, msgid, code, text: None },
        };
        self.push(event);
        Ok(())
    }

    /// The cloud answers somebody who waits.
    fn confirmed(&self, reply: &Reply) -> Result<(), Refusal> {
        match self.state.lock().pending.take(reply.id) {
            Match::Known(Expect::Caller(slot)) => {
                *slot.lock() = Some(reply.clone());
                Ok(())
            }
            _ => Err(Refusal::Nothing),
        }
    }

    fn permit_join(&self, payload: &[u8]) -> Result<(), Refusal> {
        let call = Call::decode(payload)?;
        let product_key = text_in(&call.params, "productKey").unwrap_or_default();
        let seconds = number_in(&call.params, "time").and_then(|time| i32::try_from(time).ok());
        let seconds = seconds.ok_or(Refusal::Key("time"))?;
        let to = ReplyTo { topic: topics::sys(self.device(), "thing/gateway/permit_reply"), id: call.id };
        let taken = self.push(Event::PermitJoin { product_key, seconds });
        let _ = self.answer(&to, if taken { 200 } else { 400 }, b"{}");
        Ok(())
    }

    /// Sub-devices were assigned to the gateway in the console: they are known here from now on.
    fn topo_notified(&self, payload: &[u8]) -> Result<(), Refusal> {
        let call = Call::decode(payload)?;
        let opened = gateway::open_all(self, &call.params);
        if opened {
            self.push(Event::Assigned { list: call.params });
        }
        let to = ReplyTo { topic: topics::sys(self.device(), "thing/topo/add/notify_reply"), id: call.id };
        let _ = self.answer(&to, if opened { 200 } else { 400 }, b"{}");
        Ok(())
    }

    /// 520: the cloud does not know the session of the sub-device that the data names; it is logged in again.
    fn session_error(&self, inlet: &Inlet, payload: &[u8]) -> Result<(), Refusal> {
        let text = String::from_utf8_lossy(payload).into_owned();
        let reply = Reply::decode(payload)?;
        if reply.code == 520 {
            self.login_again(&reply.data);
        }
        if !reply.is_success() {
            self.push(Event::CloudError { devid: inlet.devid, code: reply.code, data: reply.data, text });
        }
        Ok(())
    }
}

/// Answers go beside the call: `…/set` and `…/set_reply`.
fn reply_beside(topic: &str, id: String) -> ReplyTo {
    ReplyTo { topic: format!("{topic}_reply"), id }
}

/// A service's name: the topic's last level, or in an rrpc what follows `thing.service.`.
fn service_name(down: Down, device: &Device, topic: &str, method: &str) -> Option<String> {
    match down {
        Down::Rrpc => method.splitn(3, '.').nth(2).filter(|name| !name.is_empty()).map(str::to_owned),
        _ => down.name_in(device, topic),
    }
}
