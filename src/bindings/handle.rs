// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handles are checked, not trusted: what C holds is a number in a pointer's clothes, looked up at each call.
//!
//! A handle carries its kind, the index of its slot and the generation of the slot's use, so that a stale, doubled or
//! made-up one is recognised. It is never NULL and never points anywhere.

use std::ffi::c_void;
use std::sync::Arc;

use parking_lot::RwLock;

/// What a handle stands for; part of its value, so that handles of different kinds cannot be mixed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// An OTA session.
    #[cfg_attr(not(feature = "linkkit"), allow(dead_code, reason = "Link Kit's"))]
    Ota = 0xA,
    /// A HaaS device.
    #[cfg(feature = "haas")]
    Haas = 0xC,
    /// A file that is fetched for QuecPython.
    #[cfg(feature = "quectel")]
    Fetch = 0xD,
    /// An MQTT client.
    #[cfg(any(all(feature = "mqtt", feature = "linkkit"), test))]
    Mqtt = 0xB,
}

#[cfg(target_pointer_width = "64")]
mod layout {
    pub const INDEX_BITS: u32 = 12;
    pub const GENERATION_BITS: u32 = 44;
    pub const KIND_SHIFT: u32 = 56;
}
#[cfg(target_pointer_width = "32")]
mod layout {
    pub const INDEX_BITS: u32 = 10;
    pub const GENERATION_BITS: u32 = 18;
    pub const KIND_SHIFT: u32 = 28;
}
use layout::{GENERATION_BITS, INDEX_BITS, KIND_SHIFT};

const fn mask(bits: u32) -> usize {
    (1 << bits) - 1
}

/// A handle's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(usize);

impl Handle {
    /// As C passes it.
    pub fn from_c(pointer: *const c_void) -> Self {
        Self(pointer.addr())
    }

    /// As C gets it.
    pub fn to_c(self) -> *mut c_void {
        std::ptr::without_provenance_mut(self.0)
    }

    fn pack(kind: Kind, index: usize, generation: usize) -> Self {
        Self((kind as usize) << KIND_SHIFT | (generation & mask(GENERATION_BITS)) << INDEX_BITS | index)
    }
}

/// All handles of one kind that are open.
pub struct Table<T> {
    kind: Kind,
    slots: RwLock<Vec<Slot<T>>>,
}

struct Slot<T> {
    /// Odd while open: a slot that was never used matches no handle.
    generation: usize,
    value: Option<Arc<T>>,
}

impl<T> Table<T> {
    /// An empty table.
    pub const fn new(kind: Kind) -> Self {
        Self { kind, slots: RwLock::new(Vec::new()) }
    }

    /// Opens a handle, unless `conflicts` with one that is open, or there are too many.
    pub fn open_unless(&self, value: Arc<T>, conflicts: impl Fn(&T) -> bool) -> Option<Handle> {
        let mut slots = self.slots.write();
        if slots.iter().filter_map(|slot| slot.value.as_deref()).any(conflicts) {
            return None;
        }
        let index = match slots.iter().position(|slot| slot.value.is_none()) {
            Some(index) => index,
            None if slots.len() <= mask(INDEX_BITS) => {
                slots.push(Slot { generation: 0, value: None });
                slots.len() - 1
            }
            None => return None,
        };
        let slot = slots.get_mut(index)?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.value = Some(value);
        Some(Handle::pack(self.kind, index, slot.generation))
    }

    /// What the handle stands for; `None` unless it is open.
    pub fn get(&self, handle: Handle) -> Option<Arc<T>> {
        let slots = self.slots.read();
        let (index, slot) = Self::find(&slots, handle)?;
        (Handle::pack(self.kind, index, slot.generation) == handle).then(|| slot.value.clone())?
    }

    /// Closes the handle and returns what it stood for; `None` unless it was open.
    pub fn close(&self, handle: Handle) -> Option<Arc<T>> {
        let mut slots = self.slots.write();
        let (index, slot) = Self::find(&slots, handle)?;
        if Handle::pack(self.kind, index, slot.generation) != handle {
            return None;
        }
        slots.get_mut(index)?.value.take()
    }

    /// The first open handle whose value satisfies `wanted`.
    #[cfg(any(feature = "linkkit", test))]
    pub fn find_open(&self, wanted: impl Fn(&T) -> bool) -> Option<Handle> {
        let slots = self.slots.read();
        slots.iter().enumerate().find_map(|(index, slot)| {
            let value = slot.value.as_deref()?;
            wanted(value).then(|| Handle::pack(self.kind, index, slot.generation))
        })
    }

    /// What the open handles stand for.
    #[cfg(any(all(feature = "mqtt", feature = "linkkit"), test))]
    pub fn all(&self) -> Vec<Arc<T>> {
        self.slots.read().iter().filter_map(|slot| slot.value.clone()).collect()
    }

    /// How many handles are open.
    #[cfg(any(all(feature = "mqtt", feature = "linkkit"), test))]
    pub fn len(&self) -> usize {
        self.slots.read().iter().filter(|slot| slot.value.is_some()).count()
    }

    fn find(slots: &[Slot<T>], handle: Handle) -> Option<(usize, &Slot<T>)> {
        let index = handle.0 & mask(INDEX_BITS);
        slots.get(index).map(|slot| (index, slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_open_handles_of_the_right_kind_are_found() {
        let table = Table::new(Kind::Ota);
        let other = Table::new(Kind::Mqtt);
        let open = |value| table.open_unless(Arc::new(value), |_| false).unwrap();
        let (a, b) = (open(1), open(2));
        assert_eq!(table.get(a).as_deref(), Some(&1));
        assert_eq!(table.get(Handle::from_c(b.to_c())).as_deref(), Some(&2));
        let foreign = other.open_unless(Arc::new(3), |_| false).unwrap();
        assert_eq!(table.get(foreign), None);
        for made_up in [0, 1, 0xdead_beef, usize::MAX, a.0 ^ 1 << INDEX_BITS] {
            assert_eq!(table.get(Handle(made_up)), None, "{made_up:x}");
            assert_eq!(table.close(Handle(made_up)), None, "{made_up:x}");
        }
        assert_eq!(table.close(a).as_deref(), Some(&1));
        assert_eq!((table.close(a), table.get(a)), (None, None));
        let c = open(4);
        assert_ne!(c, a);
        assert_eq!(table.get(a), None);
        assert_eq!(table.len(), 2);
        assert_eq!(table.all().iter().map(|value| **value).collect::<Vec<_>>(), [4, 2]);
        assert_eq!(table.find_open(|&value| value == 4), Some(c));
    }

    #[test]
    fn conflicts_and_limits_are_refused() {
        let table = Table::new(Kind::Mqtt);
        assert!(table.open_unless(Arc::new(0), |_| false).is_some());
        assert!(table.open_unless(Arc::new(0), |&open| open == 0).is_none());
        let opened = (1..=mask(INDEX_BITS)).filter(|&n| table.open_unless(Arc::new(n), |_| false).is_some());
        assert_eq!(opened.count(), mask(INDEX_BITS));
        assert!(table.open_unless(Arc::new(0), |_| false).is_none());
    }
}
