// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sub-devices of a gateway.

use otakit_core::platform::aliyun::identity::Device;

/// How far a sub-device has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubDeviceState {
    /// Known here only.
    Opened,
    /// It has a secret.
    Registered,
    /// It belongs to the gateway.
    Attached,
    /// It is on line.
    LoggedIn,
}

/// A sub-device.
#[derive(Clone, Debug)]
pub struct Node {
    /// 1 and up; never used twice.
    pub id: i32,
    /// Its names.
    pub device: Device,
    /// Empty until it is registered.
    pub secret: String,
    /// How far it has come.
    pub state: SubDeviceState,
}

/// All sub-devices.
#[derive(Debug, Default)]
pub struct Nodes {
    list: Vec<Node>,
    last: i32,
}

impl Nodes {
    /// Adds a sub-device; one that is known already keeps its id and what is known of it. `None`: no more ids.
    pub fn open(&mut self, device: &Device, secret: &str) -> Option<i32> {
        if let Some(node) = self.list.iter().find(|node| &node.device == device) {
            return Some(node.id);
        }
        self.last = self.last.checked_add(1)?;
        let state = if secret.is_empty() { SubDeviceState::Opened } else { SubDeviceState::Registered };
        let (device, secret) = (device.clone(), secret.to_owned());
        self.list.push(Node { id: self.last, device, secret, state });
        Some(self.last)
    }

    /// A sub-device by its id.
    pub fn get(&self, id: i32) -> Option<&Node> {
        self.list.iter().find(|node| node.id == id)
    }

    /// The same, to change.
    pub fn get_mut(&mut self, id: i32) -> Option<&mut Node> {
        self.list.iter_mut().find(|node| node.id == id)
    }

    /// A sub-device by its names.
    pub fn find(&self, device: &Device) -> Option<&Node> {
        self.list.iter().find(|node| &node.device == device)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes a sub-device out.
    pub fn close(&mut self, id: i32) -> Option<Node> {
        let index = self.list.iter().position(|node| node.id == id)?;
        Some(self.list.remove(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_names_are_kept() {
        let mut nodes = Nodes::default();
        let device = |name| Device::new("pk", name).unwrap();
        assert_eq!(nodes.open(&device("a"), ""), Some(1));
        assert_eq!(nodes.open(&device("b"), "s"), Some(2));
        assert_eq!(nodes.open(&device("a"), "other"), Some(1));
        assert_eq!(nodes.get(1).map(|node| node.secret.as_str()), Some(""));
        assert_eq!(nodes.get(1).map(|node| node.state), Some(SubDeviceState::Opened));
        assert_eq!(
            nodes.find(&device("b")).map(|node| (node.id, node.state)),
            Some((2, SubDeviceState::Registered))
        );
        assert_eq!(nodes.close(1).map(|node| node.id), Some(1));
        assert!(nodes.close(1).is_none() && nodes.get(1).is_none());
        assert_eq!(nodes.open(&device("a"), ""), Some(3));
    }
}
