// SPDX-License-Identifier: MIT OR Apache-2.0
//! The envelope around every message: id, version, method and params; or id, code and data.

use alloc::borrow::ToOwned;
use alloc::string::String;

use serde_json::value::RawValue;

use crate::platform::aliyun::Refusal;
use crate::platform::aliyun::json::{self, Fields};

/// A request to the cloud. `params` is JSON.
pub fn encode_call(id: u32, method: &str, params: &str) -> String {
    format!(r#"{{"id":"{id}","version":"1.0","params":{params},"method":{}}}"#, json::quote(method))
}

/// The answer to a request of the cloud. `data` is JSON.
pub fn encode_reply(id: &str, code: i32, data: &str) -> String {
    format!(r#"{{"id":{},"code":{code},"data":{data}}}"#, json::quote(id))
}

/// A request of the cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// To be given back in the reply.
    pub id: String,
    /// What is asked for, `thing.service.property.set` for instance.
    pub method: String,
    /// Any JSON, as it came.
    pub params: String,
}

/// The cloud's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The request's id.
    pub id: u32,
    /// 200: done.
    pub code: i32,
    /// Any JSON, as it came.
    pub data: String,
    /// What the cloud says to it; `success` when it is done.
    pub message: Option<String>,
}

/// Any JSON under `key`, as it came; `{}` where there is none.
fn any(fields: &Fields<'_>, key: &str) -> String {
    json::present(fields, key).map_or("{}", RawValue::get).to_owned()
}

impl Call {
    /// Reads a request: id, version and method are texts, params is anything. All must be there: the device's own answers
    /// come back from brokers that echo, on topics that a filter for services takes.
    pub fn decode(payload: &[u8]) -> Result<Self, Refusal> {
        let fields = json::object(payload)?;
        json::text(&fields, "version")?;
        Ok(Self {
            id: json::text(&fields, "id")?,
            method: json::text(&fields, "method")?,
            params: json::present(&fields, "params").ok_or(Refusal::Key("params"))?.get().to_owned(),
        })
    }
}

impl Reply {
    /// Reads a reply: id and code are whole numbers, data is anything. An error may come without data.
    pub fn decode(payload: &[u8]) -> Result<Self, Refusal> {
        let fields = json::object(payload)?;
        let id = json::number(&fields, "id").and_then(|id| u32::try_from(id).ok());
        let code = json::number(&fields, "code").and_then(|code| i32::try_from(code).ok());
        Ok(Self {
            id: id.ok_or(Refusal::Key("id"))?,
            code: code.ok_or(Refusal::Key("code"))?,
            data: any(&fields, "data"),
            message: json::optional(&fields, "message").unwrap_or_default(),
        })
    }

    /// Whether the cloud did what it was asked for.
    pub fn is_success(&self) -> bool {
        self.code == 200
    }
}

/// `text` when it is one whole JSON value; what follows a NUL does not count.
pub fn well_formed(text: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(json::trimmed(text)).ok()?;
    serde_json::from_str::<&RawValue>(text).is_ok().then_some(text)
}

/// The text or the digits of the number under `key` of a JSON object; `None` when it is no object or has neither.
pub fn text_in(object: &str, key: &'static str) -> Option<String> {
    json::name(&json::object(object.as_bytes()).ok()?, key).ok()
}

/// The whole number under `key` of a JSON object.
pub fn number_in(object: &str, key: &str) -> Option<i64> {
    json::number(&json::object(object.as_bytes()).ok()?, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observed_envelopes() {
        assert_eq!(
            encode_call(3, "thing.event.property.post", r#"{"Counter": 0}"#),
            r#"{"id":"3","version":"1.0","params":{"Counter": 0},"method":"thing.event.property.post"}"#
        );
        assert_eq!(encode_reply("7\"8", 200, "{}"), r#"{"id":"7\"8","code":200,"data":{}}"#);
    }

    #[test]
    fn calls() {
        let call = Call::decode(
            br#"{"method":"thing.service.property.set","id":"12","params":{"a": 6.000 },"version":"1.0.0"}"#,
        )
        .unwrap();
        assert_eq!((call.id.as_str(), call.method.as_str()), ("12", "thing.service.property.set"));
        assert_eq!(call.params, r#"{"a": 6.000 }"#, "params pass through as they came");
        let whole = r#"{"id":"1","version":"1","method":"m","params":[]}"#;
        assert!(Call::decode(whole.as_bytes()).is_ok());
        assert!(Call::decode(format!("{whole}\0tail").as_bytes()).is_ok());
        for key in ["id", "version", "method", "params"] {
            let without = whole.replace(&format!("\"{key}\""), "\"other\"");
            assert_eq!(Call::decode(without.as_bytes()), Err(Refusal::Key(key)), "{key}");
        }
        let marked = format!("\u{feff}{whole}");
        assert_eq!(Call::decode(marked.as_bytes()), Call::decode(whole.as_bytes()));
        let number = whole.replace(r#""1","version""#, r#"1,"version""#);
        assert_eq!(Call::decode(number.as_bytes()), Err(Refusal::Key("id")));
        for bad in ["", "[]", "{", "\"x\"", "{}x"] {
            assert_eq!(Call::decode(bad.as_bytes()), Err(Refusal::NotJson), "{bad}");
        }
    }

    #[test]
    fn replies() {
        let reply = Reply::decode(
            br#"{"code":200,"data":{},"id":"3","message":"success","method":"m","version":"1.0"}"#,
        )
        .unwrap();
        assert_eq!((reply.id, reply.code, reply.data.as_str()), (3, 200, "{}"));
        assert!(reply.is_success());
        assert_eq!(reply.message.as_deref(), Some("success"));
        let refused = Reply::decode(br#"{"code":460,"id":"4","message":"request \"x\" error"}"#).unwrap();
        assert_eq!((refused.code, refused.message.as_deref()), (460, Some("request \"x\" error")));
        assert!(!refused.is_success());
        for same in [
            r#"{"code":"200","data":{},"id":3,"message":"success"}"#,
            r#"{"code":200.0,"data":null,"id":"3.0","message":"success"}"#,
            "\u{feff}{\"code\":200,\"id\":\"3\",\"message\":\"success\",\"version\":null}",
        ] {
            assert_eq!(Reply::decode(same.as_bytes()).as_ref(), Ok(&reply), "{same}");
        }
        for no_text in [r#"null"#, r#""""#, "7"] {
            let text = format!(r#"{{"code":200,"data":{{}},"id":"3","message":{no_text}}}"#);
            assert_eq!(Reply::decode(text.as_bytes()).unwrap().message, None, "{no_text}");
        }
        let negative = Reply::decode(br#"{"id":"1","code":"-7"}"#).unwrap();
        assert_eq!((negative.code, negative.data.as_str()), (-7, "{}"));
        for (bad, key) in [
            (r#"{"code":200,"data":{}}"#, "id"),
            (r#"{"id":"12345678901","code":200,"data":{}}"#, "id"),
            (r#"{"id":"9999999999","code":200,"data":{}}"#, "id"),
            (r#"{"id":"x","code":200,"data":{}}"#, "id"),
            (r#"{"id":"1","code":"2e2","data":{}}"#, "code"),
            (r#"{"id":"1","code":2147483648,"data":{}}"#, "code"),
            (r#"{"id":"-1","code":200,"data":{}}"#, "id"),
            (r#"{"id":"1","data":{}}"#, "code"),
        ] {
            assert_eq!(Reply::decode(bad.as_bytes()), Err(Refusal::Key(key)), "{bad}");
        }
    }

    #[test]
    fn json_is_recognised() {
        for good in ["{}", " [1, 2] ", "\"x\"", "1", "null", "{\"a\":1}\0garbage"] {
            assert!(well_formed(good.as_bytes()).is_some(), "{good}");
        }
        for bad in ["", "{", "{} {}", "{'a':1}", "{\"a\":1", "nul"] {
            assert!(well_formed(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(well_formed(b"\"\xff\"").is_none());
        assert_eq!(text_in(r#"{"a":"x\u0041","b":1}"#, "a").as_deref(), Some("xA"));
        assert_eq!(
            text_in(r#"{"a":"x","b":1}"#, "b").as_deref(),
            Some("1"),
            "the cloud's clock is a number at times"
        );
        for same in ["60", r#""60""#, "60.0"] {
            assert_eq!(number_in(&format!(r#"{{"a":"x","b":{same}}}"#), "b"), Some(60), "{same}");
        }
        assert_eq!(number_in("[]", "b"), None);
    }
}
