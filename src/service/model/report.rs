// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a device tells and asks.

use std::time::Instant;

use otakit_core::platform::aliyun::model::{Down, topics};

use super::pending::Expect;
use super::{Master, ModelError, SUBSCRIBE_TIMEOUT};

impl Master {
    /// Posts property values, a JSON text. The message's id.
    pub fn post_property(&self, devid: i32, params: &[u8]) -> Result<u32, ModelError> {
        let device = self.device_of(devid)?;
        let expect = self.state.lock().wants.event_replies.then_some(Expect::Report { devid });
        let topic = topics::event_post(&device, "property");
        self.call(&topic, "thing.event.property.post", params, expect)
    }

    /// Posts values with their times, a JSON text. The message's id; the answer is not listened to.
    pub fn post_history(&self, devid: i32, params: &[u8]) -> Result<u32, ModelError> {
        let device = self.device_of(devid)?;
        let topic = topics::sys(&device, "thing/event/property/history/post");
        self.call(&topic, "thing.event.property.history.post", params, None)
    }

    /// Posts an event with its parameters, a JSON text. The message's id.
    pub fn trigger(&self, devid: i32, name: &str, params: &[u8]) -> Result<u32, ModelError> {
        let device = self.device_of(devid)?;
        if name.is_empty() || name.bytes().any(|byte| !byte.is_ascii_graphic() || b"/+#\"".contains(&byte)) {
            return Err(ModelError::Invalid);
        }
        let replies = self.state.lock().wants.event_replies;
        let expect = replies.then(|| Expect::Event { devid, name: name.to_owned() });
        let method = format!("thing.event.{name}.post");
        self.call(&topics::event_post(&device, name), &method, params, expect)
    }

    /// Sets or deletes tags, a JSON text. The message's id.
    pub fn device_info(&self, devid: i32, params: &[u8], delete: bool) -> Result<u32, ModelError> {
        let device = self.device_of(devid)?;
        let what = if delete { "delete" } else { "update" };
        let topic = topics::sys(&device, &format!("thing/deviceinfo/{what}"));
        let method = format!("thing.deviceinfo.{what}");
        self.call(&topic, &method, params, Some(Expect::Report { devid }))
    }

    /// Asks for desired properties or deletes them, a JSON text. The message's id.
    pub fn desired(&self, devid: i32, params: &[u8], delete: bool) -> Result<u32, ModelError> {
        let device = self.device_of(devid)?;
        let (what, down) =
            if delete { ("delete", Down::DesiredDeleteReply) } else { ("get", Down::DesiredGetReply) };
        if !self.state.lock().wants.shadow {
            let client = self.client()?;
            self.subscribe_one(&client, devid, &device, down, Instant::now() + SUBSCRIBE_TIMEOUT);
        }
        let topic = topics::sys(&device, &format!("thing/property/desired/{what}"));
        let method = format!("thing.property.desired.{what}");
        self.call(&topic, &method, params, Some(Expect::Report { devid }))
    }

    /// Sends transparent data.
    pub fn raw(&self, devid: i32, data: &[u8]) -> Result<(), ModelError> {
        let device = self.device_of(devid)?;
        self.publish(&topics::sys(&device, "thing/model/up_raw"), 0, data)
    }

    /// Asks for the cloud's clock.
    pub fn query_time(&self) -> Result<(), ModelError> {
        self.publish(&topics::ntp_request(&self.device), 0, br#"{"deviceSendTime":"1234"}"#)
    }
}
