// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the cloud's JSON. Keys of one level are read at that level only; escapes are resolved.

use serde_json::{Map, Value};

use super::Refusal;

/// A message's top object. What follows a NUL is ignored: some senders count the C string's end in.
pub fn object(payload: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let text = payload.split(|&byte| byte == 0).next().unwrap_or_default();
    match serde_json::from_slice(text) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(Refusal::NotJson),
    }
}

/// The object under `key`.
pub fn child<'a>(map: &'a Map<String, Value>, key: &'static str) -> Result<&'a Map<String, Value>, Refusal> {
    map.get(key).and_then(Value::as_object).ok_or(Refusal::Key(key))
}

/// The non-empty text under `key`. A NUL inside cannot be handed to C and is refused.
pub fn text<'a>(map: &'a Map<String, Value>, key: &'static str) -> Result<&'a str, Refusal> {
    let text = map.get(key).and_then(Value::as_str).ok_or(Refusal::Key(key))?;
    if text.is_empty() || text.contains('\0') { Err(Refusal::Key(key)) } else { Ok(text) }
}

/// A number of bytes: a positive integer, as a number or as its digits in a string.
pub fn size(map: &Map<String, Value>, key: &'static str) -> Result<u64, Refusal> {
    let value = match map.get(key) {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(digits)) => crate::fetch::range::decimal(digits),
        _ => return Err(Refusal::Key(key)),
    };
    // Offsets travel as signed 64-bit numbers in many servers and file systems.
    value.filter(|&size| size > 0 && i64::try_from(size).is_ok()).ok_or(Refusal::Size)
}

/// Puts `text` into a JSON string, quotes included.
pub fn quote(text: &str) -> String {
    Value::from(text).to_string()
}
