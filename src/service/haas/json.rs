// SPDX-License-Identifier: MIT OR Apache-2.0
//! An event's content as JSON text, for languages that take such text more easily than C structures.

use otakit_core::digest::{Algorithm, to_hex};
use otakit_core::platform::aliyun::module::Upgrade;
use serde_json::json;

use super::{CONNECT, Content, Event};

/// The name of an offer's digest.
pub fn hash_type(upgrade: &Upgrade) -> &'static str {
    match upgrade.firmware.offer.digest.algorithm() {
        Algorithm::Md5 => "md5",
        Algorithm::Sha256 => "sha256",
    }
}

/// The digits of an offer's digest, in upper case as AliOS Things has them.
pub fn hash(upgrade: &Upgrade) -> String {
    upgrade.firmware.offer.digest.to_hex().to_ascii_uppercase()
}

/// The content as JSON; empty for none.
pub fn text(event: &Event) -> String {
    match &event.content {
        Content::Nothing if event.kind == CONNECT => r#"{"code":0}"#.to_owned(),
        Content::Nothing => String::new(),
        Content::Reason(reason) => json!({"code": event.value, "message": reason}).to_string(),
        Content::Message { topic, payload } => message(topic, payload),
        Content::Offer(upgrade) => {
            let offer = &upgrade.firmware.offer;
            json!({
                "length": offer.size,
                "module_name": upgrade.module,
                "version": offer.version,
                "url": offer.url,
                "hash": hash(upgrade),
                "hash_type": hash_type(upgrade),
            })
            .to_string()
        }
    }
}

/// `payload`, or `payload_hex` for what is not UTF-8 or would be longer as text, such as many NUL bytes.
fn message(topic: &str, payload: &[u8]) -> String {
    if let Ok(text) = str::from_utf8(payload) {
        let quoted = json!(text).to_string();
        if quoted.len() <= 2 * payload.len() + 2 {
            return format!(r#"{{"topic":{},"payload":{quoted}}}"#, json!(topic));
        }
    }
    json!({"topic": topic, "payload_hex": to_hex(payload)}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::haas::{ERROR, MESSAGE};

    fn of(kind: i64, content: Content) -> String {
        text(&Event { device: 1, kind, value: -1, content })
    }

    #[test]
    fn each_content_as_text() {
        assert_eq!(of(CONNECT, Content::Nothing), r#"{"code":0}"#);
        assert_eq!(of(2, Content::Nothing), "");
        assert_eq!(of(ERROR, Content::Reason("no \"x\"".into())), r#"{"code":-1,"message":"no \"x\""}"#);
        let told =
            |payload: &[u8]| of(MESSAGE, Content::Message { topic: "t".into(), payload: payload.to_vec() });
        assert_eq!(told("h\u{e9}\"".as_bytes()), "{\"topic\":\"t\",\"payload\":\"h\u{e9}\\\"\"}");
        assert_eq!(told(b""), r#"{"topic":"t","payload":""}"#);
        assert_eq!(told(&[0, 255]), r#"{"payload_hex":"00ff","topic":"t"}"#);
        assert!(told(&[0; 8000]).len() < 16100);
        let upgrade = otakit_core::platform::aliyun::module::decode(
            br#"{"message":"success","data":{"size":7,"version":"2","url":"http://h/a,b?c=d","md5":"900150983cd24fb0d6963f7d28e17f72","module":"m"}}"#,
        );
        let offer = of(101, Content::Offer(Box::new(upgrade.unwrap())));
        let offer: serde_json::Value = serde_json::from_str(&offer).unwrap();
        assert_eq!((&offer["url"], &offer["length"]), (&json!("http://h/a,b?c=d"), &json!(7)));
        assert_eq!(offer["hash"], "900150983CD24FB0D6963F7D28E17F72");
    }
}
