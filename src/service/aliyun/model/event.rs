// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the application is told.

use std::collections::VecDeque;

use otakit_core::platform::aliyun::config::Config;

/// Events that wait for being delivered, from which on requests of the cloud are refused.
const MAX: usize = 256;
/// Events that may wait in all: what ends something that the application began is kept as long as it can be.
const MAX_ENDS: usize = 4096;

/// What a device is to the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceStatus {
    /// The cloud takes its messages.
    Enabled,
    /// The cloud refuses them.
    Disabled,
    /// It is the cloud's no more.
    Deleted,
}

/// Something for the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is a connection.
    Connected,
    /// The connection is lost.
    Disconnected,
    /// Transparent data.
    RawData {
        /// The device.
        devid: i32,
        /// Any bytes.
        data: Vec<u8>,
        /// Whether they answer data that the device sent.
        reply: bool,
    },
    /// The cloud has disabled, enabled or deleted a device.
    Status {
        /// The device.
        devid: i32,
        /// What it is now.
        status: DeviceStatus,
    },
    /// Sub-devices were assigned to the gateway.
    Assigned {
        /// A JSON array of their names.
        list: String,
    },
    /// A service is called.
    Service {
        /// The device.
        devid: i32,
        /// The service's name.
        name: String,
        /// Its parameters, JSON.
        params: String,
        /// Where the answer goes.
        reply: ReplyTo,
    },
    /// Properties are to be set.
    PropertySet {
        /// The device.
        devid: i32,
        /// Names and values, JSON.
        params: String,
        /// Where the answer goes.
        reply: ReplyTo,
    },
    /// Properties are asked for.
    PropertyGet {
        /// The device.
        devid: i32,
        /// Their names, JSON.
        params: String,
        /// Where the answer goes.
        reply: ReplyTo,
    },
    /// The desired properties, JSON.
    Desired(String),
    /// A report was answered.
    Report {
        /// The device.
        devid: i32,
        /// The report's id.
        msgid: u32,
        /// 200: done; 100000: no answer came.
        code: i32,
        /// What the cloud says to it, where that is handed on.
        text: Option<String>,
    },
    /// An event was answered.
    EventReply {
        /// The device.
        devid: i32,
        /// The message's id.
        msgid: u32,
        /// As in [`Event::Report`].
        code: i32,
        /// The event's name.
        name: String,
        /// What the cloud says to it.
        message: String,
    },
    /// The cloud's clock, ms since 1970.
    Timestamp(String),
    /// The gateway's sub-devices.
    TopoList {
        /// The query's id.
        msgid: u32,
        /// As in [`Event::Report`].
        code: i32,
        /// A JSON array; empty when no answer came.
        list: String,
    },
    /// Sub-devices may join.
    PermitJoin {
        /// Of this product; any when empty.
        product_key: String,
        /// For so many seconds.
        seconds: i32,
    },
    /// The platform tells something about the device.
    Notice {
        /// The device.
        devid: i32,
        /// What it tells, JSON.
        params: String,
        /// Where the answer goes.
        reply: ReplyTo,
    },
    /// A firmware is on offer.
    Firmware {
        /// To this device.
        devid: i32,
        /// The version.
        version: String,
    },
    /// A configuration is on offer.
    Config {
        /// To this device.
        devid: i32,
        /// What is known of it.
        config: Config,
    },
    /// The cloud reports an error.
    CloudError {
        /// The device.
        devid: i32,
        /// The code that the cloud gives.
        code: i32,
        /// Its data, JSON.
        data: String,
        /// The message as it came.
        text: String,
    },
}

impl Event {
    /// Whether it answers or ends something that the application has begun and waits for.
    fn is_end(&self) -> bool {
        match self {
            Self::Connected
            | Self::Disconnected
            | Self::Desired(_)
            | Self::Report { .. }
            | Self::EventReply { .. }
            | Self::Timestamp(_)
            | Self::TopoList { .. }
            | Self::Firmware { .. }
            | Self::Config { .. } => true,
            Self::RawData { .. }
            | Self::Service { .. }
            | Self::PropertySet { .. }
            | Self::PropertyGet { .. }
            | Self::PermitJoin { .. }
            | Self::Notice { .. }
            | Self::Status { .. }
            | Self::Assigned { .. }
            | Self::CloudError { .. } => false,
        }
    }
}

/// Where a call's answer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// The topic.
    pub topic: String,
    /// The call's id.
    pub id: String,
}

/// Events that wait, in order.
#[derive(Debug, Default)]
pub struct Queue {
    events: VecDeque<Event>,
}

impl Queue {
    /// Adds an event; `false` when there is no room and it is lost.
    pub fn push(&mut self, event: Event) -> bool {
        let room = self.events.len() < if event.is_end() { MAX_ENDS } else { MAX };
        if room {
            self.events.push_back(event);
        }
        room
    }

    /// The next event.
    pub fn pop(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether every kind of event may be added.
    pub fn has_room(&self) -> bool {
        self.events.len() < MAX
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_bound() {
        let mut queue = Queue::default();
        let raw = |n: usize| Event::RawData { devid: 0, data: n.to_string().into_bytes(), reply: false };
        for n in 0..MAX {
            assert!(queue.has_room() && queue.push(raw(n)));
        }
        assert!(!queue.has_room() && !queue.push(raw(MAX)));
        for n in MAX..MAX_ENDS {
            assert!(queue.push(Event::Report { devid: 0, msgid: 1, code: 200, text: None }), "{n}");
        }
        assert!(!queue.push(Event::Connected));
        assert_eq!(queue.len(), MAX_ENDS);
        assert_eq!(queue.pop(), Some(raw(0)));
        assert!(queue.push(Event::Connected) && !queue.push(raw(1)));
    }
}
