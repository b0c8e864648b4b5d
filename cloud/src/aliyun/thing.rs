// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers to the device model: reports are taken, the time is told.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::wire;

/// The answer to properties, events and tags.
pub fn taken(message: &Value) -> Vec<u8> {
    let fit = message.get("params").is_some_and(|params| params.is_object() || params.is_array());
    if fit {
        wire::reply(message, 200, &json!({}), "success")
    } else {
        wire::reply(message, 460, &json!({}), "request parameter error")
    }
}

/// The desired properties: this cloud desires none.
pub fn desired(message: &Value) -> Vec<u8> {
    wire::reply(message, 200, &json!({}), "success")
}

/// The time, in ms since 1970 as text, with what the device sent.
pub fn time(message: &Value) -> Vec<u8> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = since.as_millis().to_string();
    let sent = message.get("deviceSendTime").cloned().unwrap_or_else(|| json!("0"));
    wire::encode(&json!({ "deviceSendTime": sent, "serverRecvTime": now, "serverSendTime": now }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let post = json!({ "id": "3", "params": {}, "method": "thing.event.property.post" });
        assert_eq!(
            String::from_utf8(taken(&post)).unwrap(),
            r#"{"code":200,"data":{},"id":"3","message":"success","method":"thing.event.property.post","version":"1.0"}"#
        );
        let bad: Value = serde_json::from_slice(&taken(&json!({ "id": "3", "params": 7 }))).unwrap();
        assert_eq!(bad["code"], 460);
        let told: Value = serde_json::from_slice(&time(&json!({ "deviceSendTime": "1234" }))).unwrap();
        assert_eq!(told["deviceSendTime"], "1234");
        assert!(told["serverSendTime"].as_str().unwrap().len() >= 13);
    }
}
