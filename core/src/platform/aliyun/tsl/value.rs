// SPDX-License-Identifier: MIT OR Apache-2.0
//! Single values and their types.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use core::fmt;

use serde_json::Value;

use super::Fault;
use crate::platform::aliyun::json::quote;

/// The type of a single value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 32 bits.
    Int,
    /// 32 bits.
    Float,
    /// 64 bits.
    Double,
    /// At most so many bytes.
    Text(usize),
    /// One of the numbers that the description lists. The cloud checks which.
    Enum,
    /// 0 or 1.
    Bool,
    /// Milliseconds since 1970, as text.
    Date,
}

/// A single value.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Of an int, an enum or a bool.
    Int(i32),
    /// Of a float.
    Float(f32),
    /// Of a double.
    Double(f64),
    /// Of a text or a date.
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Double(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

impl Scalar {
    pub(super) fn json(&self) -> String {
        match self {
            Self::Text(text) => quote(text),
            number => number.to_string(),
        }
    }
}

impl Kind {
    /// The value of what was never set.
    pub(super) fn zero(self) -> Scalar {
        match self {
            Self::Int | Self::Enum | Self::Bool => Scalar::Int(0),
            Self::Float => Scalar::Float(0.0),
            Self::Double => Scalar::Double(0.0),
            Self::Text(_) | Self::Date => Scalar::Text(String::new()),
        }
    }

    /// Whether a value fits. JSON has no numbers that are not finite.
    pub(super) fn check(self, scalar: Scalar) -> Result<Scalar, Fault> {
        match (self, &scalar) {
            (Self::Int | Self::Enum, Scalar::Int(_)) | (Self::Bool, Scalar::Int(0 | 1)) => Ok(scalar),
            (Self::Float, Scalar::Float(value)) if value.is_finite() => Ok(scalar),
            (Self::Double, Scalar::Double(value)) if value.is_finite() => Ok(scalar),
            (Self::Date, Scalar::Text(_)) => Ok(scalar),
            (Self::Text(most), Scalar::Text(text)) if text.len() <= most => Ok(scalar),
            (Self::Text(_), Scalar::Text(_)) => Err(Fault::TooLong),
            _ => Err(Fault::Type),
        }
    }

    /// Reads the text form of a value.
    pub(super) fn parse(self, text: &str) -> Result<Scalar, Fault> {
        let number = text.trim();
        self.check(match (self, number) {
            (Self::Bool, "true") => Scalar::Int(1),
            (Self::Bool, "false") => Scalar::Int(0),
            (Self::Int | Self::Enum | Self::Bool, _) => Scalar::Int(number.parse().map_err(|_| Fault::Type)?),
            (Self::Float, _) => Scalar::Float(number.parse().map_err(|_| Fault::Type)?),
            (Self::Double, _) => Scalar::Double(number.parse().map_err(|_| Fault::Type)?),
            (Self::Text(_) | Self::Date, _) => Scalar::Text(text.to_owned()),
        })
    }

    /// Reads the JSON form: numbers may come as text, with a fraction of zeros, a bool as `true`.
    pub(super) fn read(self, json: &Value) -> Result<Scalar, Fault> {
        match (self, json) {
            (_, Value::String(text)) => self.parse(text),
            (Self::Bool, Value::Bool(value)) => Ok(Scalar::Int(i32::from(*value))),
            (Self::Date, Value::Number(number)) => Ok(Scalar::Text(number.to_string())),
            (Self::Text(_), _) => Err(Fault::Type),
            (_, Value::Number(number)) => {
                let text = number.to_string();
                let zeros = |fraction: &str| fraction.bytes().all(|byte| byte == b'0');
                match text.split_once('.') {
                    Some((whole, fraction)) if zeros(fraction) => self.parse(whole),
                    _ => self.parse(&text),
                }
            }
            _ => Err(Fault::Type),
        }
    }
}
