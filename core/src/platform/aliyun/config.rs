// SPDX-License-Identifier: MIT OR Apache-2.0
//! Remote configuration (COTA): `thing/config/get`, its reply, and the cloud's push.

use alloc::string::String;

use serde_json::Value;

use super::json::Fields;
use super::{Refusal, json, offer};
use crate::offer::{Kind, Offer};

/// A configuration file on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The configuration's id.
    pub id: String,
    /// `sign`, as it came.
    pub sign: String,
    /// `signMethod`, as it came.
    pub sign_method: String,
    /// `getType`, as it came; `file` in practice.
    pub get_type: String,
    /// What the engine needs; the id stands in for a version.
    pub offer: Offer,
}

/// Reads a reply to `config/get`: `{"code":200,"data":{…}}`; the code may be a string.
pub fn decode_reply(payload: &[u8]) -> Result<Config, Refusal> {
    let message = json::object(payload)?;
    match json::number(&message, "code").ok_or(Refusal::Key("code"))? {
        200 => decode(&json::child(&message, "data")?),
        _ => Err(Refusal::NotSuccess),
    }
}

/// Reads a push: `{"id":…,"params":{…}}`.
pub fn decode_push(payload: &[u8]) -> Result<Config, Refusal> {
    decode(&json::child(&json::object(payload)?, "params")?)
}

/// The id of a push, quoted as it came, for the reply; an empty string when it cannot be read.
pub fn push_id(payload: &[u8]) -> Value {
    let id =
        json::object(payload).ok().and_then(|message| serde_json::from_str(message.get("id")?.get()).ok());
    id.filter(|id: &Value| id.is_string() || id.is_number()).unwrap_or_else(|| Value::from(""))
}

fn decode(data: &Fields<'_>) -> Result<Config, Refusal> {
    let id = json::name(data, "configId")?;
    Ok(Config {
        sign: json::text(data, "sign")?,
        sign_method: json::text(data, "signMethod")?,
        get_type: json::text(data, "getType")?,
        offer: Offer {
            version: id.clone(),
            size: json::size(data, "configSize")?,
            url: offer::url(data)?,
            digest: offer::signed_digest(data)?,
            kind: Kind::Config,
            signature: None,
            is_delta: false,
        },
        id,
    })
}

/// The request. The reference writes blanks around its first colon; they stay.
pub fn encode_get(scope: &str, get_type: &str, attribute_keys: &str) -> String {
    format!(
        r#"{{"id" : 0,"version":"1.0","params":{{"configScope":{},"getType":{},"attributeKeys":{}}},"method":"thing.config.get"}}"#,
        json::quote(scope),
        json::quote(get_type),
        json::quote(attribute_keys)
    )
}

/// The answer to a push: 200 taken, 400 refused. The reference's refusal has no braces and it does not answer a push that
/// it takes; this is JSON in both cases.
pub fn encode_push_reply(id: &Value, code: u16) -> String {
    format!(r#"{{"id":{id},"code":"{code}","data":{{}}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = r#"{"configId":"c1","configSize":1024,"sign":"900150983cd24fb0d6963f7d28e17f72","signMethod":"Md5","url":"https://h/c","getType":"file"}"#;

    #[test]
    fn reply_and_push_carry_the_same_six_keys() {
        let reply =
            |code: &str| decode_reply(format!(r#"{{"id":"1","code":{code},"data":{DATA}}}"#).as_bytes());
        let config = reply("200").unwrap();
        assert_eq!((config.id.as_str(), config.offer.size, config.get_type.as_str()), ("c1", 1024, "file"));
        for same in [r#""200""#, "200.0"] {
            assert_eq!(reply(same).unwrap(), config, "{same}");
        }
        assert_eq!(reply("500"), Err(Refusal::NotSuccess));
        assert_eq!(reply("[]"), Err(Refusal::Key("code")));
        let push = format!(r#"{{"id":"7","params":{DATA}}}"#);
        assert_eq!(decode_push(push.as_bytes()).unwrap(), config);
        let marked = format!("\u{feff}{push}");
        assert_eq!(decode_push(marked.as_bytes()).unwrap(), config);
        for size in [r#""1024""#, "1024.0"] {
            let same = push.replace("1024", size);
            assert_eq!(decode_push(same.as_bytes()).unwrap(), config, "{size}");
        }
        assert_eq!(decode_push(push.replace(r#""c1""#, "17").as_bytes()).unwrap().id, "17");
        for key in ["configId", "configSize", "sign", "signMethod", "url", "getType"] {
            let push = push.replace(&format!("\"{key}\""), "\"other\"");
            assert_eq!(decode_push(push.as_bytes()), Err(Refusal::Key(key)), "{key}");
        }
    }

    #[test]
    fn requests_and_refusals() {
        assert_eq!(
            encode_get("product", "file", ""),
            r#"{"id" : 0,"version":"1.0","params":{"configScope":"product","getType":"file","attributeKeys":""},"method":"thing.config.get"}"#
        );
        for (push, id) in
            [(r#"{"id":"7\"8"}"#, r#""7\"8""#), (r#"{"id":7}"#, "7"), ("{", r#""""#), ("{}", r#""""#)]
        {
            let refusal = encode_push_reply(&push_id(push.as_bytes()), 400);
            assert_eq!(refusal, format!(r#"{{"id":{id},"code":"400","data":{{}}}}"#));
        }
    }
}
