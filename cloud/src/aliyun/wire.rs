// SPDX-License-Identifier: MIT OR Apache-2.0
//! The JSON of the messages. Field order is the platform's: struct order is wire order.

use serde::Serialize;
use serde_json::Value;

use crate::data::model::{Config, Firmware, Sign};

#[derive(Serialize)]
struct Upgrade<'a> {
    code: &'static str,
    data: Offer<'a>,
    id: u64,
    message: &'static str,
}

#[derive(Serialize)]
struct Offer<'a> {
    size: u64,
    version: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    md5: Option<&'a str>,
    #[serde(rename = "signMethod", skip_serializing_if = "Option::is_none")]
    sign_method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign: Option<&'a str>,
}

impl<'a> Offer<'a> {
    fn of(firmware: &'a Firmware, url: &'a str) -> Self {
        let content = &firmware.content;
        let (sign_method, sign) = match firmware.sign {
            None => (None, None),
            Some(Sign::Md5) => (Some("Md5"), Some(content.md5.as_str())),
            Some(Sign::Sha256) => (Some("Sha256"), Some(content.sha256.as_str())),
        };
        Self {
            size: content.size,
            version: &firmware.version,
            url,
            module: firmware.module.as_deref(),
            md5: (!firmware.omit_md5).then_some(content.md5.as_str()),
            sign_method,
            sign,
        }
    }
}

/// The offer of a firmware, for a push and for the answer to a request alike.
pub fn upgrade(firmware: &Firmware, url: &str, id: u64) -> Vec<u8> {
    let data = Offer::of(firmware, url);
    encode(&Upgrade { code: "1000", data, id, message: "success" })
}

/// The answer to a request when there is nothing to offer: no `url`, so a device ignores it.
pub fn no_upgrade(id: u64) -> Vec<u8> {
    #[derive(Serialize)]
    struct Nothing {
        code: &'static str,
        data: Empty,
        id: u64,
        message: &'static str,
    }
    encode(&Nothing { code: "1000", data: Empty {}, id, message: "success" })
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigNotice<'a> {
    config_id: &'a str,
    config_size: u64,
    sign: &'a str,
    sign_method: &'static str,
    url: &'a str,
    get_type: &'static str,
}

fn config_notice<'a>(config: &'a Config, url: &'a str) -> ConfigNotice<'a> {
    ConfigNotice {
        config_id: &config.id,
        config_size: config.content.size,
        sign: &config.content.sha256,
        sign_method: "Sha256",
        url,
        get_type: "file",
    }
}

/// The answer to `thing/config/get`: the product's configuration, or code 6710 when it has none.
pub fn config_reply(config: Option<(&Config, &str)>, id: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Reply<'a, T> {
        id: &'a str,
        version: &'static str,
        code: u32,
        data: T,
    }
    match config {
        Some((config, url)) => {
            encode(&Reply { id, version: "1.0", code: 200, data: config_notice(config, url) })
        }
        None => encode(&Reply { id, version: "1.0", code: 6710, data: Empty {} }),
    }
}

/// A configuration that the platform sends unasked.
pub fn config_push(config: &Config, url: &str, id: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Push<'a> {
        id: &'a str,
        version: &'static str,
        params: ConfigNotice<'a>,
        method: &'static str,
    }
    let params = config_notice(config, url);
    encode(&Push { id, version: "1.0", params, method: "thing.config.push" })
}

/// The answer to a message of the device model; `data` is any JSON.
pub fn reply(message: &Value, code: u32, data: &Value, text: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Reply<'a> {
        code: u32,
        data: &'a Value,
        id: &'a str,
        message: &'a str,
        method: &'a str,
        version: &'static str,
    }
    let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
    encode(&Reply { code, data, id: &id_of(message), message: text, method, version: "1.0" })
}

/// The answer to `thing/ota/firmware/get` when there is something to offer.
pub fn firmware_reply(message: &Value, firmware: &Firmware, url: &str) -> Vec<u8> {
    let offer = serde_json::to_value(Offer::of(firmware, url)).unwrap_or_default();
    reply(message, 200, &offer, "success")
}

pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // These types hold nothing that JSON cannot express.
    serde_json::to_vec(value).unwrap_or_default()
}

/// The `id` of an uplink message as text: devices send a number or a string.
pub fn id_of(message: &Value) -> String {
    match message.get("id") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => "0".to_owned(),
    }
}

/// The `code` of a device's answer: devices send a number or a string.
pub fn code_of(message: &Value) -> Option<i64> {
    match message.get("code")? {
        Value::String(text) => text.trim().parse().ok(),
        number => number.as_i64(),
    }
}

/// `params.version` of an inform or a request.
pub fn version_of(message: &Value) -> Option<&str> {
    let version = message.get("params")?.get("version")?.as_str()?;
    (1..=64).contains(&version.chars().count()).then_some(version)
}

/// The module that a report is about; `None`: the device itself, which may also be called `default`.
pub fn module_of(message: &Value) -> Option<&str> {
    message.get("params")?.get("module")?.as_str().filter(|module| *module != "default")
}

/// `params.step` (a string, or a number) and `params.desc` of a progress report; a step above 100 is none. Below
/// -4 devices have reasons of their own: they failed all the same.
pub fn progress_of(message: &Value) -> Option<(i32, &str)> {
    let params = message.get("params")?;
    let step = match params.get("step")? {
        Value::String(text) => text.trim().parse::<i64>().ok()?,
        Value::Number(number) => number.as_i64()?,
        _ => return None,
    };
    let step = i32::try_from(step.max(i64::from(i32::MIN))).ok()?;
    let desc = params.get("desc").and_then(Value::as_str).unwrap_or("");
    (step <= 100).then_some((step, desc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::model::Content;
    use serde_json::json;

    fn firmware(sign: Option<Sign>, omit_md5: bool) -> Firmware {
        Firmware {
            key: 1,
            id: "pk-2.0.0".into(),
            product_key: "pk".into(),
            version: "iotx_ver_2.0.0".into(),
            module: None,
            auto: true,
            sign,
            omit_md5,
            added_at: String::new(),
            content: Content {
                name: "r60k.bin".into(),
                in_place: None,
                size: 60_000,
                md5: "7d28466a84f23d019fd018cf53fb21a3".into(),
                sha256: "aa".into(),
            },
        }
    }

    #[test]
    fn upgrade_has_the_bytes_of_the_reference() {
        let made = upgrade(&firmware(None, false), "http://fw.test/r60k.bin", 1_507_707_025);
        let wanted = r#"{"code":"1000","data":{"size":60000,"version":"iotx_ver_2.0.0","url":"http://fw.test/r60k.bin","md5":"7d28466a84f23d019fd018cf53fb21a3"},"id":1507707025,"message":"success"}"#;
        assert_eq!(String::from_utf8(made).unwrap(), wanted);
    }

    #[test]
    fn upgrade_with_sign() {
        let text = |f: Firmware| String::from_utf8(upgrade(&f, "u", 1)).unwrap();
        assert!(text(firmware(Some(Sign::Sha256), false)).contains(
            r#""md5":"7d28466a84f23d019fd018cf53fb21a3","signMethod":"Sha256","sign":"aa"},"id":1"#
        ));
        assert!(
            text(firmware(Some(Sign::Md5), true)).contains(
                r#""url":"u","signMethod":"Md5","sign":"7d28466a84f23d019fd018cf53fb21a3"},"id":1"#
            )
        );
    }

    #[test]
    fn modules_are_named() {
        let mut of_module = firmware(None, false);
        of_module.module = Some("app".into());
        let text = String::from_utf8(upgrade(&of_module, "u", 1)).unwrap();
        assert!(text.contains(r#""url":"u","module":"app","md5""#), "{text}");
        assert_eq!(module_of(&json!({"params": {"module": "app"}})), Some("app"));
        assert_eq!(module_of(&json!({"params": {"module": "default"}})), None);
        assert_eq!(module_of(&json!({"params": {}})), None);
    }

    #[test]
    fn codes_in_all_spellings() {
        for (message, wanted) in [
            (json!({"code": "200"}), Some(200)),
            (json!({"code": 400}), Some(400)),
            (json!({"code": "ok"}), None),
            (json!({"code": 1.5}), None),
            (json!([]), None),
        ] {
            assert_eq!(code_of(&message), wanted, "{message}");
        }
    }

    #[test]
    fn uplinks_in_all_spellings() {
        assert_eq!(version_of(&json!({"id": 0, "params": {"version": "1"}})), Some("1"));
        assert_eq!(version_of(&json!({"params": {"version": ""}})), None);
        assert_eq!(version_of(&json!({"params": {"version": 1}})), None);
        assert_eq!(version_of(&json!([])), None);
        assert_eq!(progress_of(&json!({"params": {"step": "8", "desc": "x"}})), Some((8, "x")));
        assert_eq!(progress_of(&json!({"params": {"step": -3}})), Some((-3, "")));
        assert_eq!(progress_of(&json!({"params": {"step": "101"}})), None);
        assert_eq!(progress_of(&json!({"params": {"step": " -7 "}})), Some((-7, "")));
        assert_eq!(progress_of(&json!({"params": {"step": -9_999_999_999_i64}})), Some((i32::MIN, "")));
        assert_eq!(progress_of(&json!({"params": {"step": "x"}})), None);
        assert_eq!(id_of(&json!({"id": 7})), "7");
        assert_eq!(id_of(&json!({"id": "7"})), "7");
        assert_eq!(id_of(&json!(null)), "0");
    }
}
