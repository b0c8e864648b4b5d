// SPDX-License-Identifier: MIT OR Apache-2.0
//! A task, as the answer to a check describes it.

use serde_json::{Map, Value};

use super::TaskId;
use crate::fetch::range::decimal;

/// An upgrade that the platform wants of the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The version that it leads to.
    pub target: String,
    /// What names it.
    pub id: TaskId,
    /// Size of the package in bytes, at least 1.
    pub size: u64,
    /// MD5 of the package, as it came.
    pub md5: String,
    /// Least signal strength for the upgrade; 0: any.
    pub signal: u8,
    /// Least battery charge for it, in percent; 0: any.
    pub power: u8,
    /// How often a slice may fail in a row; 0: not said.
    pub retry: i16,
    /// Seconds between such attempts; 0: not said.
    pub interval: u32,
    /// 1 for a whole package, 2 for a differential one; 0: not said.
    pub kind: u8,
    /// Address that packages come from, when it was asked for.
    pub address: Option<String>,
}

/// Why a task was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskError {
    /// A field is missing or makes no sense. Its name.
    Field(&'static str),
    /// A number does not fit its field. Its name.
    Range(&'static str),
}

impl Task {
    /// Reads the `data` of an answer; tokens name the task if `tokens`, else numbers.
    pub fn decode(data: &Map<String, Value>, tokens: bool) -> Result<Self, TaskError> {
        let size = number(data, "size")?.ok_or(TaskError::Field("size"))?;
        if size == 0 {
            return Err(TaskError::Field("size"));
        }
        let id = if tokens {
            let token = text(data, "token")?;
            // It becomes part of a path.
            let whole = super::plain(&token) && !token.contains(['/', '?', '#']);
            TaskId::Token(Some(token).filter(|_| whole).ok_or(TaskError::Field("token"))?)
        } else {
            TaskId::Number(fitting(data, "tid")?.ok_or(TaskError::Field("tid"))?)
        };
        Ok(Self {
            target: text(data, "target")?,
            id,
            size,
            md5: text(data, "md5")?,
            signal: fitting(data, "signal")?.unwrap_or(0),
            power: fitting(data, "power")?.unwrap_or(0),
            retry: fitting(data, "retry")?.unwrap_or(0),
            interval: fitting(data, "interval")?.unwrap_or(0),
            kind: fitting(data, "type")?.unwrap_or(0),
            address: data.contains_key("ipPort").then(|| text(data, "ipPort")).transpose()?,
        })
    }
}

/// Text that C can take: not empty, no NUL inside.
fn text(data: &Map<String, Value>, key: &'static str) -> Result<String, TaskError> {
    let text = data.get(key).and_then(Value::as_str).ok_or(TaskError::Field(key))?;
    if text.is_empty() || text.contains('\0') { Err(TaskError::Field(key)) } else { Ok(text.to_owned()) }
}

/// A count, as a number or as its digits in a string.
fn number(data: &Map<String, Value>, key: &'static str) -> Result<Option<u64>, TaskError> {
    match data.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => number.as_u64().map(Some).ok_or(TaskError::Field(key)),
        Some(Value::String(digits)) => decimal(digits).map(Some).ok_or(TaskError::Field(key)),
        Some(_) => Err(TaskError::Field(key)),
    }
}

fn fitting<T: TryFrom<u64>>(data: &Map<String, Value>, key: &'static str) -> Result<Option<T>, TaskError> {
    number(data, key)?.map(|value| T::try_from(value).map_err(|_| TaskError::Range(key))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(json: &str, tokens: bool) -> Result<Task, TaskError> {
        Task::decode(serde_json::from_str::<Value>(json).unwrap().as_object().unwrap(), tokens)
    }

    const GENERAL: &str = r#"{"target":"V1","token":"ota_iF0hnXrq2CxLrP8vZ39l","size":22,"md5":"ad2f4e4ea2a27eace7e4913139f8f01a","signal":10,"power":50,"retry":0,"interval":0,"type":1}"#;

    #[test]
    fn the_published_example() {
        let task = decode(GENERAL, true).unwrap();
        assert_eq!((task.target.as_str(), task.size, task.signal, task.power), ("V1", 22, 10, 50));
        assert_eq!(task.id, TaskId::Token("ota_iF0hnXrq2CxLrP8vZ39l".into()));
        assert_eq!(
            (task.md5.as_str(), task.kind, task.address),
            ("ad2f4e4ea2a27eace7e4913139f8f01a", 1, None)
        );
        let cdn = GENERAL.replace("}", r#","ipPort":"183.230.40.50:80"}"#);
        assert_eq!(decode(&cdn, true).unwrap().address.as_deref(), Some("183.230.40.50:80"));
    }

    #[test]
    fn the_current_platforms_example() {
        let json = r#"{"target":"v3.0","tid":1317438,"size":8260,"md5":"x","status":1,"type":1}"#;
        let task = decode(json, false).unwrap();
        assert_eq!((task.id, task.size, task.retry), (TaskId::Number(1_317_438), 8260, 0));
        assert_eq!(decode(json, true), Err(TaskError::Field("token")));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let cases = [
            ("22", "0", TaskError::Field("size")),
            ("22", "-1", TaskError::Field("size")),
            ("22", "1.5", TaskError::Field("size")),
            ("22", "[22]", TaskError::Field("size")),
            ("22", "null", TaskError::Field("size")),
            ("22", "\"x\"", TaskError::Field("size")),
            ("\"V1\"", "\"\"", TaskError::Field("target")),
            ("\"V1\"", "\"a\\u0000b\"", TaskError::Field("target")),
            ("ota_i", "ota/i", TaskError::Field("token")),
            ("ota_i", "ota i", TaskError::Field("token")),
            ("10", "256", TaskError::Range("signal")),
            ("\"retry\":0", "\"retry\":40000", TaskError::Range("retry")),
            ("\"interval\":0", "\"interval\":4294967296", TaskError::Range("interval")),
        ];
        for (from, to, error) in cases {
            assert_eq!(decode(&GENERAL.replacen(from, to, 1), true), Err(error), "{to}");
        }
        assert_eq!(decode(&GENERAL.replace("22", "\"22\""), true).unwrap().size, 22);
    }
}
