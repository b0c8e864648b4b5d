// SPDX-License-Identifier: MIT OR Apache-2.0
//! What Aliyun's IoT platform does with a Link Kit device: sign-in and the OTA service over MQTT.

pub mod service;
pub mod sign;
pub mod wire;

use crate::data::model::DeviceKey;

/// Topics that the service listens to.
pub const FILTERS: [&str; 5] = [
    "/ota/device/inform/+/+",
    "/ota/device/request/+/+",
    "/ota/device/progress/+/+",
    "/sys/+/+/thing/config/get",
    "/sys/+/+/thing/deviceinfo/update",
];

/// A message from a device, by topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uplink {
    /// The device reports its version.
    Inform,
    /// The device asks for an image. Answers go out on the same topic.
    Request,
    /// The device reports progress.
    Progress,
    /// The device asks for its configuration.
    ConfigGet,
    /// The device reports attributes.
    DeviceInfo,
}

/// Takes a topic apart; `None` when it is not one of [`FILTERS`].
pub fn parse_topic(topic: &str) -> Option<(Uplink, DeviceKey)> {
    let mut parts = topic.strip_prefix('/')?.split('/');
    let mut next = || parts.next().filter(|p| !p.is_empty());
    let (uplink, key) = match next()? {
        "ota" => {
            if next()? != "device" {
                return None;
            }
            let uplink = match next()? {
                "inform" => Uplink::Inform,
                "request" => Uplink::Request,
                "progress" => Uplink::Progress,
                _ => return None,
            };
            (uplink, DeviceKey::new(next()?, next()?))
        }
        "sys" => {
            let key = DeviceKey::new(next()?, next()?);
            let uplink = match (next()?, next()?, next()?) {
                ("thing", "config", "get") => Uplink::ConfigGet,
                ("thing", "deviceinfo", "update") => Uplink::DeviceInfo,
                _ => return None,
            };
            (uplink, key)
        }
        _ => return None,
    };
    parts.next().is_none().then_some((uplink, key))
}

/// Where an offer goes when the platform pushes it.
pub fn upgrade_topic(key: &DeviceKey) -> String {
    format!("/ota/device/upgrade/{key}")
}

/// Where an offer goes when the device asked for it.
pub fn request_topic(key: &DeviceKey) -> String {
    format!("/ota/device/request/{key}")
}

/// A topic of the device's `/sys` tree.
pub fn sys_topic(key: &DeviceKey, rest: &str) -> String {
    format!("/sys/{key}/{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics() {
        let key = DeviceKey::new("pk", "dn");
        for (topic, uplink) in [
            ("/ota/device/inform/pk/dn", Uplink::Inform),
            ("/ota/device/request/pk/dn", Uplink::Request),
            ("/ota/device/progress/pk/dn", Uplink::Progress),
            ("/sys/pk/dn/thing/config/get", Uplink::ConfigGet),
            ("/sys/pk/dn/thing/deviceinfo/update", Uplink::DeviceInfo),
        ] {
            assert_eq!(parse_topic(topic), Some((uplink, key.clone())), "{topic}");
        }
        for topic in [
            "",
            "/",
            "/ota/device/inform/pk",
            "/ota/device/inform/pk/",
            "/ota/device/inform/pk/dn/x",
            "/ota/device/upgrade/pk/dn",
            "/sys/pk/dn/thing/config/get_reply",
            "ota/device/inform/pk/dn",
        ] {
            assert_eq!(parse_topic(topic), None, "{topic}");
        }
    }
}
