// SPDX-License-Identifier: MIT OR Apache-2.0
//! The envelope around every message: id, version, method and params; or id, code and data.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::platform::aliyun::{Refusal, json};

/// The longest id of a reply, in characters.
const MAX_ID: usize = 10;

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

type Fields<'a> = BTreeMap<String, &'a RawValue>;

fn fields(payload: &[u8]) -> Result<Fields<'_>, Refusal> {
    let text = payload.split(|&byte| byte == 0).next().unwrap_or_default();
    serde_json::from_slice(text).map_err(|_| Refusal::NotJson)
}

fn string(fields: &Fields<'_>, key: &'static str) -> Result<String, Refusal> {
    let raw = fields.get(key).ok_or(Refusal::Key(key))?;
    serde_json::from_str(raw.get()).map_err(|_| Refusal::Key(key))
}

impl Call {
    /// Reads a request: id, version and method are strings, params is anything.
    pub fn decode(payload: &[u8]) -> Result<Self, Refusal> {
        let fields = fields(payload)?;
        string(&fields, "version")?;
        Ok(Self {
            id: string(&fields, "id")?,
            method: string(&fields, "method")?,
            params: fields.get("params").ok_or(Refusal::Key("params"))?.get().to_owned(),
        })
    }
}

impl Reply {
    /// Reads a reply: the id a string of digits, the code a number, data anything. An error may come without data.
    pub fn decode(payload: &[u8]) -> Result<Self, Refusal> {
        let fields = fields(payload)?;
        let id = string(&fields, "id")?;
        let id = if id.len() <= MAX_ID { crate::fetch::range::decimal(&id) } else { None };
        let code = fields.get("code").and_then(|code| serde_json::from_str(code.get()).ok());
        Ok(Self {
            id: id.and_then(|id| u32::try_from(id).ok()).ok_or(Refusal::Key("id"))?,
            code: code.ok_or(Refusal::Key("code"))?,
            data: fields.get("data").map_or("{}", |data| data.get()).to_owned(),
            message: string(&fields, "message").ok(),
        })
    }

    /// Whether the cloud did what it was asked for.
    pub fn is_success(&self) -> bool {
        self.code == 200
    }
}

/// `text` when it is one whole JSON value; what follows a NUL does not count.
pub fn well_formed(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text.split(|&byte| byte == 0).next()?).ok()?;
    serde_json::from_str::<&RawValue>(text).is_ok().then_some(text)
}

/// The text under `key` of a JSON object; `None` when it is no object or has no such text.
pub fn text_in(object: &str, key: &str) -> Option<String> {
    let fields: Fields<'_> = serde_json::from_str(object).ok()?;
    serde_json::from_str(fields.get(key)?.get()).ok()
}

/// The whole number under `key` of a JSON object.
pub fn number_in(object: &str, key: &str) -> Option<i64> {
    let fields: Fields<'_> = serde_json::from_str(object).ok()?;
    serde_json::from_str(fields.get(key)?.get()).ok()
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
        for (bad, key) in [
            (r#"{"code":200,"data":{}}"#, "id"),
            (r#"{"id":"12345678901","code":200,"data":{}}"#, "id"),
            (r#"{"id":"9999999999","code":200,"data":{}}"#, "id"),
            (r#"{"id":"x","code":200,"data":{}}"#, "id"),
            (r#"{"id":"1","code":"200","data":{}}"#, "code"),
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
        assert_eq!(text_in(r#"{"a":"x","b":1}"#, "b"), None);
        assert_eq!(number_in(r#"{"a":"x","b":60}"#, "b"), Some(60));
        assert_eq!(number_in("[]", "b"), None);
    }
}
