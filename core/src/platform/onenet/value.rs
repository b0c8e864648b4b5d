// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the platform's JSON: its objects however they are framed, its numbers however they are written.

use alloc::string::String;
use alloc::string::ToString;

use serde_json::{Map, Value};

/// The byte-order mark that some servers put before their text.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The object that `bytes` are. A byte-order mark in front and anything from a NUL on are passed over.
pub fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    let text = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    match serde_json::from_slice(text) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}

/// What an object that begins with `bytes` has behind its brace. `None` when `bytes` do not begin an object; empty when
/// too few of them are there to tell.
pub fn inside_object(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(BOM).unwrap_or(bytes).trim_ascii_start();
    match rest {
        [] => Some(&[]),
        [b'{', inside @ ..] => Some(inside.trim_ascii_start()),
        _ if bytes.len() < BOM.len() && BOM.starts_with(bytes) => Some(&[]),
        _ => None,
    }
}

/// Whether a value says nothing: null, or an empty text, list or object.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A whole number, written as a number or as a text. One that is too large for any field comes as the largest there is.
pub fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => {
            let exact = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            exact.or_else(|| whole(&number.to_string()))
        }
        Value::String(text) => {
            let text = text.trim();
            let digits = text.strip_prefix('-').unwrap_or(text);
            let plain = digits.starts_with(|c: char| c.is_ascii_digit())
                && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            if !plain {
                return None;
            }
            whole(text)
        }
        _ => None,
    }
}

/// The whole number that a decimal text says, whose fraction may be zeros and which may have an exponent.
fn whole(text: &str) -> Option<i128> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, digits) = mantissa.strip_prefix('-').map_or((1, mantissa), |digits| (-1, digits));
    let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // How many digits are in front of the point.
    let point = i64::try_from(integer.len()).ok()?.checked_add(exponent.parse().ok()?)?;
    let (mut number, mut count) = (0_i128, 0_i64);
    for digit in integer.chars().chain(fraction.chars()) {
        let digit = i128::from(digit.to_digit(10)?);
        if count < point {
            number = number.saturating_mul(10).saturating_add(sign * digit);
        } else if digit != 0 {
            return None;
        }
        count += 1;
    }
    while count < point && !matches!(number, 0 | i128::MIN | i128::MAX) {
        number = number.saturating_mul(10);
        count += 1;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_however_they_are_framed() {
        for text in
            ["{\"a\":1}", " \r\n{\"a\":1}\n", "\u{feff}{\"a\":1}", "\u{feff} {\"a\":1}\0\0", "{\"a\":1}\0x"]
        {
            assert_eq!(object(text.as_bytes()).unwrap()["a"], 1, "{text:?}");
        }
        for text in ["", "\u{feff}", "[1]", "{\"a\":1", "{\"a\":1}x", "7"] {
            assert_eq!(object(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn the_front_of_an_object_is_recognised() {
        for (text, inside) in [
            (&b""[..], Some(&b""[..])),
            (b"\xEF", Some(b"")),
            (b"\xEF\xBB", Some(b"")),
            (b"\xEF\xBB\xBF \n", Some(b"")),
            (b"\xEF\xBB\xBF{ \"x\"", Some(b"\"x\"")),
            (b" {", Some(b"")),
            (b"\xEF\xBBx", None),
            (b"x{", None),
            (b"\x7fELF", None),
        ] {
            assert_eq!(inside_object(text), inside, "{text:?}");
        }
    }

    #[test]
    fn numbers_however_they_are_written() {
        let of = |json: &str| integer(&serde_json::from_str(json).unwrap());
        for (json, number) in [
            ("0", 0),
            ("-1", -1),
            ("12.0", 12),
            ("2e3", 2000),
            ("18446744073709551615", i128::from(u64::MAX)),
            ("\"22\"", 22),
            ("\" -7 \"", -7),
            ("\"22.0\"", 22),
            ("1e300", i128::MAX),
            ("-1e300", i128::MIN),
        ] {
            assert_eq!(of(json), Some(number), "{json}");
        }
        assert_eq!(integer(&Value::from("9".repeat(60))), Some(i128::MAX));
        for json in [
            "1.5", "\"1.5\"", "\"\"", "\"x\"", "\"1e3\"", "\"--1\"", "\"inf\"", "\".\"", "true", "[1]",
            "null",
        ] {
            assert_eq!(of(json), None, "{json}");
        }
    }

    #[test]
    fn values_that_say_nothing() {
        let empty = |json: &str| is_empty(&serde_json::from_str(json).unwrap());
        assert!(["null", "\"\"", "\" \"", "[]", "{}"].into_iter().all(empty));
        assert!(!["0", "false", "\"x\"", "[0]", "{\"a\":null}"].into_iter().any(empty));
    }
}
