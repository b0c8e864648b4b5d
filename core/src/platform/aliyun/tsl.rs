// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device's description in TSL, Aliyun's JSON text: which properties, events and services it has, of which types; and the
//! values that they have at the moment.

mod decode;
mod value;

pub use value::{Kind, Scalar};

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::fmt::Write as _;

use serde_json::Value;

use super::json::quote;

/// Most elements of an array, whatever the description says.
const MAX_ELEMENTS: usize = 4096;

/// Why a value cannot be set or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The description has no such identifier.
    Unknown,
    /// The value is of another type.
    Type,
    /// The text is longer than the description allows.
    TooLong,
    /// The array has fewer elements.
    Index,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the description has no such identifier",
            Self::Type => "the value does not fit the type in the description",
            Self::TooLong => "the text is longer than the description allows",
            Self::Index => "the array has fewer elements in the description",
        })
    }
}

/// A value, or what it is made of.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Scalar { kind: Kind, value: Option<Scalar> },
    Struct(Values),
    Array { size: usize, element: Box<Node>, items: Vec<Node> },
}

/// Named values, in the description's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(Vec<(String, Node)>);

/// An event: what is sent with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its identifier.
    pub name: String,
    /// What is sent with it.
    pub outputs: Values,
}

/// A service of the device.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its identifier.
    pub name: String,
    /// What the cloud calls it with.
    pub inputs: Values,
    /// What it answers.
    pub outputs: Values,
}

/// A device's description and its values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// Its properties.
    pub properties: Values,
    events: Vec<Event>,
    services: Vec<Service>,
}

impl Description {
    /// An event by its identifier.
    pub fn event(&mut self, name: &str) -> Option<&mut Event> {
        self.events.iter_mut().find(|event| event.name == name)
    }

    /// A service by its identifier.
    pub fn service(&mut self, name: &str) -> Option<&mut Service> {
        self.services.iter_mut().find(|service| service.name == name)
    }
}

impl Values {
    /// The type of a value; `None` for a struct or an array.
    pub fn kind(&self, path: &str) -> Result<Option<Kind>, Fault> {
        Ok(match self.node(path)? {
            Node::Scalar { kind, .. } => Some(*kind),
            Node::Array { .. } | Node::Struct(_) => None,
        })
    }

    /// The value at `path`, as `a`, `a.b` or `a[0].b`. One that was never set is 0 or empty. Structs and arrays are no scalars.
    pub fn get(&self, path: &str) -> Result<Scalar, Fault> {
        match self.node(path)? {
            Node::Scalar { kind, value } => Ok(value.clone().unwrap_or_else(|| kind.zero())),
            Node::Array { .. } | Node::Struct(_) => Err(Fault::Type),
        }
    }

    /// The value at `path` as text: a scalar's own, else JSON.
    pub fn text(&self, path: &str) -> Result<String, Fault> {
        Ok(match self.node(path)? {
            Node::Scalar { kind, value } => value.clone().unwrap_or_else(|| kind.zero()).to_string(),
            node => node.json(),
        })
    }

    /// Sets the value at `path`.
    pub fn set(&mut self, path: &str, scalar: Scalar) -> Result<(), Fault> {
        let kind = self.kind(path)?.ok_or(Fault::Type)?;
        let value = Some(kind.check(scalar)?);
        *self.slot(path)? = Node::Scalar { kind, value };
        Ok(())
    }

    /// Sets the value at `path` from text: a number's digits, a text as it is, JSON for a struct or an array.
    pub fn set_text(&mut self, path: &str, text: &str) -> Result<(), Fault> {
        match self.kind(path)? {
            Some(kind) => self.set(path, kind.parse(text)?),
            None => self.set_json(path, &serde_json::from_str(text).map_err(|_| Fault::Type)?),
        }
    }

    /// Sets the value at `path` from JSON; members that the description does not have are left out of it. All or nothing.
    pub fn set_json(&mut self, path: &str, json: &Value) -> Result<(), Fault> {
        let mut changed = self.node(path)?.clone();
        changed.set_json(json)?;
        *self.slot(path)? = changed;
        Ok(())
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        for (_, node) in &mut self.0 {
            node.clear();
        }
    }

    /// What was set, as a JSON object; `None` when nothing was.
    pub fn json(&self) -> Option<String> {
        let set: Vec<_> = self.0.iter().filter(|(_, node)| node.is_set()).collect();
        if set.is_empty() { None } else { Some(object(set.into_iter())) }
    }

    /// The member that `path` begins with, as a JSON object of one.
    pub fn json_of(&self, path: &str) -> Result<String, Fault> {
        let name = head(path).0;
        let member = self.0.iter().find(|(known, _)| known == name).ok_or(Fault::Unknown)?;
        self.node(path)?;
        Ok(object(core::iter::once(member)))
    }

    fn node(&self, path: &str) -> Result<&Node, Fault> {
        let (name, mut rest) = head(path);
        let mut node = &self.0.iter().find(|(known, _)| known == name).ok_or(Fault::Unknown)?.1;
        loop {
            node = match (node, step(rest)?) {
                (node, None) => return Ok(node),
                (Node::Struct(values), Some(Step::Member(path))) => return values.node(path),
                (Node::Array { size, element, items }, Some(Step::Index(index, left))) => {
                    rest = left;
                    // An element that was never set is like any new one.
                    if index < *size {
                        items.get(index).unwrap_or(element)
                    } else {
                        return Err(Fault::Index);
                    }
                }
                _ => return Err(Fault::Unknown),
            };
        }
    }

    fn slot(&mut self, path: &str) -> Result<&mut Node, Fault> {
        let (name, mut rest) = head(path);
        let mut node = &mut self.0.iter_mut().find(|(known, _)| known == name).ok_or(Fault::Unknown)?.1;
        loop {
            node = match (node, step(rest)?) {
                (node, None) => return Ok(node),
                (Node::Struct(values), Some(Step::Member(path))) => return values.slot(path),
                (Node::Array { size, element, items }, Some(Step::Index(index, left))) => {
                    rest = left;
                    if index >= *size {
                        return Err(Fault::Index);
                    }
                    if items.len() <= index {
                        items.resize(index + 1, (**element).clone());
                    }
                    items.get_mut(index).ok_or(Fault::Index)?
                }
                _ => return Err(Fault::Unknown),
            };
        }
    }
}

impl Node {
    fn is_set(&self) -> bool {
        match self {
            Self::Scalar { value, .. } => value.is_some(),
            Self::Struct(values) => values.0.iter().any(|(_, node)| node.is_set()),
            Self::Array { items, .. } => !items.is_empty(),
        }
    }

    fn clear(&mut self) {
        match self {
            Self::Scalar { value, .. } => *value = None,
            Self::Struct(values) => values.clear(),
            Self::Array { items, .. } => items.clear(),
        }
    }

    /// A struct's members that were never set are left out.
    fn json(&self) -> String {
        match self {
            Self::Scalar { kind, value } => value.as_ref().unwrap_or(&kind.zero()).json(),
            Self::Struct(values) => values.json().unwrap_or_else(|| "{}".to_owned()),
            Self::Array { items, .. } => {
                let items: Vec<_> = items.iter().map(Self::json).collect();
                format!("[{}]", items.join(","))
            }
        }
    }

    fn set_json(&mut self, json: &Value) -> Result<(), Fault> {
        match (self, json) {
            (Self::Scalar { kind, value }, json) => *value = Some(kind.read(json)?),
            (Self::Struct(values), Value::Object(members)) => {
                for (name, node) in &mut values.0 {
                    if let Some(json) = members.get(name.as_str()) {
                        node.set_json(json)?;
                    }
                }
            }
            (Self::Array { size, element, items }, Value::Array(list)) => {
                if list.len() > *size {
                    return Err(Fault::Index);
                }
                *items = vec![(**element).clone(); list.len()];
                for (item, json) in items.iter_mut().zip(list) {
                    item.set_json(json)?;
                }
            }
            _ => return Err(Fault::Type),
        }
        Ok(())
    }
}

fn object<'a>(members: impl Iterator<Item = &'a (String, Node)>) -> String {
    let mut text = String::from("{");
    for (index, (name, node)) in members.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{}:{}", quote(name), node.json());
    }
    text.push('}');
    text
}

/// One step into a value.
enum Step<'a> {
    /// Into a struct: the path from there on.
    Member(&'a str),
    /// Into an array: the element, and what is left of the path.
    Index(usize, &'a str),
}

/// A path's first name and the rest.
fn head(path: &str) -> (&str, &str) {
    path.split_at(path.find(['.', '[']).unwrap_or(path.len()))
}

fn step(rest: &str) -> Result<Option<Step<'_>>, Fault> {
    if rest.is_empty() {
        return Ok(None);
    }
    if let Some(path) = rest.strip_prefix('.') {
        return Ok(Some(Step::Member(path)));
    }
    let (index, left) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or(Fault::Unknown)?;
    Ok(Some(Step::Index(index.parse().map_err(|_| Fault::Index)?, left)))
}

#[cfg(test)]
mod tests;
