// SPDX-License-Identifier: MIT OR Apache-2.0
//! The notice of a task over MQTT, which wants an answer within 20 seconds.

use alloc::string::String;

use super::{Device, value};

/// Where the broker is; plain TCP.
pub const BROKER: (&str, u16) = ("mqtts.heclouds.com", 1883);

/// Where notices come.
pub fn topic(device: &Device) -> String {
    format!("$sys/{}/{}/ota/inform", device.product_id, device.name)
}

/// Where they are answered.
pub fn reply_topic(device: &Device) -> String {
    format!("$sys/{}/{}/ota/inform_reply", device.product_id, device.name)
}

/// The answer to a notice, whatever else it carries; `None` when it has no id that could be answered.
pub fn reply(notice: &[u8]) -> Option<String> {
    let notice = value::object(notice)?;
    let id = notice.get("id").filter(|id| id.is_string() || id.is_number())?;
    Some(format!(r#"{{"id":{id},"code":200,"msg":"success"}}"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_answered_by_their_id() {
        let device = Device::new("pid", "dev").unwrap();
        assert_eq!(topic(&device), "$sys/pid/dev/ota/inform");
        assert_eq!(reply_topic(&device), "$sys/pid/dev/ota/inform_reply");
        let text = Some(r#"{"id":"1\"2","code":200,"msg":"success"}"#);
        assert_eq!(reply(br#"{"id":"1\"2","version":"1.0","params":{}}"#).as_deref(), text);
        assert_eq!(reply(br#"{"id":7}"#).as_deref(), Some(r#"{"id":7,"code":200,"msg":"success"}"#));
        assert!(reply("\u{feff}{\"id\":7}\0".as_bytes()).is_some());
        for bad in [&b"{}"[..], b"", b"[1]", br#"{"id":{}}"#, b"{"] {
            assert_eq!(reply(bad), None);
        }
    }
}
