// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading a description.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::{Description, Event, Kind, MAX_ELEMENTS, Node, Service, Values};
use crate::platform::aliyun::Refusal;
use crate::platform::aliyun::json::trimmed;

/// The longest text where the description does not say.
const TEXT: usize = 2048;
/// The elements of an array where the description does not say.
const ELEMENTS: usize = 128;

impl Description {
    /// Reads a description. Its three lists may be missing.
    pub fn decode(text: &[u8]) -> Result<Self, Refusal> {
        let json: Value = serde_json::from_slice(trimmed(text)).map_err(|_| Refusal::NotJson)?;
        let list = |key: &'static str| match json.get(key) {
            None | Some(Value::Null) => Ok(&[][..]),
            Some(Value::Array(list)) => Ok(list.as_slice()),
            Some(_) => Err(Refusal::Key(key)),
        };
        if !json.is_object() {
            return Err(Refusal::NotJson);
        }
        let events = list("events")?
            .iter()
            .map(|event| Ok(Event { name: identifier(event)?, outputs: parameters(event, "outputData")? }));
        let services = list("services")?.iter().map(|service| {
            Ok(Service {
                name: identifier(service)?,
                inputs: parameters(service, "inputData")?,
                outputs: parameters(service, "outputData")?,
            })
        });
        Ok(Self {
            properties: values(list("properties")?)?,
            events: events.collect::<Result<_, Refusal>>()?,
            services: services.collect::<Result<_, Refusal>>()?,
        })
    }
}

fn identifier(item: &Value) -> Result<String, Refusal> {
    match item.get("identifier").and_then(Value::as_str) {
        Some(name) if !name.is_empty() && !name.contains(['.', '[', ']', '\0']) => Ok(name.to_owned()),
        _ => Err(Refusal::Key("identifier")),
    }
}

/// A list of parameters. The service that reads properties lists their names alone, which is none.
fn parameters(item: &Value, key: &'static str) -> Result<Values, Refusal> {
    match item.get(key) {
        None | Some(Value::Null) => Ok(Values::default()),
        Some(Value::Array(list)) if list.iter().any(Value::is_string) => Ok(Values::default()),
        Some(Value::Array(list)) => values(list),
        Some(_) => Err(Refusal::Key(key)),
    }
}

fn values(list: &[Value]) -> Result<Values, Refusal> {
    let one = |item: &Value| {
        let data_type = item.get("dataType").ok_or(Refusal::Key("dataType"))?;
        Ok((identifier(item)?, node(data_type)?))
    };
    list.iter().map(one).collect::<Result<_, Refusal>>().map(Values)
}

fn node(data_type: &Value) -> Result<Node, Refusal> {
    let specs = data_type.get("specs");
    let number = |key: &str| -> Option<usize> {
        match specs?.get(key)? {
            Value::String(digits) => digits.parse().ok(),
            other => usize::try_from(other.as_u64()?).ok(),
        }
    };
    let kind = match data_type.get("type").and_then(Value::as_str) {
        Some("int") => Kind::Int,
        Some("float") => Kind::Float,
        Some("double") => Kind::Double,
        Some("text" | "string") => Kind::Text(number("length").unwrap_or(TEXT)),
        Some("enum") => Kind::Enum,
        Some("bool") => Kind::Bool,
        Some("date") => Kind::Date,
        Some("struct") => {
            let members = specs.and_then(Value::as_array).ok_or(Refusal::Key("specs"))?;
            return Ok(Node::Struct(values(members)?));
        }
        Some("array") => {
            let element = specs.and_then(|specs| specs.get("item")).ok_or(Refusal::Key("item"))?;
            let size = number("size").unwrap_or(ELEMENTS).min(MAX_ELEMENTS);
            return Ok(Node::Array { size, element: Box::new(node(element)?), items: Vec::new() });
        }
        _ => return Err(Refusal::Key("type")),
    };
    Ok(Node::Scalar { kind, value: None })
}
