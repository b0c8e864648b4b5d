// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a device tells and asks.

use std::time::{Duration, Instant};

use otakit_core::platform::aliyun::identity::Device;
use otakit_core::platform::aliyun::model::{Down, topics};

use super::pending::Expect;
use super::{Master, ModelError, REPLY_TIMEOUT, SUBSCRIBE_TIMEOUT};

/// What a device posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Post<'a> {
    /// Values of properties.
    Properties,
    /// An event with this name.
    Event(&'a str),
    /// Tags.
    Tags,
    /// Tags that are to be deleted.
    TagsToDelete,
}

impl Post<'_> {
    /// The topic and the method.
    fn route(self, device: &Device) -> Result<(String, String), ModelError> {
        Ok(match self {
            Self::Properties => {
                (topics::event_post(device, "property"), "thing.event.property.post".to_owned())
            }
            Self::Event(name) => {
                let odd = |byte: u8| !byte.is_ascii_graphic() || b"/+#\"".contains(&byte);
                if name.is_empty() || name.bytes().any(odd) {
                    return Err(ModelError::Invalid);
                }
                (topics::event_post(device, name), format!("thing.event.{name}.post"))
            }
            Self::Tags => {
                (topics::sys(device, "thing/deviceinfo/update"), "thing.deviceinfo.update".to_owned())
            }
            Self::TagsToDelete => {
                (topics::sys(device, "thing/deviceinfo/delete"), "thing.deviceinfo.delete".to_owned())
            }
        })
    }
}

impl Master {
    /// Posts property values, a JSON text. The message's id.
    pub fn post_property(&self, devid: i32, params: &[u8]) -> Result<u32, ModelError> {
        self.post(devid, Post::Properties, params, REPLY_TIMEOUT, &|_| ())
    }

    /// Posts something, a JSON text. `noted` hears the message's id before it is sent; the answer, or after `within` that
    /// there was none, is an event. Without answers to properties and events, when they were not wanted.
    pub fn post(
        &self,
        devid: i32,
        what: Post<'_>,
        params: &[u8],
        within: Duration,
        noted: &dyn Fn(u32),
    ) -> Result<u32, ModelError> {
        let device = self.device_of(devid)?;
        let (topic, method) = what.route(&device)?;
        let replies = self.state.lock().wants.event_replies;
        let expect = match what {
            Post::Properties => replies.then_some(Expect::Report { devid }),
            Post::Event(name) => replies.then(|| Expect::Event { devid, name: name.to_owned() }),
            Post::Tags | Post::TagsToDelete => Some(Expect::Report { devid }),
        };
        self.call_within(&topic, &method, params, expect, within, noted)
    }

    /// As [`Master::post`], but waits for the answer; a refusal is an error.
    pub fn post_and_wait(
        &self,
        devid: i32,
        what: Post<'_>,
        params: &[u8],
        within: Duration,
    ) -> Result<(), ModelError> {
        let device = self.device_of(devid)?;
        let (topic, method) = what.route(&device)?;
        self.ask_on(&topic, &method, params, within).map(drop)
    }

    /// Posts values with their times, a JSON text. The message's id; the answer is not listened to.
    pub fn post_history(&self, devid: i32, params: &[u8]) -> Result<u32, ModelError> {
        let device = self.device_of(devid)?;
        let topic = topics::sys(&device, "thing/event/property/history/post");
        self.call(&topic, "thing.event.property.history.post", params, None)
    }

    /// Posts an event with its parameters, a JSON text. The message's id.
    pub fn trigger(&self, devid: i32, name: &str, params: &[u8]) -> Result<u32, ModelError> {
        self.post(devid, Post::Event(name), params, REPLY_TIMEOUT, &|_| ())
    }

    /// Sets or deletes tags, a JSON text. The message's id.
    pub fn device_info(&self, devid: i32, params: &[u8], delete: bool) -> Result<u32, ModelError> {
        let what = if delete { Post::TagsToDelete } else { Post::Tags };
        self.post(devid, what, params, REPLY_TIMEOUT, &|_| ())
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

    /// Answers transparent data.
    pub fn raw_reply(&self, devid: i32, data: &[u8]) -> Result<(), ModelError> {
        let device = self.device_of(devid)?;
        self.publish(&topics::sys(&device, "thing/model/down_raw_reply"), 0, data)
    }

    /// Asks for the cloud's clock.
    pub fn query_time(&self) -> Result<(), ModelError> {
        self.publish(&topics::ntp_request(&self.device), 0, br#"{"deviceSendTime":"1234"}"#)
    }
}
