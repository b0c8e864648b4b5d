// SPDX-License-Identifier: MIT OR Apache-2.0
//! Topic names.

use alloc::string::String;

use super::identity::Device;

/// The topics of one device's updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Up: the version that runs.
    Inform,
    /// Up: a request for an offer; down: its answer.
    Request,
    /// Down: an offer.
    Upgrade,
    /// Up: progress and failures.
    Progress,
    /// Up: a request for the remote configuration.
    ConfigGet,
    /// Down: the answer to it.
    ConfigGetReply,
    /// Down: a remote configuration.
    ConfigPush,
    /// Up: the answer to a push.
    ConfigPushReply,
    /// Up: a request for the firmware on offer, in the newer form.
    FirmwareGet,
    /// Down: the answer to it.
    FirmwareGetReply,
    /// Up: facts about the device.
    DeviceInfo,
}

/// Whether the platform gives orders on a topic: offers, and configurations that it pushes.
pub fn is_order(topic: &str) -> bool {
    topic.starts_with("/ota/device/upgrade/")
        || topic.starts_with("/sys/") && topic.ends_with("/thing/config/push")
}

impl Topic {
    /// What a device listens to, with the QoS and in the order that the reference subscribes.
    pub const SUBSCRIBED: [(Topic, u8); 4] =
        [(Topic::Request, 1), (Topic::Upgrade, 1), (Topic::ConfigGetReply, 0), (Topic::ConfigPush, 0)];

    /// The topic's name for one device.
    pub fn of(self, device: &Device) -> String {
        let (pk, dn) = (&device.product_key, &device.device_name);
        match self {
            Self::Inform => format!("/ota/device/inform/{pk}/{dn}"),
            Self::Request => format!("/ota/device/request/{pk}/{dn}"),
            Self::Upgrade => format!("/ota/device/upgrade/{pk}/{dn}"),
            Self::Progress => format!("/ota/device/progress/{pk}/{dn}"),
            Self::ConfigGet => format!("/sys/{pk}/{dn}/thing/config/get"),
            Self::ConfigGetReply => format!("/sys/{pk}/{dn}/thing/config/get_reply"),
            Self::ConfigPush => format!("/sys/{pk}/{dn}/thing/config/push"),
            Self::ConfigPushReply => format!("/sys/{pk}/{dn}/thing/config/push_reply"),
            Self::FirmwareGet => format!("/sys/{pk}/{dn}/thing/ota/firmware/get"),
            Self::FirmwareGetReply => format!("/sys/{pk}/{dn}/thing/ota/firmware/get_reply"),
            Self::DeviceInfo => format!("/sys/{pk}/{dn}/thing/deviceinfo/update"),
        }
    }
}
