// SPDX-License-Identifier: MIT OR Apache-2.0
//! What China Mobile's OneNET does with a device: its OTA API over HTTP in three dialects, and notices over MQTT.
//!
//! The product key is OneNET's product id, the device name its device name (in the general API: the device id), and the
//! device secret the access key, in base64. A device gets what a task orders (`otakit-cloud onenet task`).

pub mod answer;
pub mod api;
pub mod control;
pub mod range;
pub mod task;
pub mod tasks;
pub mod token;

use crate::data::model::DeviceKey;

/// Topics that the service listens to. A broker must allow topics that begin with `$`; the embedded one does not.
pub const FILTERS: [&str; 1] = ["$sys/+/+/ota/inform_reply"];

/// Where notices go.
pub fn inform_topic(key: &DeviceKey) -> String {
    format!("$sys/{key}/ota/inform")
}

/// Takes the topic of an answer to a notice apart.
pub fn parse_reply_topic(topic: &str) -> Option<DeviceKey> {
    let (product, rest) = topic.strip_prefix("$sys/")?.split_once('/')?;
    let device = rest.strip_suffix("/ota/inform_reply")?;
    (!product.is_empty() && !device.is_empty() && !device.contains('/'))
        .then(|| DeviceKey::new(product, device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics() {
        let key = DeviceKey::new("p", "d");
        assert_eq!(inform_topic(&key), "$sys/p/d/ota/inform");
        assert_eq!(parse_reply_topic("$sys/p/d/ota/inform_reply"), Some(key));
        for bad in [
            "$sys/p/d/ota/inform",
            "$sys/p/ota/inform_reply",
            "$sys//d/ota/inform_reply",
            "sys/p/d/ota/inform_reply",
        ] {
            assert_eq!(parse_reply_topic(bad), None, "{bad}");
        }
    }
}
