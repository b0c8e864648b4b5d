// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose a topic is. Every topic of the platforms names its device, and so does every filter that a device may use.

use crate::data::model::DeviceKey;

/// The longest topic or filter.
pub const MAX_LENGTH: usize = 512;

/// The device that a topic or a filter is about. Wildcards may stand behind its name, or in place of the word in front of
/// it, never in its name: so a filter that is somebody's matches that one's topics alone.
pub fn owner(topic: &str) -> Option<DeviceKey> {
    if topic.len() > MAX_LENGTH {
        return None;
    }
    let levels: Vec<&str> = topic.split('/').collect();
    let (product, device) = match *levels.as_slice() {
        ["", "sys", product, device, _, ..] | ["$sys", product, device, _, ..] => (product, device),
        ["", "ota", "device", _, product, device] => (product, device),
        ["", "ext", "rrpc", _, product, device, _, ..] => (product, device),
        ["", "ext", "ntp" | "session" | "error", product, device, ..] => (product, device),
        ["", "shadow", _, product, device] => (product, device),
        ["", product, device, "user", ..] => (product, device),
        _ => return None,
    };
    let name = |text: &str| !text.is_empty() && !text.contains(['+', '#', '$']);
    (name(product) && name(device)).then(|| DeviceKey::new(product, device))
}

/// Whether a filter is well formed: `#` stands last, both wildcards alone in their level.
pub fn is_filter(filter: &str) -> bool {
    let mut levels = filter.split('/').peekable();
    let mut good = !filter.is_empty() && filter.len() <= MAX_LENGTH;
    while let Some(level) = levels.next() {
        good &= match level {
            "#" => levels.peek().is_none(),
            "+" => true,
            plain => !plain.contains(['+', '#']),
        };
    }
    good
}

/// Whether a filter matches a topic.
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') != filter.starts_with('$') {
        return false;
    }
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners() {
        let own = Some(DeviceKey::new("pk", "dn"));
        for topic in [
            "/sys/pk/dn/thing/event/property/post",
            "/sys/pk/dn/#",
            "/sys/pk/dn/rrpc/request/+",
            "/ota/device/upgrade/pk/dn",
            "/ota/device/+/pk/dn",
            "/ext/ntp/pk/dn/request",
            "/ext/session/pk/dn/combine/login_reply",
            "/ext/error/pk/dn",
            "/ext/rrpc/+/pk/dn/user/get",
            "/shadow/update/pk/dn",
            "/pk/dn/user/get",
            "$sys/pk/dn/ota/inform",
        ] {
            assert_eq!(owner(topic), own, "{topic}");
        }
        for topic in [
            "",
            "#",
            "/#",
            "+/+/+",
            "/+/dn/user/get",
            "/sys/#",
            "/sys/+/dn/thing/reset",
            "/sys/pk/+/thing/reset",
            "/sys/pk/dn",
            "/sys/pk//thing",
            "/ota/device/upgrade/+/+",
            "/ota/device/upgrade/pk/#",
            "/ota/device/upgrade/pk/dn/x",
            "/ext/register",
            "$share/g/sys/pk/dn/thing/reset",
            "$share/g//sys/pk/dn/thing/reset",
            "$SYS/broker/uptime",
            "$SYS/pk/dn/x",
            "sys/pk/dn/thing",
            "//sys/pk/dn/thing",
            "/broadcast/pk/dn",
        ] {
            assert_eq!(owner(topic), None, "{topic}");
        }
        assert_eq!(owner(&format!("/sys/pk/dn/{}", "x".repeat(MAX_LENGTH))), None);
    }

    #[test]
    fn filters_and_topics() {
        for (filter, topic, wanted) in [
            ("/a/b", "/a/b", true),
            ("/a/+", "/a/b", true),
            ("/a/+", "/a/b/c", false),
            ("/a/#", "/a/b/c", true),
            ("/a/#", "/a", true),
            ("/a/+/c", "/a/b/c", true),
            ("/a/b", "/a/b/c", false),
            ("/a/b/c", "/a/b", false),
            ("#", "$sys/p/d", false),
            ("$sys/p/d/#", "$sys/p/d/x", true),
        ] {
            assert_eq!(matches(filter, topic), wanted, "{filter} {topic}");
        }
        assert!(is_filter("/a/+/#") && is_filter("#") && is_filter("+"));
        for bad in ["", "/a/#/b", "/a#", "/a/b+", "#/"] {
            assert!(!is_filter(bad), "{bad}");
        }
    }
}
