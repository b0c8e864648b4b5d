// SPDX-License-Identifier: MIT OR Apache-2.0
//! The answers: `{"errno":0,"error":"succ","data":{…}}` in the older dialects, `{"code":0,"msg":"succ","data":{…}}` on the
//! current platform, and the ways in which a download says no.

use alloc::string::String;

use serde_json::{Map, Value};

use super::{errno, value};
use crate::fetch::Class;
use crate::http::range::decimal;

/// An answer taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// 0, or why not.
    pub errno: i64,
    /// What was asked for.
    pub data: Map<String, Value>,
}

/// Numbers of the current platform for "no task": none exists, or it is done.
const NO_TASK: [i64; 2] = [12_012, 12_013];

/// The keys of the number, the older dialects' first.
const NUMBERS: [&str; 2] = ["errno", "code"];

/// Whether `front` begins with one of the keys of an answer. The rest may be missing.
pub fn begins_answer(front: &[u8]) -> bool {
    let Some(inside) = value::inside_object(front) else { return false };
    NUMBERS.iter().any(|key| inside.strip_prefix(b"\"").is_some_and(|rest| rest.starts_with(key.as_bytes())))
}

/// Reads an answer. `None` when it is not one.
pub fn envelope(body: &[u8]) -> Option<Envelope> {
    let mut map = value::object(body)?;
    let number = NUMBERS.iter().filter_map(|key| map.get(*key)).find(|number| !value::is_empty(number))?;
    let number = i64::try_from(value::integer(number)?).ok()?;
    let errno = if NO_TASK.contains(&number) { errno::NO_TASK } else { number };
    let data = match map.remove("data") {
        Some(Value::Object(data)) => data,
        _ => Map::new(),
    };
    Some(Envelope { errno, data })
}

impl Envelope {
    /// What a check of a task on the current platform says by the task's state rather than by a number: 0 while it may
    /// be downloaded.
    pub fn standing(&self) -> i64 {
        match self.data.get("status").and_then(value::integer) {
            Some(4 | 5) if self.errno == 0 => errno::INVALID_TASK_STATE,
            Some(6) if self.errno == 0 => errno::TASK_CANCELLED,
            _ => self.errno,
        }
    }
}

/// The one byte with which a download is refused, as a number or as its digit.
pub fn download_refusal(body: &[u8]) -> Option<i64> {
    match body {
        [byte @ 1..=6] => Some(i64::from(*byte)),
        [digit @ b'1'..=b'6'] => Some(i64::from(digit - b'0')),
        _ => None,
    }
}

/// The `Ota-Errno` header; an empty one says nothing, what is no number counts as a refusal without one.
pub fn header_refusal(value: Option<&str>) -> Option<i64> {
    match value.map(str::trim).filter(|value| !value.is_empty()).map(decimal) {
        None | Some(Some(0)) => None,
        Some(Some(code)) => i64::try_from(code).ok(),
        Some(None) => Some(-1),
    }
}

/// What a refusal during a download calls for: `download` tells the numbers of a slice's answer from those of a check.
pub fn class(errno: i64, download: bool) -> Class {
    let expired = if download {
        // 5 and 6 on the current platform: the task or the authorisation has run out.
        matches!(errno, errno::DOWNLOAD_INVALID_TOKEN | 5 | 6)
    } else {
        errno == errno::TOKEN_EXPIRED
    };
    if expired { Class::Expired } else { Class::Permanent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_envelopes() {
        let read = |text: &str| envelope(text.as_bytes()).map(|envelope| envelope.errno);
        assert_eq!(read(r#"{"errno":0,"error":"succ"}"#), Some(0));
        assert_eq!(read(r#"{"errno":12,"error":"token expired"}"#), Some(12));
        assert_eq!(read(r#"{"code":20,"msg":"task finish"}"#), Some(20));
        assert_eq!(read(r#"{"code":12012,"msg":"not exist"}"#), Some(11));
        assert_eq!(read(r#"{"code":12013,"msg":"task succ"}"#), Some(11));
        assert_eq!(read(r#"{"code":"0"}"#), Some(0));
        assert_eq!(read("\u{feff}{\"errno\":\"-12\",\"error\":\"x\"}\0"), Some(-12));
        assert_eq!(read(r#"{"errno":null,"code":12.0}"#), Some(12));
        for bad in ["", "{", "[]", "{}", r#"{"error":"succ"}"#, r#"{"errno":null}"#, r#"{"errno":1.5}"#] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let data = envelope(br#"{"code":0,"msg":"succ","request_id":"r","data":{"tid":1}}"#).unwrap().data;
        assert_eq!(data.get("tid").and_then(Value::as_i64), Some(1));
    }

    #[test]
    fn the_front_of_an_answer() {
        for front in [&b"{\"errno\":12,\"er"[..], b"\xEF\xBB\xBF {\n \"code\": 1}", b"{\"errno"] {
            assert!(begins_answer(front), "{front:?}");
        }
        for front in [&b""[..], b"{", b"{\"name\":1", b"{\"err", b"errno", b"[\"errno\"]"] {
            assert!(!begins_answer(front), "{front:?}");
        }
    }

    #[test]
    fn states_of_a_task() {
        let standing = |status: i64| {
            envelope(format!(r#"{{"code":0,"data":{{"status":{status}}}}}"#).as_bytes()).unwrap().standing()
        };
        assert_eq!([1, 2, 3, 4, 5, 6].map(standing), [0, 0, 0, 17, 17, 22]);
        assert_eq!(envelope(br#"{"errno":0}"#).unwrap().standing(), 0);
        assert_eq!(envelope(br#"{"errno":12,"data":{"status":6}}"#).unwrap().standing(), 12);
    }

    #[test]
    fn refusals_of_a_download() {
        assert_eq!((download_refusal(&[3]), download_refusal(b"3")), (Some(3), Some(3)));
        for data in [&b""[..], b"0", b"7", &[0], &[7], b"33"] {
            assert_eq!(download_refusal(data), None, "{data:?}");
        }
        assert_eq!(header_refusal(None), None);
        for fine in ["0", "", " "] {
            assert_eq!(header_refusal(Some(fine)), None, "{fine:?}");
        }
        assert_eq!(header_refusal(Some("4")), Some(4));
        assert_eq!(header_refusal(Some("x")), Some(-1));
        assert_eq!((class(3, true), class(3, false)), (Class::Expired, Class::Permanent));
        assert_eq!((class(12, false), class(22, false)), (Class::Expired, Class::Permanent));
    }
}
