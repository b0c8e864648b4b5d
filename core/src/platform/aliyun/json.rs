// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the cloud's JSON. Keys of one level are read at that level only; escapes are resolved.
//!
//! A value may be written in more than one way and mean the same: a number as a number, as text, or with a fraction of
//! zeros; an optional value as missing, `null` or empty in any way. The functions here take all of them.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use serde_json::Value;
use serde_json::value::RawValue;

use super::Refusal;

/// The values of an object by key, each as it was written. Of two with the same key the last counts.
pub type Fields<'a> = BTreeMap<String, &'a RawValue>;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A message without a byte order mark and without what follows a NUL: some senders count the C string's end in.
pub fn trimmed(payload: &[u8]) -> &[u8] {
    let payload = payload.strip_prefix(BYTE_ORDER_MARK).unwrap_or(payload);
    payload.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A message's top object.
pub fn object(payload: &[u8]) -> Result<Fields<'_>, Refusal> {
    serde_json::from_slice(trimmed(payload)).map_err(|_| Refusal::NotJson)
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// The value under `key`; a `null` counts as missing.
pub fn present<'a>(fields: &Fields<'a>, key: &str) -> Option<&'a RawValue> {
    fields.get(key).copied().filter(|raw| !is_null(raw))
}

/// The optional value under `key`. An empty one (`""`, `[]`, `{}`) counts as missing, as `null` does.
pub fn given<'a>(fields: &Fields<'a>, key: &str) -> Option<&'a RawValue> {
    present(fields, key).filter(|raw| {
        let inside = match raw.get().as_bytes() {
            [b'"', inside @ .., b'"'] => return !inside.is_empty(),
            [b'[', inside @ .., b']'] | [b'{', inside @ .., b'}'] => inside,
            _ => return true,
        };
        !inside.trim_ascii().is_empty()
    })
}

/// The object under `key`.
pub fn child<'a>(fields: &Fields<'a>, key: &'static str) -> Result<Fields<'a>, Refusal> {
    let raw = present(fields, key).ok_or(Refusal::Key(key))?;
    serde_json::from_str(raw.get()).map_err(|_| Refusal::Key(key))
}

/// The text under `key`; `None` when it is missing or empty in any way. A NUL inside cannot be handed to C and is refused.
pub fn optional(fields: &Fields<'_>, key: &'static str) -> Result<Option<String>, Refusal> {
    let Some(raw) = given(fields, key) else { return Ok(None) };
    let text: String = serde_json::from_str(raw.get()).map_err(|_| Refusal::Key(key))?;
    if text.contains('\0') { Err(Refusal::Key(key)) } else { Ok(Some(text)) }
}

/// The text under `key`, which must be there.
pub fn text(fields: &Fields<'_>, key: &'static str) -> Result<String, Refusal> {
    optional(fields, key)?.ok_or(Refusal::Key(key))
}

/// A name under `key`, which must be there: a text, or a number, whose digits are the text.
pub fn name(fields: &Fields<'_>, key: &'static str) -> Result<String, Refusal> {
    match present(fields, key).map(RawValue::get) {
        Some(number) if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Ok(number.to_owned()),
        _ => text(fields, key),
    }
}

/// The whole number that a JSON value says: `5`, `-5`, `5.0`, or one of these as text. Exponents are not taken.
pub fn whole(raw: &RawValue) -> Option<i64> {
    let text: Option<String> = serde_json::from_str(raw.get()).ok();
    let digits = text.as_deref().unwrap_or(raw.get());
    let integer = match digits.split_once('.') {
        Some((integer, fraction)) => {
            let zeros = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
            if zeros { integer } else { return None }
        }
        None => digits,
    };
    let plain = integer.strip_prefix('-').unwrap_or(integer);
    if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    integer.parse().ok()
}

/// The whole number under `key`, of either sign; `None` when it is missing, `null` or no whole number.
pub fn number(fields: &Fields<'_>, key: &str) -> Option<i64> {
    whole(present(fields, key)?)
}

/// A number of bytes, at least 1.
pub fn size(fields: &Fields<'_>, key: &'static str) -> Result<u64, Refusal> {
    let raw = present(fields, key).ok_or(Refusal::Key(key))?;
    if !raw.get().starts_with(|c: char| c == '-' || c == '"' || c.is_ascii_digit()) {
        return Err(Refusal::Key(key));
    }
    // Offsets travel as signed 64-bit numbers in many servers and file systems.
    let size = whole(raw).and_then(|size| u64::try_from(size).ok());
    size.filter(|&size| size > 0).ok_or(Refusal::Size)
}

/// Whether a mark is set: `true`, a number other than 0, or one of these as text.
pub fn is_set(fields: &Fields<'_>, key: &'static str) -> bool {
    let Some(raw) = given(fields, key) else { return false };
    let text: Option<String> = serde_json::from_str(raw.get()).ok();
    match text.as_deref().unwrap_or(raw.get()).trim() {
        "" | "false" => false,
        _ => whole(raw) != Some(0),
    }
}

/// Puts `text` into a JSON string, quotes included.
pub fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(value: &str, read: impl Fn(&Fields<'_>) -> T) -> T {
        let message = format!(r#"{{"k":{value}}}"#);
        read(&object(message.as_bytes()).unwrap())
    }

    #[test]
    fn a_number_is_written_in_many_ways() {
        for (value, number) in [
            ("5", Some(5)),
            ("-5", Some(-5)),
            ("5.0", Some(5)),
            ("-5.000", Some(-5)),
            (r#""5""#, Some(5)),
            (r#""-5.0""#, Some(-5)),
            ("0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("5e0", None),
            ("5.1", None),
            (r#""5 ""#, None),
            (r#""+5""#, None),
            (r#""""#, None),
            (r#""-""#, None),
            (r#""5.""#, None),
            ("null", None),
            ("true", None),
            ("[5]", None),
        ] {
            assert_eq!(with(value, |fields| super::number(fields, "k")), number, "{value}");
        }
        assert_eq!(with("1", |fields| super::number(fields, "other")), None);
    }

    #[test]
    fn an_optional_text_is_absent_in_many_ways() {
        let read = |value: &str| with(value, |fields| optional(fields, "k"));
        assert_eq!(with("1", |fields| optional(fields, "other")), Ok(None));
        for absent in ["null", r#""""#, "[]", "{}", "[ ]", "{\n}"] {
            assert_eq!(read(absent), Ok(None), "{absent}");
            assert_eq!(with(absent, |fields| text(fields, "k")), Err(Refusal::Key("k")), "{absent}");
        }
        assert_eq!(read(r#""\u0041\/""#), Ok(Some("A/".to_owned())));
        for bad in ["7", "true", "[0]", r#"{"":0}"#, r#""a\u0000b""#] {
            assert_eq!(read(bad), Err(Refusal::Key("k")), "{bad}");
        }
        assert_eq!(with("1.10", |fields| name(fields, "k")).as_deref(), Ok("1.10"));
        assert_eq!(with(r#""a""#, |fields| name(fields, "k")).as_deref(), Ok("a"));
        assert_eq!(with("true", |fields| name(fields, "k")), Err(Refusal::Key("k")));
    }

    #[test]
    fn marks() {
        for (value, set) in [
            ("1", true),
            ("1.0", true),
            (r#""1""#, true),
            ("true", true),
            (r#""true""#, true),
            ("0", false),
            ("0.0", false),
            (r#""0""#, false),
            ("false", false),
            (r#""false""#, false),
            (r#""""#, false),
            ("null", false),
            ("[]", false),
            ("{ }", false),
        ] {
            assert_eq!(with(value, |fields| is_set(fields, "k")), set, "{value}");
        }
    }

    #[test]
    fn what_stands_around_the_object_does_not_matter() {
        for payload in
            [&b"{\"k\":1}"[..], b"\xef\xbb\xbf{\"k\":1}", b" \r\n{\"k\":1} ", b"{\"k\":1}\0garbage"]
        {
            assert_eq!(object(payload).map(|fields| super::number(&fields, "k")), Ok(Some(1)));
        }
        for bad in [&b"\xef\xbb{\"k\":1}"[..], b"{\"k\":1}x", b"[]", b"", b"{\"k\":\"\xff\"}"] {
            assert!(object(bad).is_err(), "{bad:?}");
        }
    }
}
