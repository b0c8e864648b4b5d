// SPDX-License-Identifier: MIT OR Apache-2.0
//! What Aliyun's IoT platform does with a Link Kit device: sign-in and the OTA service over MQTT.

pub mod gateway;
pub mod offers;
pub mod register;
pub mod service;
pub mod sign;
pub mod thing;
pub mod wire;

use crate::data::model::DeviceKey;

/// Topics that the service listens to.
pub const FILTERS: [&str; 21] = [
    "/ota/device/inform/+/+",
    "/ota/device/request/+/+",
    "/ota/device/progress/+/+",
    "/sys/+/+/thing/config/get",
    "/sys/+/+/thing/config/push_reply",
    "/sys/+/+/thing/ota/firmware/get",
    "/sys/+/+/thing/deviceinfo/update",
    "/sys/+/+/thing/deviceinfo/delete",
    "/sys/+/+/thing/event/+/post",
    "/sys/+/+/thing/event/property/history/post",
    "/sys/+/+/thing/property/desired/get",
    "/sys/+/+/thing/property/desired/delete",
    "/sys/+/+/thing/reset",
    "/sys/+/+/thing/sub/register",
    "/sys/+/+/thing/sub/unregister",
    "/sys/+/+/thing/topo/add",
    "/sys/+/+/thing/topo/delete",
    "/sys/+/+/thing/topo/get",
    "/ext/ntp/+/+/request",
    "/ext/session/+/+/combine/login",
    "/ext/session/+/+/combine/logout",
];

/// A message from a device, by topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uplink {
    /// The device reports its version.
    Inform,
    /// The device asks for an image. Answers go out on the same topic.
    Request,
    /// The device asks for an image the other way. Answers go out beside it.
    FirmwareGet,
    /// The device reports progress.
    Progress,
    /// The device asks for its configuration.
    ConfigGet,
    /// The device answers a configuration that was pushed.
    ConfigAnswer,
    /// The device reports attributes, or properties, or an event; the answer says that it was taken.
    Thing,
    /// The device asks for its desired properties.
    DesiredGet,
    /// The device asks to be forgotten: bindings and topology.
    Reset,
    /// The device asks for the time.
    Ntp,
    /// A gateway speaks for a sub-device.
    Gateway(Gateway),
}

/// What a gateway does for sub-devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway {
    /// Asks for secrets.
    Register,
    /// Gives them up.
    Unregister,
    /// Adds to its topology.
    TopoAdd,
    /// Takes out of it.
    TopoDelete,
    /// Asks for it.
    TopoGet,
    /// Brings one on line.
    Login,
    /// Takes one off line.
    Logout,
}

/// Takes a topic apart; `None` when it is not one of [`FILTERS`].
pub fn parse_topic(topic: &str) -> Option<(Uplink, DeviceKey)> {
    let parts: Vec<&str> = topic.strip_prefix('/')?.split('/').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    let (uplink, product, device) = match *parts.as_slice() {
        ["ota", "device", "inform", product, device] => (Uplink::Inform, product, device),
        ["ota", "device", "request", product, device] => (Uplink::Request, product, device),
        ["ota", "device", "progress", product, device] => (Uplink::Progress, product, device),
        ["ext", "ntp", product, device, "request"] => (Uplink::Ntp, product, device),
        ["ext", "session", product, device, "combine", "login"] => {
            (Uplink::Gateway(Gateway::Login), product, device)
        }
        ["ext", "session", product, device, "combine", "logout"] => {
            (Uplink::Gateway(Gateway::Logout), product, device)
        }
        ["sys", product, device, "thing", ref rest @ ..] => (thing_uplink(rest)?, product, device),
        _ => return None,
    };
    Some((uplink, DeviceKey::new(product, device)))
}

fn thing_uplink(rest: &[&str]) -> Option<Uplink> {
    Some(match rest {
        ["config", "get"] => Uplink::ConfigGet,
        ["config", "push_reply"] => Uplink::ConfigAnswer,
        ["ota", "firmware", "get"] => Uplink::FirmwareGet,
        ["deviceinfo", "update" | "delete"]
        | ["event", _, "post"]
        | ["event", "property", "history", "post"]
        | ["property", "desired", "delete"] => Uplink::Thing,
        ["reset"] => Uplink::Reset,
        ["property", "desired", "get"] => Uplink::DesiredGet,
        ["sub", "register"] => Uplink::Gateway(Gateway::Register),
        ["sub", "unregister"] => Uplink::Gateway(Gateway::Unregister),
        ["topo", "add"] => Uplink::Gateway(Gateway::TopoAdd),
        ["topo", "delete"] => Uplink::Gateway(Gateway::TopoDelete),
        ["topo", "get"] => Uplink::Gateway(Gateway::TopoGet),
        _ => return None,
    })
}

/// Where an offer goes when the platform pushes it.
pub fn upgrade_topic(key: &DeviceKey) -> String {
    format!("/ota/device/upgrade/{key}")
}

/// Where an offer goes when the device asked for it.
pub fn request_topic(key: &DeviceKey) -> String {
    format!("/ota/device/request/{key}")
}

/// Where an order goes: a configuration has a topic of its own.
pub fn order_topic(key: &DeviceKey, is_config: bool) -> String {
    if is_config { sys_topic(key, "thing/config/push") } else { upgrade_topic(key) }
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
            ("/sys/pk/dn/thing/config/push_reply", Uplink::ConfigAnswer),
            ("/sys/pk/dn/thing/ota/firmware/get", Uplink::FirmwareGet),
            ("/sys/pk/dn/thing/deviceinfo/update", Uplink::Thing),
            ("/sys/pk/dn/thing/event/property/post", Uplink::Thing),
            ("/sys/pk/dn/thing/event/Error/post", Uplink::Thing),
            ("/sys/pk/dn/thing/event/property/history/post", Uplink::Thing),
            ("/sys/pk/dn/thing/reset", Uplink::Reset),
            ("/sys/pk/dn/thing/property/desired/get", Uplink::DesiredGet),
            ("/sys/pk/dn/thing/topo/add", Uplink::Gateway(Gateway::TopoAdd)),
            ("/ext/session/pk/dn/combine/login", Uplink::Gateway(Gateway::Login)),
            ("/ext/ntp/pk/dn/request", Uplink::Ntp),
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
            "/sys/pk/dn/thing/event/property/post_reply",
            "/ext/session/pk/dn/combine/login_reply",
            "ota/device/inform/pk/dn",
        ] {
            assert_eq!(parse_topic(topic), None, "{topic}");
        }
    }
}
