// SPDX-License-Identifier: MIT OR Apache-2.0
//! A task, as the answer to a check describes it.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use serde_json::{Map, Value};

use super::{TaskId, value};

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
    /// Least signal strength for the upgrade, in the platform's units, which may be negative (dBm); 0: any.
    pub signal: i32,
    /// Least battery charge for it, in percent; 0: any.
    pub power: u8,
    /// How often a slice may fail in a row; 0 and below: not said.
    pub retry: i16,
    /// Seconds between such attempts; 0: not said.
    pub interval: u32,
    /// 1 for a whole package, 2 for a differential one; 0: not said.
    pub kind: u8,
    /// Address that packages come from, when it was asked for.
    pub address: Option<String>,
}

impl Task {
    /// Whether its package is a difference to an older image rather than an image.
    pub fn is_differential(&self) -> bool {
        self.kind == 2
    }
}

/// Why a task was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskError {
    /// A required field is missing or makes no sense. Its name.
    Field(&'static str),
    /// A required number does not fit its field. Its name.
    Range(&'static str),
}

impl core::fmt::Display for TaskError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Field(name) => write!(f, "field \"{name}\" missing, empty or of the wrong type"),
            Self::Range(name) => write!(f, "field \"{name}\" has a number that does not fit it"),
        }
    }
}

impl Task {
    /// Reads the `data` of an answer; tokens name the task if `tokens`, else numbers.
    ///
    /// What is required is `size`, `target`, `md5` and the task's name. Any other field never refuses a task: one that
    /// says nothing or cannot be read counts as absent, and a number outside its field's range becomes the nearest one.
    /// `note` gets a line about each such field, for a log.
    pub fn decode(
        data: &Map<String, Value>,
        tokens: bool,
        note: &mut dyn FnMut(fmt::Arguments<'_>),
    ) -> Result<Self, TaskError> {
        let id = if tokens {
            let token = text(data, "token")?;
            // It becomes part of a path.
            let whole = super::plain(&token) && !token.contains(['/', '?', '#']);
            TaskId::Token(Some(token).filter(|_| whole).ok_or(TaskError::Field("token"))?)
        } else {
            TaskId::Number(required(data, "tid")?)
        };
        Ok(Self {
            target: text(data, "target")?,
            id,
            size: size(data)?,
            md5: text(data, "md5")?,
            signal: optional(data, "signal", (i32::MIN, i32::MAX), note),
            power: optional(data, "power", (0, u8::MAX), note),
            retry: optional(data, "retry", (i16::MIN, i16::MAX), note),
            interval: optional(data, "interval", (0, u32::MAX), note),
            kind: optional(data, "type", (0, u8::MAX), note),
            address: text(data, "ipPort").ok(),
        })
    }
}

/// Text that C can take: not empty, no NUL inside.
fn text(data: &Map<String, Value>, key: &'static str) -> Result<String, TaskError> {
    let text = data.get(key).and_then(Value::as_str).ok_or(TaskError::Field(key))?;
    if text.is_empty() || text.contains('\0') { Err(TaskError::Field(key)) } else { Ok(text.to_owned()) }
}

/// A size in bytes; offsets travel as signed 64-bit numbers in many file systems.
fn size(data: &Map<String, Value>) -> Result<u64, TaskError> {
    match required(data, "size")? {
        0 => Err(TaskError::Field("size")),
        size if i64::try_from(size).is_err() => Err(TaskError::Range("size")),
        size => Ok(size),
    }
}

/// A number that is not negative.
fn required<T: TryFrom<i128>>(data: &Map<String, Value>, key: &'static str) -> Result<T, TaskError> {
    let number = data.get(key).and_then(value::integer).filter(|number| *number >= 0);
    T::try_from(number.ok_or(TaskError::Field(key))?).map_err(|_| TaskError::Range(key))
}

/// A number between `least` and `most`, 0 when there is none.
fn optional<T>(
    data: &Map<String, Value>,
    key: &'static str,
    (least, most): (T, T),
    note: &mut dyn FnMut(fmt::Arguments<'_>),
) -> T
where
    T: Copy + Default + Into<i128> + TryFrom<i128>,
{
    let Some(given) = data.get(key).filter(|given| !value::is_empty(given)) else { return T::default() };
    let fitting = value::integer(given).map(|number| number.clamp(least.into(), most.into()));
    if fitting.is_none_or(|number| Some(number) != value::integer(given)) {
        note(format_args!("task: {key} is {given}, which does not fit: taken as {}", fitting.unwrap_or(0)));
    }
    fitting.and_then(|number| T::try_from(number).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn decode(json: &str, tokens: bool) -> Result<Task, TaskError> {
        Task::decode(serde_json::from_str::<Value>(json).unwrap().as_object().unwrap(), tokens, &mut |_| {})
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
        for (kind, is_differential) in [
            ("0", false),
            ("1", false),
            ("2", true),
            (r#""2""#, true),
            ("2.0", true),
            ("3", false),
            ("null", false),
        ] {
            let task = decode(&GENERAL.replace(r#""type":1"#, &format!(r#""type":{kind}"#)), true).unwrap();
            assert_eq!(task.is_differential(), is_differential, "{kind}");
        }
    }

    #[test]
    fn the_current_platforms_example() {
        let json = r#"{"target":"v3.0","tid":1317438,"size":8260,"md5":"x","status":1,"type":1}"#;
        let task = decode(json, false).unwrap();
        assert_eq!((task.id, task.size, task.retry), (TaskId::Number(1_317_438), 8260, 0));
        assert_eq!(decode(json, true), Err(TaskError::Field("token")));
    }

    /// How each field may be spelt: its key, then for each way what becomes of it.
    fn spelt(key: &str, value: Option<&Value>, tokens: bool) -> Result<Task, TaskError> {
        let text = GENERAL.replace("}", r#","tid":5,"ipPort":"183.230.40.50:80"}"#);
        let mut data = serde_json::from_str::<Value>(&text).unwrap().as_object().unwrap().clone();
        data.remove(key);
        if let Some(value) = value {
            data.insert(key.to_owned(), value.clone());
        }
        Task::decode(&data, tokens, &mut |_| {})
    }

    /// Everything that a field can hold; `None`: it is not there.
    fn spellings() -> Vec<Option<Value>> {
        let texts = [
            "null",
            "\"\"",
            "\" \"",
            "[]",
            "{}",
            "[7]",
            "{\"a\":7}",
            "true",
            "\"x\"",
            "\"a\\u0000b\"",
            "0",
            "7",
            "7.0",
            "7.5",
            "\"7\"",
            "\"7.0\"",
            "\"7.5\"",
            "-1",
            "\"-1\"",
            "-90",
            "-40000",
            "255",
            "256",
            "\"256\"",
            "32767",
            "40000",
            "4294967295",
            "4294967296",
            "9223372036854775807",
            "9223372036854775808",
            "1e300",
            "-1e300",
        ];
        core::iter::once(None).chain(texts.map(|text| Some(serde_json::from_str(text).unwrap()))).collect()
    }

    /// The whole number that a spelling means, by other means than the code's.
    fn meant(value: Option<&Value>) -> Option<f64> {
        let number = match value? {
            Value::Number(number) => number.as_f64()?,
            Value::String(text) if text.bytes().all(|b| b.is_ascii_digit() || b"-.".contains(&b)) => {
                text.parse().ok()?
            }
            _ => return None,
        };
        (number.fract() == 0.0).then_some(number)
    }

    #[test]
    fn optional_fields_never_refuse_a_task() {
        for value in spellings() {
            let value = value.as_ref();
            let within = |least: f64, most: f64| meant(value).map_or(0.0, |number| number.clamp(least, most));
            let task =
                |key| spelt(key, value, true).unwrap_or_else(|error| panic!("{key} {value:?}: {error:?}"));
            let signal = within(f64::from(i32::MIN), f64::from(i32::MAX));
            assert_eq!(f64::from(task("signal").signal), signal, "{value:?}");
            assert_eq!(f64::from(task("power").power), within(0.0, 255.0), "{value:?}");
            assert_eq!(f64::from(task("retry").retry), within(-32768.0, 32767.0), "{value:?}");
            assert_eq!(f64::from(task("interval").interval), within(0.0, f64::from(u32::MAX)), "{value:?}");
            assert_eq!(f64::from(task("type").kind), within(0.0, 255.0), "{value:?}");
            let address =
                value.and_then(Value::as_str).filter(|text| !text.is_empty() && !text.contains('\0'));
            assert_eq!(task("ipPort").address.as_deref(), address, "{value:?}");
            task("whatever");
        }
    }

    #[test]
    fn required_fields_are_read_or_refused_by_name() {
        for value in spellings() {
            let value = value.as_ref();
            for (key, most) in [("size", 9_223_372_036_854_775_807_u64), ("tid", u64::from(u32::MAX))] {
                let outcome = spelt(key, value, key == "size");
                let least = f64::from(u8::from(key == "size"));
                let expected = match meant(value) {
                    Some(number) if number < least => Err(TaskError::Field(key)),
                    // (2^63 and 2^63 - 1 are the same in floating point.)
                    Some(number) if number > most as f64 || value == Some(&Value::from(1_u64 << 63)) => {
                        Err(TaskError::Range(key))
                    }
                    Some(_) => Ok(()),
                    None => Err(TaskError::Field(key)),
                };
                assert_eq!(outcome.map(drop), expected, "{key} {value:?}");
            }
            for key in ["target", "md5", "token"] {
                let good = value.and_then(Value::as_str).is_some_and(|text| {
                    !text.is_empty() && !text.contains('\0') && (key != "token" || !text.contains(' '))
                });
                let outcome = spelt(key, value, true).map(drop);
                assert_eq!(
                    outcome,
                    if good { Ok(()) } else { Err(TaskError::Field(key)) },
                    "{key} {value:?}"
                );
            }
        }
    }

    #[test]
    fn a_name_that_would_leave_its_path_is_refused() {
        for token in ["ota/i", "ota?i", "ota#i", "ota i", "ota\r\ni", "\u{e9}"] {
            assert_eq!(
                spelt("token", Some(&Value::from(token)), true),
                Err(TaskError::Field("token")),
                "{token}"
            );
        }
    }
}
